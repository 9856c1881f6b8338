// Did the page answer a click? Something in the document, the address, the focus or on the network changed. Observers
// run only while a click waits for its answer.

import type { Lifetime } from "../lifetime";
import { isOurs } from "./element";

export class Reactions {
  private waiting = new Set<{ reacted: boolean; since: number }>();
  private stops: (() => void)[] = [];
  private href = "";

  /** `ownOrigin`: requests to it are ours. */
  constructor(
    private readonly life: Lifetime,
    private readonly ownOrigin: string,
  ) {}

  /** Watches from now on; the answer is asked for once, which ends the watch. */
  watch(): () => boolean {
    if (!this.waiting.size) this.begin();
    const wait = { reacted: false, since: performance.now() };
    this.waiting.add(wait);
    return () => {
      if (this.waiting.delete(wait) && !this.waiting.size) this.finish();
      return wait.reacted || location.href !== this.href;
    };
  }

  private begin(): void {
    this.href = location.href;
    const seen = () => this.mark(performance.now());
    const mutations = new MutationObserver(
      this.life.guard.wrap((records: MutationRecord[]) => {
        if (records.some(isOfHost)) seen();
      }),
    );
    mutations.observe(document, { childList: true, subtree: true, attributes: true, characterData: true });
    this.stops.push(this.life.ending(() => mutations.disconnect()));
    for (const type of ["focusin", "input", "change", "submit", "toggle", "play", "copy"]) {
      this.stops.push(this.life.on(document, type, seen, { capture: true }));
    }
    this.network();
  }

  private network(): void {
    if (typeof PerformanceObserver === "undefined") return;
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (!entry.name.startsWith(this.ownOrigin)) this.mark(entry.startTime);
      }
    });
    this.life.guard.run(() => observer.observe({ type: "resource" }));
    this.stops.push(this.life.ending(() => observer.disconnect()));
  }

  private mark(at: number): void {
    for (const wait of this.waiting) if (at >= wait.since) wait.reacted = true;
  }

  private finish(): void {
    for (const stop of this.stops.splice(0)) stop();
  }
}

function isOfHost(record: MutationRecord): boolean {
  if (record.target instanceof Element && isOurs(record.target)) return false;
  const changed = [...record.addedNodes, ...record.removedNodes];
  return !changed.length || !changed.every((node) => node instanceof Element && isOurs(node));
}
