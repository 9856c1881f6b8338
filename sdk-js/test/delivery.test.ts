// Pages without Web Locks (plain http) that share one localStorage: leases say who sends what.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Ahead } from "../src/delivery/ahead";
import { Delivery } from "../src/delivery/delivery";
import type { Answer } from "../src/delivery/door";
import type { Lifetime } from "../src/lifetime";
import { Store } from "../src/store";
import type { WireEvent } from "../src/wire";
import { event, life, TestShelf } from "./making";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const AWAY: Answer = { status: 503, retryAfter: null, body: null };
const OK: Answer = { status: 202, retryAfter: null, body: null };

/** A page: what it sent, by event id. */
function page(shelf: TestShelf, answer: () => Answer) {
  const sent: string[] = [];
  const own: Lifetime = life();
  const post = async (events: string[]) => {
    const got = answer();
    if (got.status === 202) sent.push(...events.map((text) => JSON.parse(text).event_id));
    return got;
  };
  const store = new Store(shelf, "h.");
  const ahead = new Ahead(store, "h.queue.");
  ahead.hold();
  const delivery = new Delivery(
    store,
    "h.",
    ahead,
    {
      token: async () => undefined,
      heldToken: () => undefined,
      needsToken: () => false,
      forgetToken: () => {},
      tokenMayCome: () => false,
      post,
      stopped: () => {},
    },
    own,
  );
  delivery.begin();
  ahead.hand((entry) => delivery.add(entry));
  const leave = () => {
    delivery.away(true);
    ahead.drop();
    own.end();
  };
  return { add: (one: WireEvent) => ahead.add(one), sent, life: own, leave };
}

function fresh() {
  const one = event();
  const time = Date.now().toString(16).padStart(12, "0");
  return { ...one, event_id: `${time.slice(0, 8)}-${time.slice(8)}${one.event_id.slice(13)}` };
}

const keys = (shelf: TestShelf, head: string) =>
  [...shelf.items.keys()].filter((key) => key.startsWith(head));

test("a page that was left cleanly is followed at once, by one page alone", async () => {
  const shelf = new TestShelf();
  const left = page(shelf, () => AWAY);
  await vi.advanceTimersByTimeAsync(200);
  const one = fresh();
  left.add(one);
  left.leave();
  const next = [page(shelf, () => OK), page(shelf, () => OK)];
  await vi.advanceTimersByTimeAsync(10_000);
  expect(next.flatMap((each) => each.sent)).toEqual([one.event_id]);
  expect(keys(shelf, "h.q.")).toEqual([]);
});

test("a page that is left while it takes over holds up no other", async () => {
  const shelf = new TestShelf();
  const left = page(shelf, () => AWAY);
  const one = fresh();
  left.add(one);
  left.leave();
  const brief = page(shelf, () => OK);
  await vi.advanceTimersByTimeAsync(20);
  expect(keys(shelf, "h.l.")).toHaveLength(2);
  brief.leave();
  expect(keys(shelf, "h.l.")).toEqual([]);
  const next = page(shelf, () => OK);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(next.sent).toEqual([one.event_id]);
});

test("a page that lives keeps its queue, and one that died is followed when its lease is over", async () => {
  const shelf = new TestShelf();
  const first = page(shelf, () => AWAY);
  await vi.advanceTimersByTimeAsync(200);
  first.add(fresh());
  await vi.advanceTimersByTimeAsync(1_000);
  const second = page(shelf, () => OK);
  for (let at = 0; at < 10; at++) {
    await vi.advanceTimersByTimeAsync(15_000);
    first.add(fresh());
  }
  await vi.advanceTimersByTimeAsync(200);
  expect(second.sent).toEqual([]);
  // Died: nothing of it runs any more, and nothing was let go of.
  const notes = new Map(shelf.items);
  first.life.end();
  for (const [key, value] of notes) shelf.items.set(key, value);
  await vi.advanceTimersByTimeAsync(90_000);
  expect(new Set(second.sent).size).toBe(11);
  expect(second.sent).toHaveLength(11);
  expect(keys(shelf, "h.q.")).toEqual([]);
  // Leases of pages that died do not pile up in the host's storage.
  await vi.advanceTimersByTimeAsync(120_000);
  second.add(fresh());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(keys(shelf, "h.l.")).toHaveLength(1);
});

test("without any storage events are sent all the same", async () => {
  const shelf = new TestShelf();
  shelf.broken = true;
  const { add, sent } = page(shelf, () => OK);
  add(fresh());
  await vi.advanceTimersByTimeAsync(5_200);
  expect(sent).toHaveLength(1);
});
