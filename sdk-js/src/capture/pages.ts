// Page views: a change of path or hash route; never of the query alone, which some hosts rewrite at each key.

import type { Lifetime } from "../lifetime";
import { whenBack } from "../page";
import { pageOf } from "./address";
import type { Recorder } from "./recorder";

export class Pages {
  private current = "";

  constructor(
    private readonly recorder: Recorder,
    life: Lifetime,
    private readonly onLeave: () => void,
  ) {
    const look = () => this.look();
    if (window.navigation) life.on(window.navigation, "currententrychange", look);
    // And `history.ts`, a moment later.
    else for (const type of ["popstate", "hashchange"]) life.on(window, type, look);
    whenBack(life, () => this.view(this.current));
  }

  /** Tells of the page, unless it is the one told of last. */
  look(): void {
    if (pageOf(location.href) === this.current) return;
    if (this.current) this.onLeave();
    this.view(this.current || Reflect.get(Document.prototype, "referrer", document));
  }

  view(referrer: string = this.current): void {
    this.current = pageOf(location.href);
    const properties: Record<string, unknown> = { referrer: this.recorder.address(referrer) };
    const title = this.recorder.title();
    if (title) properties.title = title;
    this.recorder.record("page_view", { properties });
  }
}
