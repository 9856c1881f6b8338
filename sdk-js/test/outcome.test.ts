import { expect, test } from "vitest";
import { isHopeless, retryDelay } from "../src/delivery/backoff";
import { judge } from "../src/delivery/outcome";

const answer = (status: number, code = "", more: object = {}, retryAfter: number | null = null) => ({
  status,
  retryAfter,
  body: { status, code, ...more },
});

test.each([
  [answer(202), { kind: "stored" }],
  [answer(0), { kind: "retry", afterMs: null }],
  [answer(302), { kind: "retry", afterMs: null }],
  [answer(408), { kind: "retry", afterMs: null }],
  [answer(429, "rate_limited", {}, 2), { kind: "retry", afterMs: 2000 }],
  [answer(500), { kind: "retry", afterMs: null }],
  [answer(503, "stream_full", {}, 1.5), { kind: "retry", afterMs: 1500 }],
  [answer(401, "key_unknown"), { kind: "stop", reason: "key_unknown" }],
  [answer(401), { kind: "stop", reason: "401" }],
  [answer(403, "origin"), { kind: "stop", reason: "origin" }],
  [answer(403, "scope"), { kind: "stop", reason: "scope" }],
  [answer(403, "token_expired"), { kind: "renew", indices: [] }],
  [
    answer(403, "token_expired", { errors: [{ loc: ["events", 1, "timestamp"], msg: "" }] }),
    { kind: "renew", indices: [1] },
  ],
  [answer(403, "identity_invalid"), { kind: "renew", indices: [] }],
  [answer(403, "identity_required"), { kind: "renew", indices: [] }],
  [answer(413), { kind: "split" }],
  // Not in our server's words: a filter on the way dislikes something in it.
  [answer(403), { kind: "split" }],
  [answer(404), { kind: "split" }],
])("%j means %j", (given, expected) => {
  expect(judge(given, 3)).toEqual(expected);
});

test("422 drops exactly the events it names", () => {
  const errors = [
    { loc: ["events", 2, "timestamp"], msg: "" },
    { loc: ["events", 0, "url"], msg: "" },
    { loc: ["events", 2], msg: "" },
    { loc: ["events", 7], msg: "" },
  ];
  expect(judge(answer(422, "invalid", { errors }), 3)).toEqual({ kind: "drop", indices: [2, 0] });
});

test("422 that names no event is asked about in smaller parts, down to one that is given up", () => {
  const errors = [{ loc: ["sent_at"], msg: "" }];
  expect(judge(answer(422, "invalid", { errors }), 2)).toEqual({ kind: "split" });
  expect(judge({ status: 422, retryAfter: null, body: null }, 1)).toEqual({ kind: "drop", indices: [0] });
});

test("one event that is too large is given up; one that a stranger refuses is kept for another day", () => {
  expect(judge(answer(413), 1)).toEqual({ kind: "drop", indices: [0] });
  expect(judge({ status: 406, retryAfter: null, body: "<html>" }, 1)).toEqual({ kind: "aside" });
});

test("delays grow with jitter from a second to a minute, and honour the server", () => {
  expect(retryDelay(1, false, null, () => 1)).toBe(2000);
  expect(retryDelay(4, false, null, () => 1)).toBe(16_000);
  expect(retryDelay(7, false, null, () => 1)).toBe(60_000);
  expect(retryDelay(4, false, null, () => 0.25)).toBe(4000);
  expect(retryDelay(9, false, null, () => 0)).toBe(1000);
  expect(retryDelay(1, false, 30_000, () => 0.75)).toBe(31_500);
});

test("failures without any answer: something blocks us, and a long pause follows", () => {
  expect(retryDelay(3, true, null, () => 0)).toBe(300_000);
  expect([1, 2].map((silent) => isHopeless(silent, 0))).toEqual([false, true]);
  // It has told its config.
  expect([2, 3].map((silent) => isHopeless(silent, 1))).toEqual([false, true]);
  // It is there, but away for a moment.
  expect([3, 5, 6].map((silent) => isHopeless(silent, 2))).toEqual([false, false, true]);
});
