// Takes what the server wants shown, and fetches the side that shows it when there is something to show.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import type { Nudge } from "../wire";
import type { Item, LoadUi, Stage, Ui } from "./stage";

/** Between tries to fetch the shown side, ms. */
const AGAIN_MS = 30_000;

export class Desk {
  private waiting: Item[] = [];
  private ui: Ui | null = null;
  private loading = false;

  constructor(
    private readonly stage: Stage,
    private readonly life: Lifetime,
    private readonly load: LoadUi,
  ) {
    life.ending(() => this.clear());
  }

  take(nudge: Nudge, seq: number, message = false): void {
    if (this.stage.shown.has(nudge.nudge_id)) {
      this.stage.ack(seq);
      return;
    }
    if (Date.parse(nudge.expires_at) <= Date.now()) return;
    this.waiting.push({ nudge, seq, message });
    this.hand();
  }

  /** The user did something with an element. */
  used(element: Element): void {
    for (const id of this.stage.shown.completedBy(element)) {
      this.stage.tell("nudge_completed", id);
      this.ui?.completed(id);
    }
  }

  clear(): void {
    this.waiting = [];
    this.ui?.clear();
  }

  private hand(): void {
    if (this.ui) for (const item of this.waiting.splice(0)) this.ui.take(item);
    else if (!this.loading) this.fetch();
  }

  private fetch(): void {
    this.loading = true;
    this.load().then(
      (module) => {
        this.loading = false;
        if (this.life.ended) return;
        this.ui = this.life.guard.run(() => module.startUi(this.stage, this.life)) ?? null;
        if (this.ui) this.hand();
      },
      (error) => {
        // What waits is not acknowledged, so that the server sends it again on the next page.
        debug("what shows nudges could not be loaded", error);
        this.life.after(AGAIN_MS, () => {
          this.loading = false;
          if (this.waiting.length) this.hand();
        });
      },
    );
  }
}
