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

const KEY = `pk_Ab345678_${"x".repeat(36)}`;
const shelved = () => Object.keys(localStorage).filter((key) => key.includes(".q.")).length;

/** A page that was opened just now. */
function fresh() {
  localStorage.clear();
  delete (globalThis as Record<symbol, unknown>)[Symbol.for("handrail")];
  return createHandrail("http://127.0.0.1:9", noUi);
}

test("asked again after a yes, nothing is kept until the next yes", () => {
  const handrail = fresh();
  handrail.init({ key: KEY, consent: "granted" });
  handrail.track("under the first yes");
  const before = shelved();
  expect(before).toBeGreaterThan(0);
  handrail.consent("pending");
  handrail.track("while nobody has answered");
  expect(shelved()).toBe(before);
  handrail.consent("pending");
  handrail.consent("granted");
  const kept = Object.entries(localStorage).flatMap(([key, text]) => (key.includes(".q.") ? text : []));
  expect(kept.filter((text) => text.includes("while nobody has answered"))).toHaveLength(1);
  handrail.shutdown();
});

test("a yes that was taken back in another tab is asked for here, too", () => {
  const handrail = fresh();
  handrail.init({ key: KEY, consent: "granted" });
  const told = { key: "handrail.Ab345678.consent", newValue: null };
  window.dispatchEvent(Object.assign(new Event("storage"), told));
  const before = shelved();
  handrail.track("later");
  expect(shelved()).toBe(before);
  handrail.shutdown();
});

test("a number is a user, and what is none is told", () => {
  const handrail = fresh();
  const told = vi.fn();
  handrail.on("error", told);
  handrail.init({ key: KEY, userId: 42 as unknown as string });
  handrail.track("signed in");
  expect(Object.keys(localStorage).some((key) => key.endsWith(".who"))).toBe(true);
  expect(localStorage.getItem("handrail.Ab345678.who")).toContain('"42"');
  expect(told).not.toHaveBeenCalled();
  handrail.identify({ id: 7 } as unknown as string);
  expect(told).toHaveBeenCalledExactlyOnceWith({ code: "user_id" });
  handrail.shutdown();
});
