// That something went wrong, never what it said: messages hold people's data. Requests are seen by the browser's own
// timing, so that nothing of the host's is patched.

import { uuid7 } from "../ids";
import type { Lifetime } from "../lifetime";
import type { Recorder, Sighting } from "./recorder";

const WINDOW_MS = 1_000;
const REQUESTS = new Set(["fetch", "xmlhttprequest"]);

interface TimedAnswer extends PerformanceResourceTiming {
  responseStatus: number;
}

export class Errors {
  private open = new Map<
    string,
    { sighting: Sighting; properties: Record<string, unknown>; count: number }
  >();

  constructor(
    private readonly recorder: Recorder,
    private readonly life: Lifetime,
    private readonly ownOrigin: string,
  ) {
    life.on<ErrorEvent>(window, "error", (event) => {
      if (!event.filename?.startsWith(`${ownOrigin}/sdk/`)) this.seen("js");
    });
    life.on(window, "unhandledrejection", () => this.seen("js"));
    if (document.readyState !== "loading") this.page();
    else life.on(document, "DOMContentLoaded", () => this.page());
    this.requests();
  }

  settle(): void {
    for (const key of [...this.open.keys()]) this.close(key);
  }

  /** The page's own answer: a form that came back with its errors marked, or a page that failed. */
  private page(): void {
    const entry = performance.getEntriesByType?.("navigation")[0] as TimedAnswer | undefined;
    if (!entry || !(entry.responseStatus >= 400)) return;
    const field = entry.responseStatus < 500 ? document.querySelector('[aria-invalid="true"]') : null;
    if (!field) this.seen("http", entry.responseStatus);
    else
      this.recorder.record("error", {
        element: field,
        properties: { kind: "form", status: entry.responseStatus, count: 1 },
      });
  }

  private requests(): void {
    if (typeof PerformanceObserver === "undefined") return;
    const observer = new PerformanceObserver(
      this.life.guard.wrap((list: PerformanceObserverEntryList) => {
        for (const entry of list.getEntries() as TimedAnswer[]) {
          if (!REQUESTS.has(entry.initiatorType) || entry.name.startsWith(this.ownOrigin)) continue;
          if (entry.responseStatus >= 400) this.seen("http", entry.responseStatus);
        }
      }),
    );
    this.life.guard.run(() => observer.observe({ type: "resource" }));
    this.life.ending(() => observer.disconnect());
  }

  private seen(kind: "js" | "http", status?: number): void {
    const key = `${kind} ${status ?? ""}`;
    const known = this.open.get(key);
    if (known) {
      known.count += 1;
      return;
    }
    const at = Date.now();
    const properties: Record<string, unknown> = status === undefined ? { kind } : { kind, status };
    this.open.set(key, {
      sighting: { at, id: uuid7(at), url: this.recorder.address() },
      properties,
      count: 1,
    });
    this.life.after(WINDOW_MS, () => this.close(key));
  }

  private close(key: string): void {
    const found = this.open.get(key);
    if (!found) return;
    this.open.delete(key);
    this.recorder.record("error", {
      ...found.sighting,
      properties: { ...found.properties, count: found.count },
    });
  }
}
