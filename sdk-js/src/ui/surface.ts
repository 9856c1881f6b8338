// The one host element with its open shadow root, made when something is shown for the first time.

import { ROOT_TAG } from "../capture/element";
import type { Lifetime } from "../lifetime";
import { CSS_TEXT } from "./style";

export class Surface {
  private host: HTMLElement | null = null;
  private shadow: ShadowRoot | null = null;
  private live: HTMLElement | null = null;

  constructor(private readonly life: Lifetime) {}

  show(card: HTMLElement): void {
    const shadow = this.open();
    shadow.append(card);
    this.raise();
  }

  /** Says something to screen readers without moving the focus. */
  announce(text: string): void {
    const { live } = this;
    if (!live) return;
    live.textContent = "";
    // A region must be there before its text changes, or nothing is read.
    this.life.after(100, () => {
      live.textContent = text;
    });
  }

  private open(): ShadowRoot {
    if (this.shadow && this.host?.isConnected) return this.shadow;
    if (this.host && this.shadow) {
      document.documentElement.append(this.host);
      return this.shadow;
    }
    const host = document.createElement(ROOT_TAG);
    const shadow = host.attachShadow({ mode: "open" });
    style(shadow);
    const live = document.createElement("div");
    live.className = "live";
    live.setAttribute("aria-live", "polite");
    live.setAttribute("role", "status");
    shadow.append(live);
    // The host's hotkeys must not hear what is typed or pressed in here.
    for (const type of ["keydown", "keyup", "keypress"]) this.life.on(host, type, (e) => e.stopPropagation());
    if ("popover" in host) host.setAttribute("popover", "manual");
    document.documentElement.append(host);
    this.life.ending(() => host.remove());
    this.host = host;
    this.shadow = shadow;
    this.live = live;
    return shadow;
  }

  /** To the top layer, above the host's dialogs. */
  private raise(): void {
    const { host } = this;
    if (!host?.showPopover) return;
    try {
      host.hidePopover();
      host.showPopover();
    } catch {
      // The z-index serves.
    }
  }
}

function style(shadow: ShadowRoot): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS_TEXT);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    const element = document.createElement("style");
    element.textContent = CSS_TEXT;
    shadow.append(element);
  }
}
