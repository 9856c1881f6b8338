// The script tag: what was called before it came.

import { afterEach, expect, test, vi } from "vitest";

vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
const KEY = `pk_Ab345678_${"x".repeat(36)}`;
const page = window as unknown as { handrail?: unknown };

/** The snippet comes into a page that has called so far. */
async function comes(...calls: unknown[]): Promise<void> {
  page.handrail = Object.assign(calls, { src: "http://127.0.0.1:9/sdk/v1/onboarding-agent-sdk.js" });
  vi.resetModules();
  await import("../src/snippet");
}
const running = () => Object.keys(localStorage).some((key) => key.includes(".q."));

afterEach(() => {
  (page.handrail as { shutdown(): void }).shutdown();
  delete (globalThis as Record<symbol, unknown>)[Symbol.for("handrail")];
  localStorage.clear();
});

test("calls are answered once, flush after all others", async () => {
  const flushed = vi.fn();
  await comes(["flush", flushed], ["init", { key: KEY }], ["track", "early"], ["identify", "u-1"], null, 7);
  await vi.waitFor(() => expect(flushed).toHaveBeenCalledOnce());
  const kept = JSON.stringify({ ...localStorage });
  expect(kept.split('\\"name\\":\\"early\\"')).toHaveLength(2);
  expect(localStorage.getItem("handrail.Ab345678.who")).toContain('"u-1"');
});

test("what was ended before the snippet was there does not begin with it", async () => {
  const flushed = vi.fn();
  await comes(["init", { key: KEY }], ["track", "early"], ["flush", flushed], ["shutdown"]);
  expect(running()).toBe(false);
  await vi.waitFor(() => expect(flushed).toHaveBeenCalledOnce());
});

test("an init after the end counts, and the one before it does not", async () => {
  await comes(
    ["init", { key: KEY, userId: "a" }],
    ["consent", "denied"],
    ["shutdown"],
    ["init", { key: KEY }],
  );
  // What the user said outlives the end.
  expect(running()).toBe(false);
  (page.handrail as { consent(state: string): void }).consent("granted");
  expect(running()).toBe(true);
  expect(JSON.stringify({ ...localStorage })).not.toContain('"a"');
});
