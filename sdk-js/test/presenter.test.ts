import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Shown } from "../src/nudges/shown";
import type { Stage } from "../src/nudges/stage";
import { Store } from "../src/store";
import { startUi } from "../src/ui/index";
import type { Nudge } from "../src/wire";
import { life, TestShelf } from "./making";

beforeEach(() => {
  vi.useFakeTimers();
  // It has no layout to observe: tests/browser/ui looks at what is seen.
  vi.stubGlobal("IntersectionObserver", undefined);
  document.body.innerHTML = "";
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function nudge(more: Partial<Nudge> = {}): Nudge {
  return {
    nudge_id: "n1",
    kind: "chat",
    stuck_point: "p/s",
    target: null,
    title: "Hello",
    body: "Try **this**",
    actions: [
      { id: "ok", label: "Got it", kind: "dismiss", url: null },
      { id: "go", label: "Do it", kind: "event", url: null },
      { id: "bad", label: "Bad", kind: "link", url: "javascript:alert(1)" },
    ],
    language: "en",
    expires_at: new Date(Date.now() + 60_000).toISOString(),
    ...more,
  };
}

function setup(shelf = new TestShelf()) {
  const told: string[] = [];
  const acks: number[] = [];
  const stage: Stage = {
    shown: new Shown(new Store(shelf, "h.")),
    language: () => "en",
    tell: (fate, id, action) => told.push([fate, id, action].filter(Boolean).join(" ")),
    ack: (seq) => acks.push(seq),
    action: (id, action) => told.push(`action ${id} ${action}`),
    theme: () => ({}),
    say: () => "",
    arrived: () => Promise.resolve(true),
  };
  const own = life();
  const root = () => [...document.querySelectorAll("handrail-root")].at(-1)?.shadowRoot;
  const ui = startUi(stage, own);
  /** What is shown comes a moment later: a live region is heard only when it stood there before its words. */
  const take = async (nudge: Nudge, seq: number) => {
    ui.take({ nudge, seq, message: false });
    await vi.advanceTimersByTimeAsync(300);
  };
  return { ui, stage, take, told, acks, own, root };
}

test("a nudge is shown once, acknowledged, and is a named dialog that takes no focus", async () => {
  const { take, told, acks, root, own } = setup();
  await take(nudge(), 4);
  await take(nudge(), 4);
  const card = root()?.querySelector('[data-hr-nudge="n1"]');
  expect(card?.getAttribute("data-hr-kind")).toBe("chat");
  expect(card?.getAttribute("role")).toBe("dialog");
  expect(root()?.getElementById(card?.getAttribute("aria-labelledby") ?? "")?.textContent).toBe("Hello");
  expect(card?.querySelectorAll("[data-hr-action]")).toHaveLength(2);
  expect(document.activeElement).toBe(document.body);
  expect(
    card?.closest('[aria-live="polite"]') ?? card?.parentElement?.getAttribute("aria-live"),
  ).toBeTruthy();
  expect(told).toEqual(["nudge_shown n1"]);
  expect(acks).toEqual([4, 4]);
  own.end();
  expect(document.querySelector("handrail-root")).toBeNull();
});

test("dismissed by its button or Esc, clicked by an action; the next one waits its turn", async () => {
  const { take, told, root, own } = setup();
  await take(nudge(), 1);
  await take(nudge({ nudge_id: "n2" }), 2);
  await take(nudge({ nudge_id: "n3" }), 3);
  expect(root()?.querySelectorAll("[data-hr-nudge]")).toHaveLength(1);
  root()?.querySelector<HTMLElement>('[data-hr-action="ok"]')?.click();
  root()?.querySelector<HTMLElement>('[data-hr-nudge="n2"] [data-hr-action="go"]')?.click();
  vi.advanceTimersByTime(1);
  await vi.advanceTimersByTimeAsync(300);
  window.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toEqual([
    "nudge_shown n1",
    "nudge_clicked n1 ok",
    "nudge_dismissed n1 ok",
    "nudge_shown n2",
    "nudge_clicked n2 go",
    "action n2 go",
    "nudge_shown n3",
    "nudge_dismissed n3",
  ]);
  expect(root()).toBeUndefined();
  own.end();
});

test("what this browser has shown is not shown again, only acknowledged; the expired is left alone", async () => {
  const shelf = new TestShelf();
  const before = setup(shelf);
  await before.take(nudge(), 1);
  before.own.end();
  const { take, told, acks, own } = setup(shelf);
  await take(nudge(), 1);
  await take(nudge({ nudge_id: "old", expires_at: "2020-01-01T00:00:00Z" }), 2);
  expect(told).toEqual([]);
  expect(acks).toEqual([1]);
  own.end();
});

test("a target that does not come is told, and given up", async () => {
  const { take, told, acks, own } = setup();
  await take(nudge({ kind: "tooltip", target: "#never" }), 9);
  vi.advanceTimersByTime(9_000);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(told).toEqual(["nudge_target_missing n1"]);
  expect(acks).toEqual([9]);
  own.end();
});

test("using the target completes a nudge once, also after it was closed", async () => {
  document.body.innerHTML = '<button id="go"><b>Go</b></button>';
  const { ui, stage, take, root, own } = setup();
  await take(nudge({ target: "#go" }), 1);
  const { shown } = stage;
  expect(shown.pointingAt(document.body)).toEqual([]);
  const inner = document.querySelector("b");
  expect(inner && shown.pointingAt(inner)).toEqual(["n1"]);
  expect(shown.complete(["n1", "n2"])).toEqual(["n1"]);
  expect(shown.complete(["n1"])).toEqual([]);
  expect(inner && shown.pointingAt(inner)).toEqual([]);
  expect(root()).toBeDefined();
  ui.completed("n1");
  expect(root()).toBeUndefined();
  own.end();
});
