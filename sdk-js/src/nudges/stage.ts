// Where the core and what shows nudges meet. Types only: the core is small because the other side is loaded when it is
// first needed.

import type { Lifetime } from "../lifetime";
import type { Action, Nudge } from "../wire";
import type { Shown } from "./shown";

export type Fate =
  | "nudge_shown"
  | "nudge_dismissed"
  | "nudge_clicked"
  | "nudge_completed"
  | "nudge_target_missing";

/** What the shown side may ask of the core. */
export interface Stage {
  shown: Shown;
  language(): string;
  /** The tenant's theme as the server told it: anything, to be read with care. */
  theme(): unknown;
  /** Tells what became of a nudge: an event, and a call of the page's own handlers. */
  tell(fate: Fate, nudgeId: string, actionId?: string): void;
  /** The nudge is done for all devices. */
  ack(seq: number): void;
  /** An action of kind `event`. */
  action(nudgeId: Nudge["nudge_id"], actionId: Action["id"]): void;
  /** Keeps what the user wrote for sending, as an event `user_message`; returns the event's id. */
  say(text: string, nudgeId: string | null): string;
  /** Tries to send at once. Whether the server has that event; false where it waits in the queue. */
  arrived(eventId: string): Promise<boolean>;
}

export interface Item {
  nudge: Nudge;
  /** Acknowledging it ends the nudge on all devices. */
  seq: number;
  /** A message is shown like a nudge, but is none: no events tell of it. */
  message: boolean;
}

/** The shown side, as the core sees it. */
export interface Ui {
  take(item: Item): void;
  /** A nudge was completed: nothing of it needs to be seen any more. */
  completed(nudgeId: string): void;
  /** Forgets what was taken and not shown yet: another tab is looked at. What is in sight stays. */
  withdraw?(): void;
  /** Another user, or the end: everything goes. */
  clear(): void;
}

export interface UiModule {
  startUi(stage: Stage, life: Lifetime): Ui;
}

/** Fetches the shown side; rejects when it cannot be had. */
export type LoadUi = () => Promise<UiModule>;
