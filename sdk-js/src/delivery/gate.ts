// Fetches what sends, again later where it cannot be had: until then events are at rest.

import { debug } from "../guard";
import type { Core, DeliveryModule, Outgoing } from "./border";

/** Between tries, growing: each is a red line in the host's console. */
const AGAIN_MS = 30_000;
const MOST_MS = 10 * 60_000;

export class DeliveryGate {
  there: Outgoing | null = null;
  private opening: Promise<void> | null = null;
  private againMs = AGAIN_MS;

  constructor(private readonly core: Core) {}

  /** Resolves when it is there, or cannot be had now. */
  open(): Promise<void> {
    const { core } = this;
    const { life } = core;
    this.opening ??= core.chunks.delivery().then(
      life.guard.wrap((module: DeliveryModule) => {
        if (!life.ended) this.there = module.startDelivery(core);
      }),
      (error) => {
        debug(error);
        if (life.ended) return;
        life.after(this.againMs, () => {
          this.opening = null;
          void this.open();
        });
        this.againMs = Math.min(MOST_MS, this.againMs * 4);
      },
    );
    return this.opening;
  }

  /** When the page has loaded and has a moment: what is fetched earlier holds up its `load`. */
  openSoon(): void {
    const { life } = this.core;
    const open = life.guard.wrap(() => void this.open());
    const soon = () =>
      (self.requestIdleCallback ?? setTimeout)(open, { timeout: 1_000 } as IdleRequestOptions & number);
    if (document.readyState === "complete") soon();
    else life.on(window, "load", soon);
  }
}
