// Who may send a queue that a page has left: one page at a time. A page holds a Web Lock for each queue that it sends, so that a queue is
// free the moment its page is gone; where there are no locks (plain http), a note with an expiry stands for one.

import { uuid4 } from "../ids";
import type { Lifetime } from "../lifetime";
import type { Store } from "../store";
import { LEASE_MS } from "./ahead";

const SETTLE_MS = 100;

export class Owners {
  private held = new Map<string, () => void>();
  private asked = new Set<string>();
  private leaving = new AbortController();

  constructor(
    private readonly prefix: string,
    private readonly store: Store,
    private readonly life: Lifetime,
  ) {
    life.ending(() => this.dropAll());
  }

  holds(owner: string): boolean {
    return this.held.has(owner);
  }

  /** Calls `fn` once the queue is ours: at once, or when the page that has it is gone. */
  take(owner: string, fn: () => void): void {
    if (this.asked.has(owner)) return;
    this.asked.add(owner);
    const taken = (release: () => void) => {
      this.held.set(owner, release);
      this.life.guard.run(fn);
    };
    const { signal } = this.leaving;
    if (navigator.locks) {
      const wait = () => new Promise<void>(taken);
      navigator.locks.request(`${this.prefix}${owner}`, { signal }, wait).catch(() => {});
    } else this.lease(owner, taken, signal);
  }

  drop(owner: string): void {
    this.held.get(owner)?.();
    this.held.delete(owner);
    this.asked.delete(owner);
  }

  /** Lets go of all but these. */
  keep(wanted: (owner: string) => boolean): void {
    for (const owner of [...this.held.keys()]) if (!wanted(owner)) this.drop(owner);
  }

  /** The page is left, perhaps for the back/forward cache, where nobody may hold anything. */
  dropAll(): void {
    this.leaving.abort();
    this.leaving = new AbortController();
    for (const owner of [...this.asked]) this.drop(owner);
  }

  /** Of leases: this page is alive. Those of pages that died go. */
  renew(): void {
    if (navigator.locks) return;
    for (const key of this.store.keys("l.")) if (this.left(key) < -LEASE_MS) this.store.remove(key);
    for (const owner of this.held.keys()) this.note(owner, "");
  }

  private note(owner: string, who: string): void {
    this.store.set(`l.${owner}`, `${Date.now() + LEASE_MS} ${who}`);
  }

  /** ms; below 0 where there is none. */
  private left(key: string): number {
    return Math.min(LEASE_MS, (Number.parseInt(this.store.get(key) ?? "", 10) || 0) - Date.now());
  }

  private lease(owner: string, taken: (release: () => void) => void, signal: AbortSignal): void {
    if (signal.aborted) return;
    const key = `l.${owner}`;
    const again = () => this.lease(owner, taken, signal);
    const left = this.left(key);
    if (left > 0) {
      this.life.after(left + SETTLE_MS, again);
      return;
    }
    const who = uuid4();
    const isOurs = () => this.store.get(key)?.endsWith(who);
    this.note(owner, who);
    // The page is left before the queue was taken: the next page need not wait for the note to expire.
    signal.addEventListener("abort", () => isOurs() && this.store.remove(key), { once: true });
    // Two may have seen it free: whose note is there after a moment has it.
    this.life.after(SETTLE_MS, () => {
      if (signal.aborted) return;
      if (isOurs()) taken(() => this.store.remove(key));
      else again();
    });
  }
}
