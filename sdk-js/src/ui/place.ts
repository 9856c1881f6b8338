// Keeps a tooltip beside its element: below it if there is room, else above, else at a side, always within the window.
// Floating UI does the reckoning; a card in the top layer needs little of the rest: nothing clips it but the window.

import { computePosition, flip, type Platform, shift } from "@floating-ui/core";
import type { Lifetime } from "../lifetime";

const EDGE = 8;
/** Between element and card. */
const GAP = 12;
/** The arrow's width, and how near it comes to a corner. */
const TIP = 13;
const CORNER = 14;
/** Frames without a move after which an element counts as standing still. */
const STILL = 3;
/** What moves for ever is followed at every change of the page only, frames. */
const MOST = 120;

const size = ({ offsetWidth, offsetHeight }: HTMLElement) => ({ width: offsetWidth, height: offsetHeight });

const WINDOW: Platform = {
  getElementRects: ({ reference, floating }) => {
    const { x, y, width, height } = reference.getBoundingClientRect();
    return {
      // With the gap around it.
      reference: { x: x - GAP, y: y - GAP, width: width + 2 * GAP, height: height + 2 * GAP },
      floating: { x: 0, y: 0, ...size(floating) },
    };
  },
  getClippingRect: () => {
    const { clientWidth, clientHeight } = document.documentElement;
    // What a person sees of the page while it is magnified with two fingers.
    const {
      offsetLeft = 0,
      offsetTop = 0,
      width = clientWidth,
      height = clientHeight,
    } = visualViewport ?? {};
    return { x: offsetLeft, y: offsetTop, width, height };
  },
  getDimensions: size,
};

export interface Place {
  /** Something may have moved. */
  chase(): void;
  stop(): void;
}

export function place(
  card: HTMLElement,
  tip: HTMLElement,
  target: Element,
  life: Lifetime,
  placed: () => void,
): Place {
  let last = "";
  let frame = 0;
  const update = () => {
    const { x, y, width, height } = target.getBoundingClientRect();
    const now = [x, y, width, height, card.offsetHeight, innerWidth, innerHeight].join();
    // An element on its way out: the place it had is better than none.
    if (now === last || !(width || height)) return false;
    last = now;
    void reckon(card, tip, target).then(placed, () => {});
    return true;
  };
  const chase = () => {
    cancelAnimationFrame(frame);
    let still = 0;
    let left = MOST;
    const step = life.guard.wrap(() => {
      still = update() ? 0 : still + 1;
      left -= 1;
      if (still < STILL && left) frame = requestAnimationFrame(step);
    });
    frame = requestAnimationFrame(step);
  };
  const sizes = new ResizeObserver(life.guard.wrap(() => void update()));
  sizes.observe(target);
  sizes.observe(card);
  const viewport = visualViewport;
  const stops = [
    ...["scroll", "transitionrun", "animationstart", "load"].map((type) =>
      life.on(document, type, type === "scroll" ? update : chase, { capture: true }),
    ),
    life.on(window, "resize", update),
    ...(viewport ? ["resize", "scroll"].map((type) => life.on(viewport, type, update)) : []),
    life.ending(() => sizes.disconnect()),
  ];
  update();
  chase();
  return {
    chase,
    stop: () => {
      cancelAnimationFrame(frame);
      for (const stop of stops) stop();
    },
  };
}

async function reckon(card: HTMLElement, tip: HTMLElement, target: Element): Promise<void> {
  const { x, y, placement } = await computePosition(target, card, {
    platform: WINDOW,
    strategy: "fixed",
    placement: "bottom",
    middleware: [
      flip({ padding: EDGE, crossAxis: false, fallbackPlacements: ["top", "right", "left"] }),
      // Where there is no room at any side it covers the element rather than leave the window.
      shift({ padding: EDGE, crossAxis: true }),
    ],
  });
  const { style } = card;
  style.left = `${Math.round(x)}px`;
  style.top = `${Math.round(y)}px`;
  card.dataset.side = placement;
  const box = target.getBoundingClientRect();
  const upright = /top|bottom/.test(placement);
  const middle = upright ? box.x + box.width / 2 - x : box.y + box.height / 2 - y;
  const most = (upright ? card.offsetWidth : card.offsetHeight) - CORNER - TIP;
  const at = Math.max(CORNER, Math.min(middle - TIP / 2, most));
  tip.style.cssText = `${upright ? "left" : "top"}:${at}px;visibility:${
    // No arrow that would point past the element.
    Math.abs(at - middle + TIP / 2) > 12 ? "hidden" : "inherit"
  }`;
}
