// Work in the page's idle time, in slices that nobody feels.

import type { Lifetime } from "../lifetime";

const SLICE_MS = 4;
/** A page that is never idle is worked in all the same, a slice at a time. */
const LATEST_MS = 1_000;
/** Where the browser does not tell of idle time. */
const PAUSE_MS = 50;

/** Does `work` step by step, then calls `done` with its result. Returns how to stop. */
export function idly<T>(life: Lifetime, work: Generator<void, T>, done: (result: T) => void): () => void {
  let stop = () => {};
  const slice = (idle?: IdleDeadline) => {
    const until = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) {
        done(step.value);
        return;
      }
    } while (performance.now() < until && (!idle || idle.didTimeout || idle.timeRemaining() > 1));
    next();
  };
  const next = () => {
    if (typeof requestIdleCallback === "undefined") {
      stop = life.after(PAUSE_MS, slice);
      return;
    }
    const id = requestIdleCallback(
      (idle) => {
        stop();
        life.guard.run(() => slice(idle));
      },
      { timeout: LATEST_MS },
    );
    stop = life.ending(() => cancelIdleCallback(id));
  };
  next();
  return () => stop();
}
