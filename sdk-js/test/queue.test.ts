import { expect, test } from "vitest";
import type { Entry } from "../src/delivery/entry";
import type { EventQueue } from "../src/delivery/queue";
import type { WireEvent } from "../src/wire";
import { event, PageQueue, TestShelf } from "./making";

const NONE = new Map<string, string>();
const any = () => false;
const NOW = new Date().toISOString();

const queueOn = (...made: ConstructorParameters<typeof PageQueue>) => new PageQueue(...made);

/** A fresh id: old ones are given up. */
function fresh(more: Partial<WireEvent> = {}): WireEvent {
  const { event_id: id } = event();
  const time = Date.now().toString(16).padStart(12, "0");
  return event({
    event_id: `${time.slice(0, 8)}-${time.slice(8)}${id.slice(13)}`,
    timestamp: NOW,
    ...more,
  });
}

function all(queue: EventQueue, most = 1e4): Entry[] {
  const first = queue.first(any);
  return first ? queue.batch(first, any, most, 1e9, false) : [];
}

const events = (entries: Entry[]) => entries.map((entry) => JSON.parse(entry.text));
const others = (shelf: TestShelf) => [...shelf.items.keys()].filter((key) => !key.startsWith("h.q."));

test("an event costs one write of itself alone, and leaves only when removed", () => {
  const shelf = new TestShelf();
  const queue = queueOn(shelf);
  const two = [fresh(), fresh()];
  for (const one of two) queue.write(one);
  expect(shelf.writes).toBe(2);
  expect([...shelf.items.values()].map((text) => JSON.parse(text))).toEqual(two);
  queue.remove(all(queue));
  expect(shelf.items.size).toBe(0);
  expect(queue.first(any)).toBeUndefined();
});

test("a page takes over a queue whole, oldest first and before its own", () => {
  const shelf = new TestShelf();
  const left = [fresh(), fresh(), fresh()];
  const gone = queueOn(shelf, "gone");
  for (const one of left) gone.write(one);
  const queue = queueOn(shelf);
  const own = fresh();
  queue.write(own);
  queue.load("gone", NONE);
  expect(events(all(queue))).toEqual([...left, own]);
  queue.remove(all(queue));
  expect(shelf.items.size).toBe(0);
});

test("what only the mirror has comes from there, what both have comes once", () => {
  const shelf = new TestShelf();
  const [one, two] = [fresh(), fresh()];
  queueOn(shelf, "gone").write(one);
  const queue = queueOn(shelf);
  const mirrored = new Map([one, two].map((each) => [`q.gone.${each.event_id}`, JSON.stringify(each)]));
  queue.load("gone", mirrored);
  expect(events(all(queue))).toEqual([one, two]);
});

test("what is at hand comes first, and takes nothing from what comes later", () => {
  const shelf = new TestShelf();
  const gone = queueOn(shelf, "gone");
  const one = fresh({ user_id: "u1" });
  gone.write(one);
  gone.proofs(() => "t1");
  const key = `q.gone.${one.event_id}`;
  const text = shelf.items.get(`h.${key}`) ?? "";
  // The browser died: the token was written to both long ago, the event only copied.
  shelf.items.delete(`h.${key}`);
  const queue = queueOn(shelf);
  queue.load("gone");
  expect(queue.first(any)).toBeUndefined();
  queue.load("gone", new Map([[key, text]]));
  expect(queue.proof(queue.first(any)?.lot ?? "")).toBe("t1");
});

test("an event of an older version, under a key of its own, is taken over like a queue", () => {
  const shelf = new TestShelf();
  const one = fresh();
  shelf.items.set(`h.q.${one.event_id}`, JSON.stringify(one));
  const queue = queueOn(shelf);
  queue.load(one.event_id, NONE);
  expect(events(all(queue))).toEqual([one]);
  queue.remove(all(queue));
  expect(shelf.items.size).toBe(0);
});

test("what is no event goes, what is not ours stays", () => {
  const shelf = new TestShelf();
  shelf.items.set("h.q.gone.1", "{half");
  shelf.items.set("h.q.gone.2", "[]");
  shelf.items.set("h.q.gone.3", '{"event_id":4,"user_id":"u"}');
  shelf.items.set("h.r.gone.3", "of a later version");
  shelf.items.set("other.q.3", "not ours");
  const queue = queueOn(shelf);
  queue.load("gone", NONE);
  expect(queue.first(any)).toBeUndefined();
  expect([...shelf.items.keys()]).toEqual(["h.r.gone.3", "other.q.3"]);
});

test("events of more than a week ago are given up, and counted", () => {
  const shelf = new TestShelf();
  const old = event();
  queueOn(shelf, "gone").write(old);
  const queue = queueOn(shelf);
  queue.load("gone", NONE);
  expect(queue.first(any)).toBeUndefined();
  expect(queue.dropped).toBe(1);
});

test("the oldest go when it is full, by number or by size, and are counted until told of", () => {
  const shelf = new TestShelf();
  const few = queueOn(shelf, "own", { events: 3 });
  const five = Array.from({ length: 5 }, () => fresh());
  for (const one of five) few.write(one);
  expect(events(all(few))).toEqual(five.slice(2));
  expect(few.dropped).toBe(2);
  few.lost(-2);
  expect(few.dropped).toBe(0);
  expect(others(shelf)).toEqual([]);

  const small = queueOn(new TestShelf(), "own", { chars: 1000 });
  for (let index = 0; index < 9; index++) small.write(fresh({ properties: { text: "x".repeat(200) } }));
  expect(all(small)).toHaveLength(2);
});

test("localStorage gets the newest within our share of it; the rest stays in the queue", () => {
  const shelf = new TestShelf();
  const queue = queueOn(shelf, "own", { shelf: 8_000 });
  const size = () => [...shelf.items.values()].join("").length;
  const ten = Array.from({ length: 10 }, () => fresh({ properties: { text: "x".repeat(2_000) } }));
  for (const one of ten) queue.write(one);
  queue.trim(false);
  expect(size()).toBeLessThanOrEqual(8_000);
  expect([...shelf.items.keys()]).toEqual(ten.slice(7).map((one) => `h.q.own.${one.event_id}`));
  // Other pages have the most of it.
  queue.makeRoom(6_000);
  queue.trim(false);
  expect(size()).toBeLessThanOrEqual(2_300);
  expect(events(all(queue))).toEqual(ten);
});

test("where localStorage takes no more it is left to the host, as far as the copies allow", () => {
  const shelf = new TestShelf();
  const queue = queueOn(shelf);
  queue.write(fresh());
  shelf.full = true;
  queue.write(fresh());
  shelf.full = false;
  queue.write(fresh());
  expect(shelf.items.size).toBe(1);
  queue.trim(false);
  expect(shelf.items.size).toBe(1);
  queue.trim(true);
  expect(shelf.items.size).toBe(0);
  expect(all(queue)).toHaveLength(3);
  expect(queue.isAtRest).toBe(false);
});

test("a batch holds one user's events, of one queue where its token is all there is, within its bounds", () => {
  const shelf = new TestShelf();
  const gone = queueOn(shelf, "gone");
  const left = fresh({ user_id: "u1" });
  gone.write(left);
  const queue = queueOn(shelf);
  queue.load("gone", NONE);
  const own = [fresh({ user_id: "u1" }), fresh({ user_id: "u1", properties: { text: "ä".repeat(100) } })];
  const other = fresh();
  for (const one of [own[0], other, own[1]]) if (one) queue.write(one);
  const first = queue.first(any);
  if (!first) throw new Error("nothing there");
  const ids = (entries: Entry[]) => entries.map((entry) => entry.id);
  expect(ids(queue.batch(first, any, 9, 1e6, false))).toEqual([left, ...own].map((one) => one.event_id));
  expect(ids(queue.batch(first, any, 9, 1e6, true))).toEqual([left.event_id]);
  expect(queue.batch(first, any, 2, 1e6, false)).toHaveLength(2);
  // Bytes count, not characters.
  const chars = [left, ...own].map((one) => JSON.stringify(one)).join("").length;
  expect(queue.batch(first, any, 9, chars, false)).toHaveLength(2);
  expect(queue.batch(first, any, 9, 1, false)).toHaveLength(1);
});

test("a token rests as long as events of its user wait in its queue, and goes over with it", () => {
  const shelf = new TestShelf();
  const gone = queueOn(shelf, "gone");
  gone.write(fresh({ user_id: "u.1" }));
  gone.write(fresh());
  gone.proofs((user) => (user === "u.1" ? "t1" : undefined));
  expect(shelf.items.get("h.q.gone.~u.1")).toBe("t1");
  const queue = queueOn(shelf);
  queue.load("gone", NONE);
  queue.proofs(() => "another");
  const [entry] = queue.of("u.1");
  expect(queue.proof(entry?.lot ?? "")).toBe("t1");
  queue.remove(queue.of("u.1"));
  expect([...shelf.items.keys()].filter((key) => key.includes("~"))).toEqual([]);
});

test("a page that was away keeps only what nobody else can have", () => {
  const shelf = new TestShelf();
  const queue = queueOn(shelf);
  queue.write(fresh());
  shelf.full = true;
  const unwritten = fresh();
  queue.write(unwritten);
  queue.turn();
  expect(events(all(queue))).toEqual([unwritten]);
  // The other one may have been sent by somebody else; what is left of it is found like any queue.
  queue.load("own", NONE);
  expect(all(queue)).toHaveLength(2);
});

test("whatever happens in whatever order, no event is lost but those that are counted", () => {
  for (let seed = 1; seed <= 60; seed++) walk(seed);
});

/** Random turns of pages that share one shelf, beside a plain list of what must still be there. */
function walk(seed: number): void {
  const random = chance(seed);
  const shelf = new TestShelf();
  const made = () => queueOn(shelf, `page-${Math.floor(random() * 1e9)}`, { events: 25, shelf: 6_000 });
  // Even seeds: storage is full at times, and cleared.
  const isHard = seed % 2 === 0;
  let queue = made();
  /** By id; `safe`: written down. */
  const waiting = new Map<string, { text: string; safe: boolean }>();
  let lost = 0;
  const written = () => {
    const keys = [...shelf.items.keys()];
    for (const [id, one] of waiting) one.safe = keys.some((key) => key.endsWith(id));
  };
  for (let step = 0; step < 150; step++) {
    const dice = random();
    if (dice < 0.6) {
      const one = fresh({ user_id: random() < 0.5 ? "u1" : "u2", properties: { n: step } });
      queue.write(one);
      waiting.set(one.event_id, { text: JSON.stringify(one), safe: false });
      const [oldest] = waiting.keys();
      if (waiting.size > 25 && oldest) {
        waiting.delete(oldest);
        lost += 1;
      }
    } else if (dice < 0.8) {
      const first = queue.first(() => random() < 0.3);
      const batch = first ? queue.batch(first, any, 1 + Math.floor(random() * 5), 1e6, random() < 0.5) : [];
      if (new Set(batch.map((entry) => entry.user)).size > 1) throw new Error("two users");
      for (const { id, text } of batch) {
        if (text !== waiting.get(id)?.text) throw new Error("not as it was made");
        waiting.delete(id);
      }
      queue.remove(batch);
    } else if (dice < 0.87) queue.trim(false);
    else if (dice < 0.95) {
      // The page is gone, and the next one takes over all there is.
      written();
      for (const [id, { safe }] of waiting) if (!safe) waiting.delete(id);
      queue = made();
      for (const owner of new Set([...shelf.items.keys()].map((key) => key.split(".")[2]))) {
        if (owner?.startsWith("page-")) queue.load(owner, NONE);
      }
    } else if (isHard && dice < 0.98) shelf.full = !shelf.full;
    else if (isHard) shelf.items.clear();
    const missing = [...waiting.keys()].filter((id) => !queue.has(id));
    expect([seed, step, missing]).toEqual([seed, step, []]);
    if (!isHard) expect([seed, step, queue.dropped]).toEqual([seed, step, lost]);
  }
}

function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
