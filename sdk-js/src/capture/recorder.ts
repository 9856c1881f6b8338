// Makes events out of what was seen. The one place that knows user, visit and page.

import { uuid7 } from "../ids";
import type { SnippetConfig, Target, WireEvent } from "../wire";
import { cleanAddress } from "./address";
import { describe } from "./selector";

export interface Sighting {
  element?: Element | null;
  /** Where the element may be gone by now. */
  target?: Target;
  properties?: Record<string, unknown>;
  /** ms since 1970; now where left out. */
  at?: number;
  /** Made at the time of the happening, so that ids sort as things happened. */
  id?: string;
  /** Address at the time of the happening. */
  url?: string;
}

export interface Surroundings {
  user(): string;
  session(now: number): string;
  rules(): SnippetConfig["capture"];
  /** Where events go. */
  take(event: WireEvent): void;
  /** The user did something with this element. */
  used(element: Element): void;
}

export class Recorder {
  constructor(private readonly around: Surroundings) {}

  record(type: string, sighting: Sighting = {}): void {
    const at = sighting.at ?? Date.now();
    this.around.take({
      event_id: sighting.id ?? uuid7(at),
      event_type: type,
      user_id: this.around.user(),
      session_id: this.around.session(at),
      timestamp: new Date(at).toISOString(),
      url: sighting.url ?? this.address(),
      target_element: sighting.target ?? (sighting.element ? describe(sighting.element) : null),
      properties: sighting.properties ?? {},
    });
  }

  /** The page's address as it may be kept. */
  address(href: string = location.href): string {
    return cleanAddress(href, this.around.rules().query_parameters);
  }

  mayReadText(): boolean {
    return this.around.rules().text;
  }

  used(element: Element): void {
    this.around.used(element);
  }
}
