// Makes events out of what was seen. The one place that knows user, visit and page.

import { uuid7 } from "../ids";
import type { SnippetConfig, Target, WireEvent } from "../wire";
import { cleanAddress } from "./address";
import { type BeforeSend, screened } from "./hook";
import { scrubbed } from "./secrets";
import { describe } from "./selector";

/** Who, where and when: fixed at the time of the happening, while the element is still there. */
export interface Sighting {
  target?: Target | null | undefined;
  /** ms since 1970; now where left out. */
  at?: number;
  /** Made at the time of the happening, so that ids sort as things happened. */
  id?: string;
  /** Address at the time of the happening. */
  url?: string | undefined;
  properties?: Record<string, unknown>;
}

export interface Surroundings {
  user(): string;
  session(now: number): string;
  rules(): SnippetConfig["capture"];
  /** The host's own last word on an event. */
  beforeSend?: BeforeSend | undefined;
  /** Where events go. */
  take(event: WireEvent): void;
  /** An event was given up, because the host's own function failed. */
  failed(): void;
  /** The user did something with this element. */
  used(element: Element): void;
}

export class Recorder {
  /** Reads an element's accessible name. Comes with what is loaded later, and is asked only where texts are allowed. */
  nameOf: ((element: Element) => string | null) | null = null;

  constructor(private readonly around: Surroundings) {}

  sight(element?: Element): Required<Omit<Sighting, "properties">> {
    const at = Date.now();
    const target = element ? describe(element, this.around.rules().text ? this.nameOf : null) : null;
    return { target, at, id: uuid7(at), url: this.address() };
  }

  record(type: string, sighting: Sighting = {}): void {
    const { around } = this;
    const at = sighting.at ?? Date.now();
    const event: WireEvent = {
      event_id: sighting.id ?? uuid7(at),
      event_type: type,
      user_id: around.user(),
      session_id: around.session(at),
      timestamp: new Date(at).toISOString(),
      url: sighting.url ?? this.address(),
      target_element: sighting.target ?? null,
      properties: sighting.properties ?? {},
    };
    const told = around.beforeSend ? screened(event, around.beforeSend, (href) => this.address(href)) : event;
    if (told) around.take(told);
    else if (told === undefined) around.failed();
  }

  /** The page's address as it may be kept. */
  address(href: string = location.href): string {
    return cleanAddress(href, this.around.rules().query_parameters);
  }

  /** The page's title where it may be told, else "". */
  title(): string {
    const masked = () =>
      Document.prototype.querySelector.call(document, "html[data-hr-mask],title[data-hr-mask]");
    return this.around.rules().text && !masked() ? scrubbed(document.title).slice(0, 200) : "";
  }

  used(element: Element): void {
    this.around.used(element);
  }
}
