// The life of the page: looked at, hidden, left, back again. Nothing here for `unload`: it would keep the page from the
// back/forward cache.

import type { Lifetime } from "./lifetime";

/** Out of the back/forward cache. */
export function whenBack(life: Lifetime, fn: () => void): void {
  life.on<PageTransitionEvent>(window, "pageshow", (event) => {
    if (event.persisted) fn();
  });
}

/** Calls `fn` once, when the page has been looked at for `ms` without a break. Returns how to stop waiting. */
export function whenLookedAt(life: Lifetime, ms: number, fn: () => void): () => void {
  let stopTimer = () => {};
  const look = () => {
    stopTimer();
    if (document.visibilityState !== "hidden") {
      stopTimer = life.after(ms, () => {
        stop();
        fn();
      });
    }
  };
  const stops = [
    life.on(document, "visibilitychange", look),
    life.on(window, "pagehide", () => stopTimer()),
    life.on(window, "pageshow", look),
  ];
  const stop = () => {
    stopTimer();
    for (const one of stops) one();
  };
  look();
  return stop;
}
