// Writes each event down before anything else happens, from the page's first moment on, under the page's own name and
// lock. What sends them comes later, in a file of its own, and is handed what waits.

import { uuid4 } from "../ids";
import { jsonText } from "../json";
import type { Store } from "../store";
import type { WireEvent } from "../wire";
import { type Entry, entryOf, HEAD } from "./entry";

export const LEASE_MS = 60_000;
/** Events of all pages in localStorage, while nobody is there to send them; as many wait in this page's memory. */
const MOST = 1_000;

/** Takes what was written. */
export type Take = (entry: Entry, event: WireEvent) => void;

export class Ahead {
  /** The page's queue. */
  owner = uuid4();
  /** localStorage takes no more: the host shall have what room there is. */
  isFull: boolean | undefined;
  /** Not in the hands of the delivery yet. */
  waiting: [Entry, WireEvent][] = [];
  /** How many did not fit. */
  lost = 0;
  private take: Take | null = null;
  private letGo = () => {};

  constructor(
    private readonly store: Store,
    /** Of locks. */
    private readonly prefix: string,
  ) {}

  /** As long as the page lives nobody else sends its queue. */
  hold(): void {
    const gone = new Promise<void>((resolve) => {
      this.letGo = resolve;
    });
    navigator.locks?.request(this.prefix + this.owner, () => gone).catch(() => {});
    this.renew();
  }

  /** Where there are no locks (plain http): a note with an expiry. */
  renew(): void {
    if (!navigator.locks) this.store.set(`l.${this.owner}`, `${Date.now() + LEASE_MS} `);
  }

  /** The page is left. */
  drop(): void {
    this.letGo();
    this.store.remove(`l.${this.owner}`);
  }

  /** Out of the back/forward cache: what was left at rest may be anybody's by now, so a new queue begins. */
  back(): void {
    this.owner = uuid4();
    this.waiting = this.waiting.filter(([entry]) => !entry.shelved);
    this.hold();
  }

  add(event: WireEvent): void {
    const text = jsonText(event);
    const entry = entryOf(this.owner, event, text, false);
    this.isFull ??= this.store.keys(HEAD).length >= MOST;
    entry.shelved = !this.isFull && this.store.put(entry.key, text);
    this.isFull = !entry.shelved;
    if (this.take) this.take(entry, event);
    else if (this.waiting.length < MOST) this.waiting.push([entry, event]);
    // At rest it is found by the next page, and that is enough of them.
    else if (entry.shelved) this.isFull = true;
    else this.lost += 1;
  }

  /** From here on `take` gets each event, and first of all what waits. */
  hand(take: Take): void {
    this.take = take;
    for (const one of this.waiting.splice(0)) take(...one);
  }
}
