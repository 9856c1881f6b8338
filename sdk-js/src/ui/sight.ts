// Whether a person could see an element: it is there, it is drawn, some of it lies in the window, and nothing covers it.

import { ROOT_TAG } from "../capture/element";
import { stepsOf } from "../capture/find";
import type { Lifetime } from "../lifetime";

/** The first element drawn at all. `>>>` leads into an open shadow root. */
export function find(selector: string): Element | null {
  try {
    let roots: ParentNode[] = [document];
    const steps = stepsOf(selector);
    for (const step of steps.slice(0, -1)) {
      roots = roots.flatMap((root) =>
        [...root.querySelectorAll(step)].flatMap((element) => element.shadowRoot ?? []),
      );
    }
    for (const root of roots) {
      for (const element of root.querySelectorAll(steps.at(-1) ?? "")) if (isDrawn(element)) return element;
    }
  } catch {
    // Not a selector this browser knows.
  }
  return null;
}

export function isDrawn(element: Element): boolean {
  if (!element.isConnected) return false;
  if (element.checkVisibility) return element.checkVisibility({ visibilityProperty: true });
  return element.getClientRects().length > 0;
}

/**
 * Looks once, within a frame or two. `on`: what must be on top in its place, where that is not the element itself.
 * Returns how to stop.
 */
export function look(
  element: Element,
  life: Lifetime,
  fn: (seen: boolean) => void,
  on = element,
): () => void {
  if (typeof IntersectionObserver === "undefined") {
    fn(true);
    return () => {};
  }
  const observer = new IntersectionObserver(
    life.guard.wrap((entries: IntersectionObserverEntry[]) => {
      stop();
      const entry = entries.at(-1);
      fn(!!entry?.isIntersecting && uncovered(on, entry.intersectionRect));
    }),
  );
  const stop = life.ending(() => observer.disconnect());
  observer.observe(element);
  return stop;
}

/** At the middle and towards the corners of the part that lies in the window. */
const POINTS = [
  [0.5, 0.5],
  [0.15, 0.2],
  [0.85, 0.2],
  [0.15, 0.8],
  [0.85, 0.8],
] as const;

function uncovered(element: Element, part: DOMRectReadOnly): boolean {
  const root = element.getRootNode() as Document | ShadowRoot;
  return POINTS.some(([across, down]) => {
    const top = root
      .elementsFromPoint(part.x + part.width * across, part.y + part.height * down)
      // What we show covers nothing.
      .find((one) => one.localName !== ROOT_TAG || one === element);
    return !!top && isPartOf(top, element);
  });
}

function isPartOf(top: Element, element: Element): boolean {
  return (
    element.contains(top) ||
    // A field that is hidden behind its label, and what lets clicks through.
    (top.closest("label") as HTMLLabelElement | null)?.control === element ||
    (top.contains(element) && getComputedStyle(element).pointerEvents === "none")
  );
}
