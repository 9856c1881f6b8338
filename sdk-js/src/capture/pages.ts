// Page views: a change of path or hash route; never of the query alone, which some hosts rewrite at each key.

import type { Lifetime } from "../lifetime";
import { cleanAddress, pageOf } from "./address";
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
    // Without the Navigation API the address is also looked at after each click: no patching of the host's history.
    if (navigation) life.on(navigation, "currententrychange", look);
    else life.on(window, "click", () => life.after(50, look), { capture: true });
    life.on(window, "popstate", look);
    life.on(window, "hashchange", look);
    life.on<PageTransitionEvent>(window, "pageshow", (event) => {
      if (event.persisted) this.view(document.referrer);
    });
  }

  look(): void {
    if (pageOf(location.href) === this.current) return;
    const before = this.current;
    if (before) this.onLeave();
    this.view(before || document.referrer);
  }

  view(referrer: string = this.current): void {
    this.current = pageOf(location.href);
    const properties: Record<string, unknown> = { referrer: cleanAddress(referrer) };
    if (this.recorder.mayReadText()) properties.title = document.title.slice(0, 200);
    this.recorder.record("page_view", { properties });
  }
}
