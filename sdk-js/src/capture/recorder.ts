// Makes events out of what was seen. The one place that knows user, visit and page.

import { uuid7 } from "../ids";
import type { Limits } from "../rules";
import type { Target, WireEvent } from "../wire";
import { cleanAddress } from "./address";
import type { Surroundings } from "./border";
import { screened } from "./hook";
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

export class Recorder {
  /** Reads an element's accessible name. Comes with what is loaded later, and is asked only where texts are allowed. */
  nameOf: ((element: Element) => string | null) | null = null;
  /** The page's title; as above. */
  titleOf: (() => string) | null = null;

  constructor(private readonly around: Surroundings) {}

  sight(element?: Element): Required<Omit<Sighting, "properties">> {
    const at = Date.now();
    const target = element ? describe(element, this.rules().text ? this.nameOf : null) : null;
    return { target, at, id: uuid7(at), url: this.address() };
  }

  record(type: string, sighting: Sighting = {}): void {
    const { around } = this;
    const at = sighting.at ?? Date.now();
    const event: WireEvent = {
      event_id: sighting.id ?? uuid7(at),
      event_type: type,
      user_id: around.who.userId,
      session_id: around.who.session.at(at),
      timestamp: new Date(at).toISOString(),
      url: sighting.url ?? this.address(),
      target_element: sighting.target ?? null,
      properties: sighting.properties ?? {},
    };
    const { beforeSend } = around.given.options;
    const told = beforeSend ? screened(event, beforeSend, (href) => this.address(href)) : event;
    if (told) around.take(told);
    else if (told === undefined) around.emit("error", { code: "before_send" });
  }

  /** The page's address as it may be kept. */
  address(href: string = location.href): string {
    return cleanAddress(href, this.rules().query_parameters);
  }

  /** The page's title where it may be told. */
  title(): string | undefined {
    return this.rules().text ? this.titleOf?.() : undefined;
  }

  private rules(): Limits["capture"] {
    return this.around.rules.now.capture;
  }

  used(element: Element, reacted?: boolean): void {
    this.around.seeUsed(element, reacted);
  }
}
