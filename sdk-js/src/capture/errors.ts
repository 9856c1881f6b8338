// That something went wrong, never what it said: messages hold people's data. What the server answered is seen by
// `answers.ts`.

import type { Lifetime } from "../lifetime";
import type { Recorder } from "./recorder";
import type { IsOwn, Waiting } from "./waiting";

const WINDOW_MS = 1_000;

export function watchErrors(recorder: Recorder, waiting: Waiting, life: Lifetime, isOwn: IsOwn): void {
  life.on<ErrorEvent>(window, "error", (event) => {
    if (!isOwn(event.filename)) seen(recorder, waiting, { kind: "js" });
  });
  life.on(window, "unhandledrejection", () => seen(recorder, waiting, { kind: "js" }));
}

/** Errors of one kind within a second become one event. */
export function seen(recorder: Recorder, waiting: Waiting, what: { kind: string; status?: number }): void {
  waiting.together(WINDOW_MS, what.kind + what.status, () => {
    const sighting = recorder.sight();
    return (count) => recorder.record("error", { ...sighting, properties: { ...what, count } });
  });
}
