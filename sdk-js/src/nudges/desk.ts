// What the server wants shown, until it is: kept by every tab, handed to what shows it in the one tab that may.

import { debug } from "../guard";
import type { Lifetime } from "../lifetime";
import type { Shown } from "./shown";
import type { Item, LoadUi, Stage, Ui } from "./stage";

/** Between tries to fetch the shown side, ms, growing. */
const AGAIN_MS = 30_000;
const MOST_MS = 10 * 60_000;

export class Desk {
  /** By seq. */
  private readonly waiting = new Map<number, Item>();
  private ui: Ui | null = null;
  private loading = false;
  private mayShow = false;
  /** Elements whose page may still answer -> nudges that point at them. */
  private readonly touched = new WeakMap<Element, string[]>();

  constructor(
    private readonly stage: Stage,
    private readonly shown: Shown,
    private readonly life: Lifetime,
    private readonly load: LoadUi,
  ) {
    life.ending(() => this.clear());
  }

  /** Returns whether it is news: neither shown nor waiting nor too late. */
  take(item: Item): boolean {
    if (this.shown.has(item.nudge.nudge_id) || isOver(item) || this.waiting.has(item.seq)) return false;
    this.waiting.set(item.seq, item);
    this.hand();
    return true;
  }

  wasShown(item: Item): boolean {
    return this.shown.has(item.nudge.nudge_id);
  }

  /** Acknowledged, here or in another tab. */
  done(seq: number): void {
    this.waiting.delete(seq);
  }

  /** Whether this is the tab that shows. What is in sight stays in sight. */
  may(show: boolean): void {
    this.mayShow = show;
    if (show) this.hand();
    else this.ui?.withdraw?.();
  }

  /** The user did something with an element: helped is who got an answer by it. Until that is known, what the element
   * means is remembered, for it may be gone by then. */
  used(element: Element, reacted?: boolean): void {
    const ids = this.touched.get(element) ?? this.shown.pointingAt(element);
    this.touched.delete(element);
    if (reacted === undefined) this.touched.set(element, ids);
    else if (reacted) {
      for (const id of this.shown.complete(ids)) {
        this.stage.tell("nudge_completed", id);
        this.ui?.completed(id);
      }
    }
  }

  clear(): void {
    this.waiting.clear();
    this.ui?.clear();
  }

  private hand(): void {
    if (!this.mayShow) return;
    for (const [seq, item] of this.waiting) {
      // Another tab may have shown it while this one waited.
      if (isOver(item) || this.wasShown(item)) this.waiting.delete(seq);
      else this.ui?.take(item);
    }
    if (!this.ui && !this.loading && this.waiting.size) this.fetch(AGAIN_MS);
  }

  private fetch(againMs: number): void {
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
        this.life.after(againMs, () => {
          if (this.mayShow && this.waiting.size) this.fetch(Math.min(MOST_MS, againMs * 4));
          else this.loading = false;
        });
      },
    );
  }
}

function isOver(item: Item): boolean {
  return Date.parse(item.nudge.expires_at) <= Date.now();
}
