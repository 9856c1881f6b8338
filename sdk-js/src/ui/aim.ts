// What one nudge points at: looked for, looked at, and given up when it has not been there for a while.

import type { Lifetime } from "../lifetime";
import { find, isDrawn, look } from "./sight";

/** Without an element, while the page can be seen. */
const PATIENCE_MS = 10_000;

export interface Aimed {
  /** It came into sight, or went out of it. */
  sight(): void;
  /** Another element took its place, as pages do that render anew. */
  replaced(): void;
  /** It did not come (again). */
  lost(): void;
}

export class Aim {
  element: Element | null = null;
  seen = false;
  /** The page it was seen on: an equal element of another page is another thing. */
  private page: string | null = null;
  private stopLook = () => {};
  private stopPatience: (() => void) | null = null;

  constructor(
    private readonly selector: string,
    private readonly life: Lifetime,
    private readonly aimed: Aimed,
  ) {}

  /** The page was changed: holds on to an element that was only exchanged, before anything is painted. */
  changed(): void {
    if (this.element?.isConnected !== false) return;
    // What is seen of the one that is gone says nothing of the one that came.
    this.stopLook();
    if (this.seek()) this.aimed.replaced();
  }

  look(): void {
    this.stopLook();
    if (document.visibilityState === "hidden") {
      this.rest();
      return;
    }
    if (this.element && isDrawn(this.element) ? false : this.seek()) this.aimed.replaced();
    if (!this.element) {
      this.see(false);
      this.stopPatience ??= this.life.after(PATIENCE_MS, () => this.aimed.lost());
      return;
    }
    this.rest();
    this.stopLook = look(this.element, this.life, (seen) => this.see(seen));
  }

  stop(): void {
    this.stopLook();
    this.rest();
  }

  /** Whether there is an element, and another one than before. */
  private seek(): boolean {
    const elsewhere = this.page !== null && this.page !== location.pathname;
    const found = elsewhere ? null : find(this.selector);
    const other = found !== null && found !== this.element;
    this.element = found;
    return other;
  }

  private see(seen: boolean): void {
    if (seen) this.page ??= location.pathname;
    if (seen === this.seen) return;
    this.seen = seen;
    this.aimed.sight();
  }

  private rest(): void {
    this.stopPatience?.();
    this.stopPatience = null;
  }
}
