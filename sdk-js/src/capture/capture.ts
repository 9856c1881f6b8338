// All that is captured on a page from its first moment on, begun and ended together.

import type { Lifetime } from "../lifetime";
import { Clicks } from "./clicks";
import { watchErrors } from "./errors";
import { Fields } from "./fields";
import { Pages } from "./pages";
import { Reactions } from "./reactions";
import type { Recorder } from "./recorder";
import { Roots } from "./roots";
import { type IsOwn, Waiting } from "./waiting";

export class Capture {
  /** ms of the page's clock: nothing from before is captured. */
  readonly since = performance.now();
  readonly waiting: Waiting;
  readonly roots: Roots;
  readonly pages: Pages;
  private readonly clicks: Clicks;
  private readonly fields: Fields;

  constructor(
    recorder: Recorder,
    life: Lifetime,
    readonly isOwn: IsOwn,
  ) {
    this.waiting = new Waiting(life);
    const reactions = new Reactions(life, isOwn);
    this.clicks = new Clicks(recorder, reactions, this.waiting);
    this.fields = new Fields(recorder, this.waiting);
    this.roots = new Roots(life, [this.clicks.handlers, this.fields.handlers, reactions.handlers]);
    watchErrors(recorder, this.waiting, life, isOwn);
    this.pages = new Pages(recorder, life, () => this.settle(true));
  }

  /** Events that still wait for more become events now. `leaving`: because the page is left. */
  settle(leaving: boolean): void {
    this.clicks.leaving = leaving;
    if (leaving) this.fields.leave();
    this.waiting.settle();
    this.clicks.leaving = false;
  }
}
