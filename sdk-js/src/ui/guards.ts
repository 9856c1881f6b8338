// Keeps the page's handlers away from what happens in our root, so that its hotkeys, focus traps and outside-click
// handlers do not answer. In the capture phase on window, the first stop of any event: only a handler that the page put
// right there, before us, still hears. As nothing passes, our own elements are told from here.

import type { Lifetime } from "../lifetime";

const PRESS = ["pointerdown", "mousedown", "touchstart"];
const RELEASE = ["pointerup", "mouseup", "touchend"];
const FOCUS = ["focusin", "focusout", "focus", "blur"];
const OTHER =
  "click dblclick auxclick contextmenu keydown keyup keypress beforeinput input paste copy cut wheel touchmove";
/** A trap is likely to sit on one of these; anywhere else leaving a field should be seen by the page. */
const TRAPS = 'dialog,[role="dialog"],[role="alertdialog"],[aria-modal="true"],[popover]';

export interface Within {
  /** A click, key press, press of the mouse or input in our root. */
  heard(event: Event, at: Element): void;
  /** The focus came from this element of the page. */
  entered(from: Element | null): void;
}

/** Until the returned function is called. */
export function guard(host: HTMLElement, within: Within, life: Lifetime): () => void {
  let pressed = false;
  const hear = (event: Event) => {
    const path = event.composedPath();
    const inside = path.includes(host);
    if (PRESS.includes(event.type)) pressed = inside;
    if (!inside) {
      const { relatedTarget } = event as FocusEvent;
      if (relatedTarget !== host || !/out|blur/.test(event.type)) return;
      const left = path[0] as Element;
      within.entered(left);
      if (left.closest?.(TRAPS)) event.stopImmediatePropagation();
      return;
    }
    // The end of something the page began, e.g. of a drag, is the page's.
    if (RELEASE.includes(event.type) && !pressed) return;
    event.stopImmediatePropagation();
    within.heard(event, path[0] as Element);
  };
  const stops = [...PRESS, ...RELEASE, ...FOCUS, ...OTHER.split(" ")].map((type) =>
    life.on(window, type, hear, { capture: true, passive: /^(wheel|touch)/.test(type) }),
  );
  // Traps on the document, where no dialog told of them.
  stops.push(
    life.on<FocusEvent>(document.documentElement, "focusout", (event) => {
      if (event.relatedTarget === host) event.stopPropagation();
    }),
  );
  return () => {
    for (const stop of stops) stop();
  };
}
