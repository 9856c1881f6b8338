// Frames of the same origin, where asked for: what happens in them is heard like what happens in the page. Not part of
// the core.

import type { Lifetime } from "../lifetime";
import { isElement } from "./element";
import type { Roots } from "./roots";

export function watchFrames(roots: Roots, life: Lifetime, page: Document): void {
  const enter = (frame: unknown) => {
    const inner: Document | null = isElement(frame) ? (frame as HTMLIFrameElement).contentDocument : null;
    if (inner?.defaultView && roots.watch(inner, inner.defaultView)) watchFrames(roots, life, inner);
  };
  page.querySelectorAll("iframe").forEach(enter);
  life.on(page, "load", (event) => enter(event.target), { capture: true });
}
