// The public object: whatever is called with whatever, nothing throws.

import { expect, test, vi } from "vitest";
import { createHandrail } from "../src/handrail";

const none = () => Promise.reject(new Error("not needed here"));
const noUi = { delivery: none, other: none };

// No answer at all, as on a machine that is offline.
vi.stubGlobal("fetch", () => Promise.reject(new TypeError("offline")));
navigator.sendBeacon = () => false;

const ANYTHING: unknown[] = [
  undefined,
  null,
  0,
  "",
  "x",
  {},
  [],
  () => {},
  Symbol("s"),
  Number.NaN,
  new Date(0),
];

test("no call throws, before init, after it, and after the end", async () => {
  const handrail = createHandrail("http://127.0.0.1:9", noUi) as unknown as Record<
    string,
    (...args: unknown[]) => unknown
  >;
  const calls = ["init", "identify", "track", "page", "reset", "consent", "on", "flush", "shutdown", "push"];
  const all = async () => {
    for (const name of calls) for (const value of ANYTHING) await handrail[name]?.(value, value);
  };
  await all();
  handrail.init?.({ key: `pk_Ab345678_${"x".repeat(36)}` });
  await all();
  handrail.shutdown?.();
  await all();
});

test("early calls wait for init, and properties must be JSON", () => {
  const handrail = createHandrail(null, noUi);
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  expect(() => handrail.track("x", circular)).not.toThrow();
  expect(handrail.push(["track", "a"], ["nothing"], ["__proto__"])).toBe(3);
});
