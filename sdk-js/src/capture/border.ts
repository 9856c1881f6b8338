// What makes events meets the rest of the core. Types only.

import type { Rules } from "../rules";
import type { Who } from "../who/who";
import type { WireEvent } from "../wire";
import type { BeforeSend } from "./hook";

export interface Surroundings {
  readonly who: Who;
  readonly rules: Rules;
  /** `beforeSend`: the host's own last word on an event. */
  readonly given: { options: { beforeSend?: BeforeSend } };
  /** Where events go. */
  take(event: WireEvent): void;
  emit(event: string, detail: Record<string, unknown>): void;
  /** The user did something with this element; `reacted`: the page has answered or has not, left out while it may. */
  seeUsed(element: Element, reacted?: boolean): void;
}
