// All that is captured on a page, begun and ended together.

import type { Lifetime } from "../lifetime";
import { Clicks } from "./clicks";
import { Errors } from "./errors";
import { Fields } from "./fields";
import { Pages } from "./pages";
import { Reactions } from "./reactions";
import type { Recorder } from "./recorder";

export class Capture {
  private readonly clicks: Clicks;
  private readonly fields: Fields;
  private readonly errors: Errors;
  readonly pages: Pages;

  constructor(recorder: Recorder, life: Lifetime, ownOrigin: string) {
    this.clicks = new Clicks(recorder, new Reactions(life, ownOrigin), life);
    this.fields = new Fields(recorder, life);
    this.errors = new Errors(recorder, life, ownOrigin);
    this.pages = new Pages(recorder, life, () => this.settle(true));
    this.pages.look();
    life.on(document, "visibilitychange", () => {
      recorder.record("visibility", { properties: { state: document.visibilityState } });
    });
  }

  /** Events that still wait for more become events now. */
  settle(leaving: boolean): void {
    this.fields.settle();
    this.clicks.settle(leaving);
    this.errors.settle();
  }
}
