// All that is captured on a page, begun and ended together.

import type { Lifetime } from "../lifetime";
import { Clicks } from "./clicks";
import { Errors } from "./errors";
import { Fields } from "./fields";
import { Pages } from "./pages";
import { Reactions } from "./reactions";
import type { Recorder } from "./recorder";
import { Roots } from "./roots";
import { Waiting } from "./waiting";

export class Capture {
  private readonly waiting: Waiting;
  private readonly clicks: Clicks;
  private readonly fields: Fields;
  readonly pages: Pages;

  /** `endpoint`: where the gateway is. `frames`: whether frames of the same origin are captured, too. */
  constructor(recorder: Recorder, life: Lifetime, endpoint: string, frames = false) {
    const isOwn = (address: string) =>
      address.startsWith(endpoint) && /^\/(sdk|api\/v1|ws)\//.test(address.slice(endpoint.length));
    this.waiting = new Waiting(life);
    const reactions = new Reactions(life, isOwn);
    this.clicks = new Clicks(recorder, reactions, this.waiting);
    this.fields = new Fields(recorder, this.waiting);
    new Roots(life, [this.clicks.handlers, this.fields.handlers, reactions.handlers], frames);
    new Errors(recorder, this.waiting, life, isOwn);
    this.pages = new Pages(recorder, life, () => this.settle(true));
    life.on(document, "visibilitychange", () => {
      const state = document.visibilityState;
      recorder.record("visibility", { properties: { state } });
    });
  }

  /** Events that still wait for more become events now. `leaving`: because the page is left. */
  settle(leaving: boolean): void {
    this.clicks.leaving = leaving;
    if (leaving) this.fields.leave();
    this.waiting.settle();
    this.clicks.leaving = false;
  }
}
