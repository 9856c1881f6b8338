// That something went wrong, never what it said: messages hold people's data. Requests are seen by the browser's own
// timing, so that nothing of the host's is patched.

import type { Lifetime } from "../lifetime";
import type { Recorder } from "./recorder";
import type { Waiting } from "./waiting";

const WINDOW_MS = 1_000;

interface TimedAnswer extends PerformanceResourceTiming {
  responseStatus: number;
}

export class Errors {
  constructor(
    private readonly recorder: Recorder,
    private readonly waiting: Waiting,
    life: Lifetime,
    isOwn: (address: string) => boolean,
  ) {
    life.on<ErrorEvent>(window, "error", (event) => {
      if (!isOwn(event.filename)) this.seen("js");
    });
    life.on(window, "unhandledrejection", () => this.seen("js"));
    if (document.readyState !== "loading") this.page();
    else life.on(document, "DOMContentLoaded", () => this.page());
    const observer = new PerformanceObserver(
      life.guard.wrap((list: PerformanceObserverEntryList) => {
        for (const { initiatorType, name, responseStatus } of list.getEntries() as TimedAnswer[]) {
          if (/^(fetch|xmlhttprequest)$/.test(initiatorType) && responseStatus >= 400 && !isOwn(name)) {
            this.seen("http", responseStatus);
          }
        }
      }),
    );
    observer.observe({ type: "resource" });
    life.ending(() => observer.disconnect());
  }

  /** The page's own answer: a form that came back with its errors marked, or a page that failed. */
  private page(): void {
    const status = (performance.getEntriesByType("navigation")[0] as TimedAnswer | undefined)?.responseStatus;
    if (!status || status < 400) return;
    const field = status < 500 && Document.prototype.querySelector.call(document, '[aria-invalid="true"]');
    if (!field) this.seen("http", status);
    else {
      this.recorder.record("error", {
        ...this.recorder.sight(field),
        properties: { kind: "form", status, count: 1 },
      });
    }
  }

  /** Errors of one kind within a second become one event. */
  private seen(kind: "js" | "http", status?: number): void {
    this.waiting.together(WINDOW_MS, kind + status, () => {
      const sighting = this.recorder.sight();
      return (count) =>
        this.recorder.record("error", {
          ...sighting,
          properties: { kind, ...(status && { status }), count },
        });
    });
  }
}
