// A place that one tab of the browser holds: a Web Lock. Where there are none (plain-http pages), each tab sits alone.

import type { Guard } from "../guard";

export class Seat {
  held = false;
  private wish: { abort: AbortController; release: () => void } | null = null;

  constructor(
    private readonly name: string,
    private readonly guard: Guard,
    /** Called when the seat is had, and when it is not any more. */
    private readonly turned: (held: boolean) => void,
    private readonly locks: LockManager | undefined = lockManager(),
  ) {}

  /** Waits for the seat. `steal`: takes it from a tab that does not answer. */
  take(steal = false): void {
    if (this.held || (this.wish && !steal)) return;
    this.leave();
    const { locks } = this;
    if (!locks) {
      this.turn(true);
      return;
    }
    const abort = new AbortController();
    const wish = { abort, release: () => {} };
    this.wish = wish;
    const options = steal ? { steal } : { signal: abort.signal };
    const sit = () =>
      new Promise<void>((release) => {
        wish.release = release;
        if (abort.signal.aborted) release();
        else this.turn(true);
      });
    this.request(locks, options, sit).catch((error: unknown) => {
      if (this.wish !== wish) return;
      const stolen = this.held;
      this.wish = null;
      this.turn(false);
      if (stolen) this.take();
      // Locks are forbidden here.
      else if ((error as Error | undefined)?.name !== "AbortError") this.turn(true);
    });
  }

  leave(): void {
    const { wish } = this;
    this.wish = null;
    wish?.abort.abort();
    wish?.release();
    this.turn(false);
  }

  private async request(locks: LockManager, options: LockOptions, sit: () => Promise<void>): Promise<void> {
    await locks.request(this.name, options, sit);
  }

  private turn(held: boolean): void {
    if (held === this.held) return;
    this.held = held;
    this.guard.run(() => this.turned(held));
  }
}

/** Sharing takes both: whoever does not sit must hear the one who does. */
function lockManager(): LockManager | undefined {
  return typeof BroadcastChannel === "undefined" ? undefined : (navigator as { locks?: LockManager }).locks;
}
