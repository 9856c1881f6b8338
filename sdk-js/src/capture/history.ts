// Browsers without the Navigation API do not tell when the page changes its address. Not part of the core: where the page
// is when this comes is looked at then.

import type { Lifetime } from "../lifetime";

const METHODS = ["pushState", "replaceState"] as const;
const OURS = Symbol.for("handrail.history");

/** Once a page, and what the page put on top stays. */
export function patchHistory(life: Lifetime, look: () => void): void {
  if (window.navigation) return;
  for (const name of METHODS) {
    const original = history[name] as History[typeof name] & { [OURS]?: true };
    if (original[OURS]) continue;
    const patched = function (this: History, ...args: Parameters<History[typeof name]>): void {
      original.apply(this, args);
      if (!life.ended) life.guard.run(look);
    };
    history[name] = Object.assign(patched, { [OURS]: true });
    life.ending(() => {
      if (history[name] === patched) history[name] = original;
    });
  }
  look();
}
