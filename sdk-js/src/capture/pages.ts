// Page views: a change of path or hash route; never of the query alone, which some hosts rewrite at each key.

import type { Lifetime } from "../lifetime";
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
    const navigation = (window as { navigation?: EventTarget }).navigation;
    if (navigation) life.on(navigation, "currententrychange", look);
    else {
      patchHistory(life, look);
      life.on(window, "popstate", look);
      life.on(window, "hashchange", look);
    }
    life.on<PageTransitionEvent>(window, "pageshow", (event) => {
      if (event.persisted) this.view(this.current);
    });
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

const METHODS = ["pushState", "replaceState"] as const;
const OURS = Symbol.for("handrail.history");

/** Browsers without the Navigation API do not tell of these. Once a page, and what the page put on top stays. */
function patchHistory(life: Lifetime, look: () => void): void {
  for (const name of METHODS) {
    const original = history[name] as History[typeof name] & { [OURS]?: true };
    if (original[OURS]) continue;
    const patched = function (this: History, ...args: Parameters<History[typeof name]>): void {
      original.apply(this, args);
      if (!life.ended) life.guard.run(look);
    };
    history[name] = Object.assign(patched, { [OURS]: true });
    life.ending(() => {
      if (history[name] === patched) history[name] = original;
    });
  }
}
