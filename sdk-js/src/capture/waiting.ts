// What waits a moment before it becomes an event, and becomes one at once when the page is left.

import type { Lifetime } from "../lifetime";

/** Whether a request or a script is ours. */
export type IsOwn = (address: string) => boolean;

export class Waiting {
  private readonly open = new Set<() => void>();
  private readonly counts = new Map<unknown, number>();

  constructor(private readonly life: Lifetime) {}

  /** Calls `fn` once, after `ms` or when all is settled. Returns how to end the wait, without `fn` or with it. */
  after(ms: number, fn: () => void): (call?: boolean) => void {
    const end = (call = true) => {
      if (!this.open.delete(settle)) return;
      stop();
      if (call) fn();
    };
    const settle = () => end();
    this.open.add(settle);
    const stop = this.life.after(ms, settle);
    return end;
  }

  /** What happens to one thing within `ms` is one event: `begin` is called the first time, what it returns at the end. */
  together(ms: number, thing: unknown, begin: () => (count: number) => void): void {
    const count = this.counts.get(thing) ?? 0;
    this.counts.set(thing, count + 1);
    if (count) return;
    const done = begin();
    this.after(ms, () => {
      const all = this.counts.get(thing) ?? 1;
      this.counts.delete(thing);
      done(all);
    });
  }

  settle(): void {
    for (const settle of [...this.open]) settle();
  }
}
