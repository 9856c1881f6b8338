// Answers that tell of an error: of the page itself and of its requests. Seen by the browser's own timing, which remembers,
// so that nothing of the host's is patched and this may come a moment later. Not part of the core.

import type { Lifetime } from "../lifetime";
import type { Capture } from "./capture";
import { seen } from "./errors";
import type { Recorder } from "./recorder";

interface TimedAnswer extends PerformanceResourceTiming {
  responseStatus: number;
}

export class Answers {
  constructor(
    private readonly recorder: Recorder,
    private readonly capture: Capture,
    life: Lifetime,
  ) {
    if (document.readyState !== "loading") this.page();
    else life.on(document, "DOMContentLoaded", () => this.page());
    const observer = new PerformanceObserver(
      life.guard.wrap((list: PerformanceObserverEntryList) => {
        for (const entry of list.getEntries() as TimedAnswer[]) this.request(entry);
      }),
    );
    observer.observe({ type: "resource", buffered: true });
    life.ending(() => observer.disconnect());
  }

  private request({ initiatorType, name, responseEnd, responseStatus }: TimedAnswer): void {
    const isNews = responseEnd >= this.capture.since && /^(fetch|xmlhttprequest)$/.test(initiatorType);
    if (isNews && responseStatus >= 400 && !this.capture.isOwn(name)) this.http(responseStatus);
  }

  /** The page's own answer: a form that came back with its errors marked, or a page that failed. */
  private page(): void {
    const status = (performance.getEntriesByType("navigation")[0] as TimedAnswer | undefined)?.responseStatus;
    if (!status || status < 400) return;
    const field = status < 500 && Document.prototype.querySelector.call(document, '[aria-invalid="true"]');
    if (!field) this.http(status);
    else {
      this.recorder.record("error", {
        ...this.recorder.sight(field),
        properties: { kind: "form", status, count: 1 },
      });
    }
  }

  private http(status: number): void {
    seen(this.recorder, this.capture.waiting, { kind: "http", status });
  }
}
