// What stands in a page until the snippet is there.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import stub from "../src/stub";

/** A snippet that only counts, by test: one may still be on its way when the next test begins. */
const counting = (then = "") =>
  `data:text/javascript,globalThis.loads${test}=(globalThis.loads${test}??0)+1;${then}//`;
const KEY = "pk_x";
const AGAIN_MS = 5_000;
type Stubbed = unknown[][] & Record<string, (...args: unknown[]) => unknown> & { src: string };
const page = window as unknown as { handrail?: Stubbed };
const loads = () => (globalThis as Record<string, unknown>)[`loads${test}`];
/** Nothing is fetched by an element here: it stays as it is until a test says what became of it. */
const place = document.createElement("div");
const element = () => place.firstElementChild as HTMLScriptElement & HTMLLinkElement;
const own = () => page.handrail as Stubbed;
const lists = Object.getPrototypeOf(document.createElement("link").relList) as DOMTokenList;
const fetchesAhead = (it: boolean) => vi.spyOn(lists, "supports").mockReturnValue(it);
const loaded = (times: number) => vi.waitFor(() => expect(loads()).toBe(times));
let src = "";
let test = 0;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  vi.spyOn(document.head, "append").mockImplementation((node) => place.append(node));
  test++;
  src = counting();
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  delete page.handrail;
  place.replaceChildren();
});

describe("the stub", () => {
  it("keeps calls in their order, with init first", () => {
    stub(src, { key: KEY });
    own().track?.("a", { n: 1 });
    own().identify?.("u-1");
    expect([...own()]).toEqual([
      ["init", { key: KEY }],
      ["track", "a", { n: 1 }],
      ["identify", "u-1"],
    ]);
  });

  it("loads the snippet once, by no element, however often it stands in the page", async () => {
    stub(src, { key: KEY });
    stub(src, { key: KEY });
    await loaded(1);
    await vi.advanceTimersByTimeAsync(10 * AGAIN_MS);
    expect(loads()).toBe(1);
    expect(element()).toBeNull();
    expect([...own()]).toHaveLength(1);
    expect(own().src).toBe(src);
  });

  it("takes over a bare array, and leaves the snippet itself alone", () => {
    page.handrail = [["track", "before"]] as unknown as Stubbed;
    stub(src, { key: KEY });
    expect([...own()]).toEqual([
      ["track", "before"],
      ["init", { key: KEY }],
    ]);
    const snippet = { init() {} } as unknown as Stubbed;
    page.handrail = snippet;
    stub(src, { key: KEY });
    expect(page.handrail).toBe(snippet);
  });

  it("fetches by the hash where it has one, and runs what was fetched", async () => {
    fetchesAhead(true);
    stub(src, { key: KEY }, "sha384-x");
    expect([element().localName, element().rel, element().href]).toEqual(["link", "modulepreload", src]);
    expect([element().integrity, element().getAttribute("crossorigin")]).toEqual(["sha384-x", ""]);
    expect(loads()).toBeUndefined();
    element().onload?.(new Event("load"));
    await loaded(1);
  });

  it("takes a script where a browser fetches no modules ahead", async () => {
    fetchesAhead(false);
    stub(src, { key: KEY }, "sha384-x");
    expect([element().localName, element().src, element().integrity]).toEqual(["script", src, "sha384-x"]);
    element().onload?.(new Event("load"));
    await vi.advanceTimersByTimeAsync(10 * AGAIN_MS);
    expect(loads()).toBeUndefined();
  });

  it("stops a listener that was stopped before the snippet came", () => {
    stub(src, { key: KEY });
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
    stub(counting("throw 1;"), { key: KEY });
    own().track?.("a");
    const flushed = own().flush?.();
    await loaded(1);
    expect([...own()].map(([name]) => name)).toEqual(["init", "track", "flush"]);
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    await loaded(2);
    await flushed;
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(loads()).toBe(2);
    own().track?.("b");
    await own().flush?.();
    expect([...own()]).toEqual([]);
  });

  it("gives up a file of another hash in the same way", async () => {
    fetchesAhead(true);
    stub(src, { key: KEY }, "sha384-x");
    const flushed = own().flush?.();
    element().onerror?.(new Event("error"));
    expect(element()).toBeNull();
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    // A browser remembers that an address failed.
    expect(element().href).toBe(`${src}?2`);
    element().onerror?.(new Event("error"));
    await flushed;
    expect([...own()]).toEqual([]);
    expect(loads()).toBeUndefined();
  });

  it("is bounded", () => {
    stub(src, { key: KEY });
    for (let index = 0; index < 500; index++) own().track?.(`${index}`);
    expect(own().length).toBeLessThanOrEqual(100);
  });
});
