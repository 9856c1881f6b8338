// Everything that must end together: listeners, timers, observers.

import type { Guard } from "./guard";

export class Lifetime {
  private endings = new Set<() => void>();
  ended = false;

  constructor(readonly guard: Guard) {}

  /** Calls `fn` for each event until the end; never throws into the page. Returns how to stop earlier. */
  on<E extends Event>(
    target: EventTarget,
    type: string,
    fn: (event: E) => void,
    options: AddEventListenerOptions = {},
  ): () => void {
    const listener = this.guard.wrap(fn) as EventListener;
    const full = { passive: true, ...options };
    target.addEventListener(type, listener, full);
    return this.ending(() => target.removeEventListener(type, listener, full));
  }

  after(ms: number, fn: () => void): () => void {
    const timer = setTimeout(() => {
      stop();
      this.guard.run(fn);
    }, ms);
    const stop = this.ending(() => clearTimeout(timer));
    return stop;
  }

  /** Registers how something ends; returns a function that ends it now, once. */
  ending(fn: () => void): () => void {
    const once = () => {
      if (this.endings.delete(once)) fn();
    };
    this.endings.add(once);
    return once;
  }

  end(): void {
    this.ended = true;
    for (const ending of [...this.endings]) this.guard.run(ending);
  }
}
