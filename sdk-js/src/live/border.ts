// Where the core meets what keeps a page connected: socket, tabs, nudges. Types only: a page's first seconds need
// none of it, so it is a file of its own, fetched when the page has been looked at for a while.

import type { Door } from "../delivery/door";
import type { LoadHealth, Sights } from "../health/border";
import type { Lifetime } from "../lifetime";
import type { LoadUi, Stage } from "../nudges/stage";
import type { Store } from "../store";
import type { Tokens } from "../who/tokens";

/** What the live side may ask of the core; what shows nudges gets the rest of its stage from the desk. */
export interface Core extends Omit<Stage, "shown" | "ack">, Sights {
  /** Of all names that this key's snippet uses in the browser. */
  readonly prefix: string;
  readonly door: Door;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly loadLive: () => Promise<LiveModule>;
  readonly loadUi: LoadUi;
  readonly loadHealth: LoadHealth;
  userId(): string;
  /** How an element's accessible name is read: asked where the tenant allows texts. */
  naming(nameOf: (element: Element) => string | null): void;
  /** A config came by the socket. */
  configured(config: unknown): void;
  /** There is a token for this user now. */
  released(userId: string): void;
  emit(event: string, detail: Record<string, unknown>): void;
}

/** The live side, as the core sees it. */
export interface Live {
  /** Who the user is has changed. */
  changed(): void;
  /** The user did something with an element. */
  used(element: Element, reacted?: boolean): void;
  /** Another page, or another route of this one. */
  viewed(): void;
}

export interface LiveModule {
  startLive(core: Core, life: Lifetime): Live;
}
