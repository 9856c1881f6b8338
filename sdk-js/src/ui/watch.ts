// Tells that something in the page may have changed what can be seen. No polling: it listens only while something is
// shown or waits to be.

import type { Lifetime } from "../lifetime";

/** At most one look in this time, ms. */
const CALM_MS = 120;

export interface Watcher {
  /** At once, while the page is changed: only what may not flicker. */
  changed(): void;
  /** A moment after whatever happened. `covering`: something may have come on top; `dressed`: colours may differ. */
  look(covering: boolean, dressed: boolean): void;
}

export class Watch {
  private stops: (() => void)[] = [];
  private due = false;
  private covering = false;
  private dressed = false;
  /** Times the page was changed. */
  changes = 0;
  /** Its own toggles are not the page's. */
  own: EventTarget | null = null;
  private observer: MutationObserver | null = null;

  constructor(
    private readonly watcher: Watcher,
    private readonly life: Lifetime,
  ) {}

  start(): void {
    if (this.observer) return;
    const { life } = this;
    const observer = new MutationObserver(
      life.guard.wrap((records: MutationRecord[]) => {
        this.changes += 1;
        this.watcher.changed();
        const { documentElement, body } = document;
        this.dressed ||= records.some(
          ({ target, attributeName }) => attributeName && (target === documentElement || target === body),
        );
        this.soon(records.some((record) => record.attributeName === "open"));
      }),
    );
    observer.observe(document, { childList: true, subtree: true, attributes: true });
    this.observer = observer;
    this.stops = [
      life.ending(() => observer.disconnect()),
      ...["toggle", "fullscreenchange"].map((type) =>
        life.on(document, type, (event) => this.soon(event.target !== this.own), { capture: true }),
      ),
      ...["scroll", "transitionend", "animationend", "load"].map((type) =>
        life.on(document, type, () => this.soon(), { capture: true }),
      ),
      ...["resize", "popstate"].map((type) => life.on(window, type, () => this.soon())),
      life.on(document, "visibilitychange", () => this.soon()),
    ];
  }

  stop(): void {
    for (const stop of this.stops.splice(0)) stop();
    this.observer = null;
  }

  soon(covering = false): void {
    this.covering ||= covering;
    if (this.due) return;
    this.due = true;
    this.life.after(CALM_MS, () => {
      const { covering, dressed } = this;
      this.due = this.covering = this.dressed = false;
      this.watcher.look(covering, dressed);
    });
  }
}
