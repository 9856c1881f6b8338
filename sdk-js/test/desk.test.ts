// What waits to be shown: handed over in the one tab that may, once, and never too late.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Desk } from "../src/nudges/desk";
import { readNudge } from "../src/nudges/message";
import { Shown } from "../src/nudges/shown";
import type { Item, Stage, UiModule } from "../src/nudges/stage";
import { Store } from "../src/store";
import { life, TestShelf } from "./making";

type NudgeFrame = Parameters<typeof readNudge>[0];

const DAY_MS = 24 * 3600_000;

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML = "";
});
afterEach(() => {
  vi.useRealTimers();
});

function item(seq: number, expiresMs = 60_000): Item {
  const expires_at = new Date(Date.now() + expiresMs).toISOString();
  return { nudge: { nudge_id: `n${seq}`, expires_at } as Item["nudge"], seq, message: false };
}

function setup() {
  const shelf = new TestShelf();
  const shown = new Shown(new Store(shelf, "h."));
  const told: string[] = [];
  const stage = { shown, tell: (fate: string, id: string) => told.push(`${fate} ${id}`) } as unknown as Stage;
  /** Each time the shown side is fetched: whether it can be had. */
  const comes: boolean[] = [];
  let asked = 0;
  let started = 0;
  const module: UiModule = {
    startUi: () => {
      started += 1;
      return {
        take: ({ nudge }) => told.push(`take ${nudge.nudge_id}`),
        completed: (id) => told.push(`completed ${id}`),
        withdraw: () => told.push("withdraw"),
        clear: () => told.push("clear"),
      };
    },
  };
  const own = life();
  const desk = new Desk(stage, shown, own, () => {
    asked += 1;
    return comes.shift() === false ? Promise.reject(new Error("offline")) : Promise.resolve(module);
  });
  const soon = () => vi.advanceTimersByTimeAsync(0);
  return { desk, shown, shelf, told, comes, own, soon, asked: () => asked, started: () => started };
}

test("nothing is fetched or shown before this is the tab that shows, and then all that waited", async () => {
  const { desk, told, soon, asked } = setup();
  desk.may(true);
  await soon();
  expect(asked()).toBe(0);
  desk.may(false);
  expect([desk.take(item(1)), desk.take(item(2))]).toEqual([true, true]);
  desk.done(2);
  await soon();
  expect([asked(), told]).toEqual([0, []]);
  desk.may(true);
  await soon();
  expect(told).toEqual(["take n1"]);
  desk.may(false);
  desk.take(item(3));
  expect(told).toEqual(["take n1", "withdraw"]);
  desk.done(1);
  desk.may(true);
  expect(told.slice(2)).toEqual(["take n3"]);
  expect(asked()).toBe(1);
});

test("what is there already, was shown, or is too late is no news", async () => {
  const { desk, shown, told, soon } = setup();
  desk.may(false);
  expect([desk.take(item(1)), desk.take(item(1))]).toEqual([true, false]);
  expect(desk.take(item(2, 0))).toBe(false);
  shown.add("n3", null);
  expect([desk.take(item(3)), desk.wasShown(item(3)), desk.wasShown(item(1))]).toEqual([false, true, false]);
  // While it waited here, another tab showed one, and the time of the other was over.
  desk.take(item(4));
  desk.take(item(5, 1_000));
  shown.add("n4", null);
  await vi.advanceTimersByTimeAsync(1_000);
  desk.may(true);
  await soon();
  expect(told).toEqual(["take n1"]);
});

test("what cannot be fetched is tried again, less and less often, while somebody waits for it", async () => {
  const { desk, told, comes, asked } = setup();
  comes.push(false, false, true);
  desk.may(true);
  desk.take(item(1, DAY_MS));
  await vi.advanceTimersByTimeAsync(29_000);
  desk.take(item(2, DAY_MS));
  expect(asked()).toBe(1);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked()).toBe(2);
  await vi.advanceTimersByTimeAsync(119_000);
  expect(asked()).toBe(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked()).toBe(3);
  expect(told).toEqual(["take n1", "take n2"]);
});

test("nothing is fetched again for nobody, and nothing starts after the end", async () => {
  const { desk, told, comes, own, asked, started } = setup();
  comes.push(false, false);
  desk.may(true);
  desk.take(item(1));
  await vi.advanceTimersByTimeAsync(10_000);
  desk.done(1);
  await vi.advanceTimersByTimeAsync(DAY_MS);
  expect(asked()).toBe(1);
  desk.take(item(2, 2 * DAY_MS));
  expect(asked()).toBe(2);
  // Another tab is looked at.
  desk.may(false);
  await vi.advanceTimersByTimeAsync(DAY_MS);
  expect(asked()).toBe(2);
  desk.may(true);
  expect(asked()).toBe(3);
  own.end();
  await vi.advanceTimersByTimeAsync(DAY_MS);
  expect([asked(), started(), told]).toEqual([3, 0, []]);
});

test("another user's, and all at the end, goes", async () => {
  const { desk, told, own, soon } = setup();
  desk.may(true);
  desk.take(item(1));
  await soon();
  desk.clear();
  desk.may(true);
  expect(told).toEqual(["take n1", "clear"]);
  own.end();
  expect(told.slice(2)).toEqual(["clear"]);
});

test("using a target, or something in it, completes what was shown: once, in any tab, within a day", async () => {
  const { desk, shown, shelf, told, soon } = setup();
  document.body.innerHTML = '<button id="target"><b>New</b></button><p>x</p>';
  const [target, inside, other] = ["#target", "b", "p"].map((one) => document.querySelector(one) as Element);
  desk.may(true);
  desk.take(item(9));
  await soon();
  shown.add("n1", "#target");
  shown.add("n2", null);
  desk.used(other as Element, true);
  expect(told.splice(0)).toEqual(["take n9"]);
  // A click that the page leaves unanswered is what the nudge came for, not its end.
  desk.used(inside as Element);
  desk.used(inside as Element, false);
  desk.used(target as Element);
  expect(told).toEqual([]);
  // The answer may take the element away.
  document.body.innerHTML = "";
  desk.used(target as Element, true);
  desk.used(target as Element, true);
  expect(told).toEqual(["nudge_completed n1", "completed n1"]);
  // Also for a page that comes later.
  const later = new Shown(new Store(shelf, "h."));
  expect(later.pointingAt(target as Element)).toEqual([]);
  shown.add("n3", "#target");
  vi.setSystemTime(Date.now() + DAY_MS);
  desk.used(target as Element, true);
  expect(told).toEqual(["nudge_completed n1", "completed n1"]);
});

test("the browser remembers the last twenty, whatever stood there before", () => {
  const { shown, shelf } = setup();
  for (const odd of ["{", "7", '[null, 1, {"id": 3, "at": 1}, {"id": "late"}, {"id": "kept", "at": 1}]']) {
    shelf.setItem("h.shown", odd);
    const told = ["kept", "3", "late"].map((id) => shown.has(id));
    expect(told).toEqual([odd.includes("kept"), false, false]);
  }
  for (let n = 0; n < 20; n++) shown.add(`n${n}`, null);
  expect([shown.has("kept"), shown.has("n0"), shown.has("n19")]).toEqual([false, true, true]);
  // Written by another tab.
  new Shown(new Store(shelf, "h.")).add("other", null);
  shown.add("own", null);
  expect(["other", "own", "n1", "n2"].map((id) => shown.has(id))).toEqual([true, true, false, true]);
});

const NUDGE = {
  nudge_id: "n1",
  kind: "tooltip",
  title: "Save",
  body: "Here.",
  actions: [{ id: "ok", label: "OK", kind: "dismiss", url: null }],
  target: "#save",
  expires_at: "2099-01-01T00:00:00Z",
};
const frameOf = (more: object) => ({ type: "nudge", seq: 1, nudge: { ...NUDGE, ...more } }) as NudgeFrame;

test("a nudge is taken as it is, and cut where it is a book", () => {
  expect(readNudge(frameOf({}), "en")).toEqual(NUDGE);
  const long = readNudge(frameOf({ title: "t".repeat(999), body: "b".repeat(99_999) }), "en");
  expect([long?.title.length, long?.body.length]).toEqual([200, 2_000]);
});

test.each([
  { body: { a: 1 } },
  { title: [] },
  { actions: "str" },
  { actions: [null] },
  { actions: [{ id: 1, label: "x" }] },
  { target: 7 },
  { nudge_id: "" },
  { expires_at: "soon" },
])("%j makes it none", (more) => {
  expect(readNudge(frameOf(more), "en")).toBeNull();
});

test("what is no nudge at all, and no message, is none", () => {
  for (const nudge of [null, undefined, 7, "x", []]) {
    expect(readNudge({ type: "nudge", seq: 1, nudge } as unknown as NudgeFrame, "en")).toBeNull();
  }
  const message = { type: "message", seq: 1, message_id: "m1", text: { a: 1 } } as unknown as NudgeFrame;
  expect(readNudge(message, "en")).toBeNull();
});

test("what somebody said is shown as it was said, in their own conversation", () => {
  const frame = { type: "message", seq: 1, message_id: "m1", text: "Where?" } as Parameters<
    typeof readNudge
  >[0];
  const made = readNudge(frame, "de");
  expect([made?.nudge_id, made?.kind, made?.body, made?.language]).toEqual(["m1", "chat", "Where?", "de"]);
});
