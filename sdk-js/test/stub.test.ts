// What stands in a page until the snippet is there.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import stub from "../src/stub";

const SRC = "https://handrail.example.test/sdk/v1/onboarding-agent-sdk.js";
const KEY = "pk_x";
type Stubbed = unknown[][] & Record<string, (...args: unknown[]) => unknown>;
const page = window as unknown as { handrail?: Stubbed };
/** Nothing is fetched here: a script stays as it is until a test says what became of it. */
const place = document.createDocumentFragment();
const scripts = () => [...place.querySelectorAll("script")].filter((script) => script.src === SRC);
const own = () => page.handrail as Stubbed;
const fail = () => scripts()[0]?.onerror?.(new Event("error"));

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(document.head, "append").mockImplementation((node) => place.append(node));
});

afterEach(() => {
  vi.useRealTimers();
  delete page.handrail;
  for (const script of scripts()) script.remove();
});

describe("the stub", () => {
  it("keeps calls in their order, with init first", () => {
    stub(SRC, { key: KEY });
    own().track?.("a", { n: 1 });
    own().identify?.("u-1");
    expect([...own()]).toEqual([
      ["init", { key: KEY }],
      ["track", "a", { n: 1 }],
      ["identify", "u-1"],
    ]);
  });

  it("loads one script, however often it stands in the page", () => {
    stub(SRC, { key: KEY });
    stub(SRC, { key: KEY });
    expect(scripts()).toHaveLength(1);
    expect(scripts()[0]?.async).toBe(true);
    expect([...own()]).toHaveLength(1);
  });

  it("takes over a bare array, and leaves the snippet itself alone", () => {
    page.handrail = [["track", "before"]] as unknown as Stubbed;
    stub(SRC, { key: KEY });
    expect([...own()]).toEqual([
      ["track", "before"],
      ["init", { key: KEY }],
    ]);
    const snippet = { init() {} } as unknown as Stubbed;
    page.handrail = snippet;
    stub(SRC, { key: KEY });
    expect(page.handrail).toBe(snippet);
    expect(scripts()).toHaveLength(1);
  });

  it("asks for the hash where it has one", () => {
    stub(SRC, { key: KEY }, "sha384-x");
    expect(scripts()[0]?.integrity).toBe("sha384-x");
    expect(scripts()[0]?.getAttribute("crossorigin")).toBe("");
  });

  it("stops a listener that was stopped before the snippet came", () => {
    stub(SRC, { key: KEY });
    const fn = vi.fn();
    const stop = own().on?.("ready", fn) as () => void;
    const [, , queued] = [...own()].at(-1) as [string, string, (detail: unknown) => void];
    queued({ a: 1 });
    expect(fn).toHaveBeenCalledExactlyOnceWith({ a: 1 });
    stop();
    queued({});
    expect(fn).toHaveBeenCalledOnce();
  });

  it("tries once more after an error, then gathers nothing and lets nobody wait", async () => {
    stub(SRC, { key: KEY });
    own().track?.("a");
    const flushed = own().flush?.();
    fail();
    expect(scripts()).toHaveLength(0);
    vi.advanceTimersByTime(10_000);
    expect(scripts()).toHaveLength(1);
    expect([...own()].map(([name]) => name)).toEqual(["init", "track", "flush"]);
    fail();
    await flushed;
    vi.advanceTimersByTime(3_600_000);
    expect(scripts()).toHaveLength(0);
    own().track?.("b");
    await own().flush?.();
    expect([...own()]).toEqual([]);
  });

  it("is bounded", () => {
    stub(SRC, { key: KEY });
    for (let index = 0; index < 500; index++) own().track?.(`${index}`);
    expect(own().length).toBeLessThanOrEqual(100);
  });
});
