// The one host element with its open shadow root, in the top layer: above the host's dialogs, and inside the modal one
// that is open, because whatever stands outside of that is inert. Not in the page's flow, and not in print.

import { ROOT_TAG } from "../capture/element";
import type { Lifetime } from "../lifetime";
import { deepActive } from "./focus";
import { make, set } from "./make";
import { CSS_TEXT } from "./style";
import type { Palette } from "./theme";

export class Surface {
  readonly host = make(ROOT_TAG);
  readonly shadow = this.host.attachShadow({ mode: "open" });
  /** What is put in here is read out by screen readers, once; the focus stays where it is. */
  readonly stage = set(make("div", "stage"), { "aria-live": "polite", "aria-relevant": "additions" });

  constructor(life: Lifetime) {
    style(this.shadow);
    this.shadow.append(this.stage);
    if ("popover" in this.host) this.host.setAttribute("popover", "manual");
    life.ending(() => this.host.remove());
  }

  /** Brings it where it can be seen and used, if it is not there. `raise`: something else went to the top layer. */
  settle(raise = false): void {
    const { host } = this;
    const home = topModal() ?? document.documentElement;
    const moved = host.parentNode !== home;
    if (moved) home.append(host);
    if (!host.showPopover) return;
    try {
      const open = host.matches(":popover-open");
      if (open && raise) host.hidePopover();
      if (!open || raise) host.showPopover();
    } catch {
      // The z-index serves.
    }
  }

  paint(colours: Palette): void {
    const { style } = this.stage;
    for (const [name, value] of Object.entries(colours)) {
      style.setProperty(`--${name}`, typeof value === "number" ? `${value}px` : String(value));
    }
  }
}

/** The modal dialog that makes everything else inert. */
function topModal(): Element | null {
  try {
    for (let at: Element | null = deepActive(); at; at = hostOf(at)) {
      const around = at.closest("dialog:modal");
      if (around) return around;
    }
    return [...document.querySelectorAll("dialog:modal")].at(-1) ?? null;
  } catch {
    return null;
  }
}

function hostOf(element: Element): Element | null {
  const root = element.getRootNode();
  return root instanceof ShadowRoot && root.host.localName !== ROOT_TAG ? root.host : null;
}

function style(shadow: ShadowRoot): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS_TEXT);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    shadow.append(make("style", "", CSS_TEXT));
  }
}
