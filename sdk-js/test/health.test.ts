import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Guard } from "../src/guard";
import { openHealth } from "../src/health/gate";
import { idly } from "../src/health/idle";
import { startHealth } from "../src/health/index";
import { pathFits, pathOf } from "../src/health/path";
import { readRules } from "../src/health/rule";
import { wantedOf, wordsOf } from "../src/health/wanted";
import { uuid4 } from "../src/ids";
import { Lifetime } from "../src/lifetime";
import { Store } from "../src/store";
import type { SnippetConfig } from "../src/wire";

const target = (id: string, selector: string, path = "", event = "click") => ({ id, selector, path, event });

/** Until a miss counts, and until after the first look. */
const LONG_ENOUGH = 12_000;
const SOON = 1_500;

let seen: Record<string, unknown>[] = [];
let visit = "v1";
let life: Lifetime;
let store: Store;

beforeEach(() => {
  vi.useFakeTimers();
  // As where the browser tells of no idle time.
  vi.stubGlobal("requestIdleCallback", undefined);
  document.body.innerHTML = "";
  history.replaceState(null, "", "/projects");
  visible("visible");
  [seen, visit, life, store] = [[], "v1", new Lifetime(new Guard()), new Store(null, "h.")];
});

afterEach(() => {
  life.end();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function visible(state: string): void {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

function sights(...targets: unknown[]) {
  return {
    store,
    config: () => ({ targets, target_share: 1 }) as unknown as SnippetConfig,
    visit: () => visit,
    saw: (properties: Record<string, unknown>) => void seen.push(properties),
  };
}

function looks(...targets: unknown[]) {
  const health = startHealth(sights(...targets), life);
  health.viewed();
  return health;
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

test("what is there is told at once, what is not after a while, with what is most like it", async () => {
  document.body.innerHTML =
    '<a id="create-project" href="/x">+</a><button id="help">?</button><form id="f"></form>';
  looks(target("a", "#new-project"), target("b", "#help"), target("c", "#anything-else"));
  await pass(SOON);
  expect(seen).toEqual([]);
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: ["b"], missed: ["a", "c"], nearest: { a: "#create-project" } }]);
});

test("a page where all is there needs no waiting, and is told of once a visit", async () => {
  document.body.innerHTML = '<button id="help">?</button>';
  const health = looks(target("b", "#help"));
  // The host tells of its page itself.
  health.viewed();
  await pass(SOON);
  expect(seen).toEqual([{ found: ["b"], missed: [] }]);
  health.viewed();
  await pass(LONG_ENOUGH);
  // Another tab of the same visit.
  looks(target("b", "#help"));
  await pass(LONG_ENOUGH);
  expect(seen).toHaveLength(1);
  visit = "v2";
  health.viewed();
  await pass(SOON);
  expect(seen).toHaveLength(2);
  expect(store.get("looked")).not.toContain("projects");
});

test("what comes late was not missed", async () => {
  looks(target("a", "#late"));
  await pass(5_000);
  document.body.innerHTML = '<button id="late">!</button>';
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: ["a"], missed: [] }]);
});

test("a page that is left tells nothing, the next route what is there", async () => {
  document.body.innerHTML = '<button id="send">!</button>';
  const health = looks(target("a", "#gone", "/projects"), target("b", "#send", "/team"));
  await pass(9_000);
  history.replaceState(null, "", "/team");
  health.viewed();
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: ["b"], missed: [] }]);
});

test("a route that nobody told of tells nothing", async () => {
  looks(target("a", "#gone", "/projects"));
  await pass(9_000);
  history.replaceState(null, "", "/team");
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([]);
});

test("a page that does not fit is not looked at", async () => {
  looks(target("a", "#gone", "/team"), target("b", "#gone", "/projects/*"));
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([]);
});

test("a tab that is hidden does not count, whenever it was", async () => {
  looks(target("a", "#gone"));
  await pass(8_000);
  visible("hidden");
  await pass(60_000);
  expect(seen).toEqual([]);
  visible("visible");
  await pass(LONG_ENOUGH);
  expect(seen).toHaveLength(1);
});

test("what has not loaded is not missing", async () => {
  const state = vi.spyOn(document, "readyState", "get").mockReturnValue("interactive");
  looks(target("a", "#gone"));
  await pass(60_000);
  expect(seen).toEqual([]);
  state.mockReturnValue("complete");
  await pass(LONG_ENOUGH);
  expect(seen).toHaveLength(1);
});

test("the end of the snippet ends it", async () => {
  document.body.innerHTML = '<button id="help">?</button>';
  looks(target("b", "#help"));
  // Within a look.
  await pass(1_020);
  life.end();
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([]);
  life = new Lifetime(new Guard());
  looks(target("a", "#gone"));
  await pass(9_000);
  life.end();
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([]);
});

test("nothing is told of what people wrote, nor of what is ours or not to be seen", async () => {
  document.body.innerHTML =
    '<button data-hr-ignore id="new-report">New report</button><handrail-root><a id="new-reports">x</a></handrail-root>' +
    '<p title="new report">new report</p><button aria-label="new report">New report</button>';
  looks(target("a", "#new-report-button"));
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: [], missed: ["a"] }]);
});

test.each([
  ['<form id="initiative"></form>', "form#project", "submit", "#initiative"],
  ['<form id="a"></form><form id="b"></form>', "form#project", "submit", undefined],
  ['<div id="bar"><a href="/x">1</a></div><a href="/y">2</a>', "#bar > button", "click", undefined],
  [
    '<div id="bar"><button type="button">1</button></div>',
    "#bar > button.save",
    "click",
    '#bar button[type="button"]',
  ],
  [
    '<a href="/x" data-testid="newProject">1</a>',
    '[data-testid="new_projects"]',
    "click",
    '[data-testid="newProject"]',
  ],
  ['<a href="/x" id="invoice-7-close">1</a>', "#project-7-open", "click", undefined],
])("%s in place of %s", async (page, selector, event, nearest) => {
  document.body.innerHTML = page;
  looks(target("a", selector, "", event));
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: [], missed: ["a"], ...(nearest && { nearest: { a: nearest } }) }]);
});

test("an element that was looked for and found is in nobody's place", async () => {
  document.body.innerHTML = '<button id="new-project-2">1</button>';
  looks(target("a", "#new-project"), target("b", "#new-project-2"));
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: ["b"], missed: ["a"] }]);
});

test("selectors that are none, and configs that are none, do no harm", async () => {
  looks(target("a", "p:nth-hild("), null, 7, { id: "", selector: "p" }, { id: "x", selector: 3 });
  await pass(LONG_ENOUGH);
  expect(seen).toEqual([{ found: [], missed: ["a"] }]);
  expect(readRules(undefined)).toEqual([]);
  expect(readRules([{ id: "a", selector: "#a", newer: 1 }])).toEqual([target("a", "#a", "", "")]);
});

test("only the visits of the share fetch it, and only where there is something to look for", () => {
  const load = vi.fn(() => Promise.reject(new Error("not here")));
  const share = (target_share: number, ...targets: unknown[]) => ({
    ...sights(),
    config: () => ({ targets, target_share }) as unknown as SnippetConfig,
  });
  openHealth(share(1), life, load);
  openHealth({ ...share(1), config: () => ({ target_share: 1 }) as unknown as SnippetConfig }, life, load);
  openHealth(share(0, target("a", "#a")), life, load);
  expect(load).not.toHaveBeenCalled();
  let fetched = 0;
  for (let number = 0; number < 400; number++) {
    visit = uuid4();
    openHealth(share(0.25, target("a", "#a")), life, load);
    fetched = load.mock.calls.length;
  }
  expect(fetched).toBeGreaterThan(60);
  expect(fetched).toBeLessThan(140);
});

test.each([
  ["", "/anything", true],
  ["/projects", "/projects", true],
  ["/projects/", "/projects", true],
  ["/projects", "/projects/7", false],
  ["/projects/*", "/projects/7", true],
  ["/projects/*", "/projects/7/edit", false],
  ["/a.b", "/aXb", false],
  ["/projects", "/app#/projects", true],
  ["/projects", "/app#!/projects", true],
  ["/app#/projects", "/app#/projects", true],
  ["/app", "/app#/projects", false],
])("path %s on %s: %s", (pattern, path, fits) => {
  expect(pathFits(pattern, path)).toBe(fits);
});

test("a page's path is read as the server reads it", () => {
  const of = (href: string) => pathOf(new URL(href, "https://a.test"));
  expect(["/a/b/?q=1#top", "/", "/app/#/a/?q=1", "/app#!/a"].map(of)).toEqual([
    "/a/b",
    "/",
    "/app#/a",
    "/app#!/a",
  ]);
});

test("what a selector says of its element", () => {
  expect(wantedOf("#list > form#newProject.big[data-testid='do it']")).toEqual({
    above: "#list",
    tag: "form",
    role: "",
    words: ["new", "project", "big", "do", "it"],
  });
  expect(wantedOf('nav:is(.a > b) [role="tab"][name="x y"]')).toEqual({
    above: "nav:is(.a > b)",
    tag: "",
    role: "tab",
    words: ["x", "y"],
  });
  expect(wantedOf(".a + .b").above).toBe("");
  expect(wordsOf("newProject-2_über")).toEqual(["new", "project", "über"]);
});

test("work is done in slices, each as long as it is short", async () => {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  function* work(): Generator<void, string> {
    for (let step = 0; step < 10; step++) {
      now += 2;
      yield;
    }
    return "done";
  }
  const results: string[] = [];
  idly(life, work(), (result) => void results.push(result));
  let slices = 0;
  while (!results[0]) {
    await vi.advanceTimersToNextTimerAsync();
    slices += 1;
    expect(slices).toBeLessThan(20);
  }
  expect(results).toEqual(["done"]);
  expect(slices).toBeGreaterThanOrEqual(5);
});
