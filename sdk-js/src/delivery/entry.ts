// An event at rest, as both halves of the delivery know it.
//
// `q.<owner>.<event id>` is an event, `q.<owner>.~<user id>` the token that was good for that user's events of that queue.
// An owner is a page; its queue may be taken over whole by another page when it is gone.

import type { WireEvent } from "../wire";

export const HEAD = "q.";

export interface Entry {
  /** Its name at rest. */
  readonly key: string;
  readonly id: string;
  readonly user: string;
  /** Owner and user: what one token at rest is good for. */
  readonly lot: string;
  /** Sent as it is, each time. */
  readonly text: string;
  /** In localStorage. */
  shelved: boolean;
}

export function entryOf(
  owner: string,
  { event_id: id, user_id: user }: WireEvent,
  text: string,
  shelved: boolean,
): Entry {
  return { key: `${HEAD}${owner}.${id}`, id, user, lot: `${owner}.~${user}`, text, shelved };
}
