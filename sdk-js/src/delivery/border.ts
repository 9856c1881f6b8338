// Where the core meets what sends. Types only: a page's first moment needs none of it, since events are at rest before
// anything is sent; so it is a file of its own, fetched when the page has a moment.

import type { Capture } from "../capture/capture";
import type { Recorder } from "../capture/recorder";
import type { Lifetime } from "../lifetime";
import type { Options } from "../options";
import type { Rules } from "../rules";
import type { Store } from "../store";
import type { Who } from "../who/who";
import type { Ahead } from "./ahead";

/** What the first init said. */
export interface Given {
  options: Options;
  /** Of all names that this key's snippet uses in the browser. */
  prefix: string;
  endpoint: string;
  /** The user was asked and has not answered: nothing is stored, nothing is sent. */
  pending: boolean;
}

/** The core, as what sends sees it. */
export interface Core {
  readonly given: Given;
  readonly life: Lifetime;
  readonly store: Store;
  readonly rules: Rules;
  readonly who: Who;
  readonly ahead: Ahead;
  readonly recorder: Recorder;
  readonly chunks: Chunks;
  /** Null as long as nothing is captured here. */
  readonly capture: Capture | null;
  /** Elements that were used before anybody asked. */
  readonly used: Element[];
  /** The rules have changed: captures from here on where they want it. Returns whether they do. */
  ruled(): boolean;
  emit(event: string, detail: Record<string, unknown>): void;
  /** Nothing will ever be captured on this page again. */
  end(): void;
}

/** What sends, as the core sees it. */
export interface Outgoing {
  /** Who the user is may be told. */
  introduce(): void;
  /** Somebody else is about to be the user. */
  turning(): void;
  /** `anew`: shares nothing with the one before. */
  turned(anew: boolean): void;
  /** As the core's. */
  seeUsed(element: Element, reacted?: boolean): void;
  flush(): Promise<void>;
  /** The page may be gone in a moment. `leaving`: it is left, not only hidden. */
  away(leaving: boolean): void;
  /** Out of the back/forward cache. */
  back(): void;
  /** Forgets all events of this browser, sent or not. */
  clear(): void;
}

export interface DeliveryModule {
  startDelivery(core: Core): Outgoing;
}

export type Later = "live" | "ui" | "health";

/** What is fetched later; rejects where it cannot be had. */
export interface Chunks {
  delivery(): Promise<DeliveryModule>;
  /** Of the same build. The hash is known to the file that asks. */
  other(name: Later, integrity: string): Promise<unknown>;
}
