import { expect, test } from "vitest";
import { EventQueue } from "../src/delivery/queue";
import { Store } from "../src/store";
import { event, TestShelf } from "./making";

function queueOn(shelf: TestShelf, events = 200, chars = 256 * 1024): EventQueue {
  const queue = new EventQueue(new Store(shelf, "h."), events, chars);
  queue.load();
  return queue;
}

test("an event is on the shelf before it is sent, and leaves it only when removed", () => {
  const shelf = new TestShelf();
  const one = event();
  queueOn(shelf).add(one);
  const next = queueOn(shelf);
  expect(next.batch(10, 1e6)).toEqual([one]);
  next.remove([one.event_id]);
  expect(shelf.items.size).toBe(0);
  expect(next.size).toBe(0);
});

test("a page takes up what earlier ones left, oldest first", () => {
  const shelf = new TestShelf();
  const events = [event(), event(), event()];
  for (const one of [...events].reverse()) queueOn(shelf).add(one);
  expect(queueOn(shelf).batch(10, 1e6)).toEqual(events);
});

test("the oldest go when it is full, by number or by size", () => {
  const few = queueOn(new TestShelf(), 3);
  const events = Array.from({ length: 5 }, () => event());
  for (const one of events) few.add(one);
  expect(few.batch(10, 1e6)).toEqual(events.slice(2));

  const shelf = new TestShelf();
  const small = queueOn(shelf, 100, 1000);
  for (let index = 0; index < 9; index++) small.add(event({ properties: { text: "x".repeat(200) } }));
  expect(small.size).toBe(2);
  expect(shelf.items.size).toBe(2);
});

test("a batch holds one user's events, within its bounds", () => {
  const queue = queueOn(new TestShelf());
  const own = [event(), event(), event()];
  const other = event({ user_id: "u2" });
  for (const one of [own[0], other, own[1], own[2]]) if (one) queue.add(one);
  expect(queue.batch(2, 1e6)).toEqual(own.slice(0, 2));
  expect(queue.batch(9, 1)).toEqual(own.slice(0, 1));
  expect(queue.batch(9, 1e6, { users: new Set(["anon-1"]) })).toEqual([other]);
  expect(queue.batch(9, 1e6, { ids: new Set([own[0]?.event_id ?? ""]) })).toEqual([other]);
});

test("broken storage means memory, and what is no event is thrown away", () => {
  const broken = new TestShelf();
  broken.broken = true;
  const queue = queueOn(broken);
  queue.add(event());
  expect(queue.batch(9, 1e6)).toHaveLength(1);

  const shelf = new TestShelf();
  shelf.items.set("h.q.1", "{half");
  shelf.items.set("h.q.2", "[]");
  shelf.items.set("other.q.3", "not ours");
  expect(queueOn(shelf).size).toBe(0);
  expect([...shelf.items.keys()]).toEqual(["other.q.3"]);
});
