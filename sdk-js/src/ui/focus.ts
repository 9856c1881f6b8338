// Where the focus is, and back to where it was.

import { ROOT_TAG } from "../capture/element";

/** The focused element, through open shadow roots but not into ours. */
export function deepActive(): Element | null {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement && at.localName !== ROOT_TAG) at = at.shadowRoot.activeElement;
  return at;
}

/** Remembers what the page had focused when the focus came to us. */
export class Return {
  private before: Element | null = null;

  remember(element: Element | null): void {
    if (element && element.localName !== ROOT_TAG) this.before = element;
  }

  forget(): void {
    this.before = null;
  }

  go(): void {
    const { before } = this;
    this.before = null;
    if (before?.isConnected && before !== document.body)
      (before as HTMLElement).focus({ preventScroll: true });
  }
}
