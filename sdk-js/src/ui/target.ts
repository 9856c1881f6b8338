// Finds the element a nudge points at, and waits until somebody could see it.

import type { Lifetime } from "../lifetime";

const PATIENCE_MS = 10_000;

export function find(selector: string): Element | null {
  try {
    for (const element of document.querySelectorAll(selector)) if (isRendered(element)) return element;
  } catch {
    // Not a selector this browser knows.
  }
  return null;
}

/** Calls `found` once the element is in sight, or `missing` when it did not come. Returns how to stop waiting. */
export function awaitTarget(
  selector: string,
  life: Lifetime,
  found: (element: Element) => void,
  missing: () => void,
): () => void {
  const stops: (() => void)[] = [];
  const stop = () => {
    for (const one of stops.splice(0)) one();
  };
  const look = () => {
    const element = find(selector);
    if (!element) return false;
    stop();
    stops.push(whenInSight(element, life, () => found(element)));
    return true;
  };
  if (look()) return stop;
  const observer = new MutationObserver(life.guard.wrap(() => void look()));
  observer.observe(document, { childList: true, subtree: true, attributes: true });
  stops.push(life.ending(() => observer.disconnect()));
  stops.push(
    life.after(PATIENCE_MS, () => {
      stop();
      missing();
    }),
  );
  return stop;
}

function whenInSight(element: Element, life: Lifetime, fn: () => void): () => void {
  if (typeof IntersectionObserver === "undefined") {
    fn();
    return () => {};
  }
  const observer = new IntersectionObserver(
    life.guard.wrap((entries: IntersectionObserverEntry[]) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      stop();
      fn();
    }),
  );
  const stop = life.ending(() => observer.disconnect());
  observer.observe(element);
  return stop;
}

function isRendered(element: Element): boolean {
  if (typeof element.checkVisibility === "function")
    return element.checkVisibility({ visibilityProperty: true });
  return element.getClientRects().length > 0;
}
