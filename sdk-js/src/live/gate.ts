// Fetches the live side: when the page has been looked at for a moment, again later where it cannot be had.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import { whenLookedAt } from "../page";
import type { Core, Live, LiveModule } from "./border";

/** A page that is left sooner gets no socket: on multi-page hosts each would be a closed connection. */
const LOOKED_AT_MS = 2_000;
/** Between tries, growing: each is a red line in the host's console. */
const AGAIN_MS = 30_000;
const MOST_MS = 10 * 60_000;
const REMEMBERED = 20;

export class LiveGate {
  private live: Live | null = null;
  private used: Element[] = [];
  private begun = false;

  constructor(
    private readonly core: Core,
    private readonly life: Lifetime,
  ) {}

  /** The server is there and wants us. */
  open(): void {
    if (this.begun) return;
    this.begun = true;
    // What was shown earlier may be used on this page at any moment.
    const soon = this.core.store.get("shown") !== null;
    this.fetchAfter(soon ? LOOKED_AT_MS / 4 : LOOKED_AT_MS, AGAIN_MS);
  }

  changed(): void {
    this.live?.changed();
  }

  seeUsed(element: Element, reacted?: boolean): void {
    if (this.live) this.live.used(element, reacted);
    else if (reacted && this.used.length < REMEMBERED) this.used.push(element);
  }

  viewed(): void {
    this.live?.viewed();
  }

  private fetchAfter(ms: number, againMs: number): void {
    whenLookedAt(this.life, ms, () => {
      this.core.loadLive().then(
        this.life.guard.wrap((module: LiveModule) => {
          if (this.life.ended) return;
          this.live = module.startLive(this.core, this.life);
          for (const element of this.used.splice(0)) this.live.used(element, true);
        }),
        (error) => {
          debug("the socket's part could not be loaded", error);
          if (!this.life.ended) this.fetchAfter(againMs, Math.min(MOST_MS, againMs * 4));
        },
      );
    });
  }
}
