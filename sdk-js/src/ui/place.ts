// Keeps a tooltip beside its element.

import { arrow, autoUpdate, computePosition, flip, offset, shift } from "@floating-ui/dom";

export function place(card: HTMLElement, target: Element): () => void {
  const tip = document.createElement("div");
  tip.className = "arrow";
  card.append(tip);
  return autoUpdate(target, card, () => {
    void computePosition(target, card, {
      strategy: "fixed",
      placement: "bottom",
      middleware: [
        offset(12),
        flip({ padding: 8 }),
        shift({ padding: 8 }),
        arrow({ element: tip, padding: 12 }),
      ],
    }).then(
      ({ x, y, placement, middlewareData }) => {
        card.style.left = `${Math.round(x)}px`;
        card.style.top = `${Math.round(y)}px`;
        card.dataset.side = placement.split("-")[0] ?? "bottom";
        const { x: left, y: top } = middlewareData.arrow ?? {};
        tip.style.left = left === undefined ? "" : `${left}px`;
        tip.style.top = top === undefined ? "" : `${top}px`;
      },
      () => {
        // The element went away meanwhile.
      },
    );
  });
}
