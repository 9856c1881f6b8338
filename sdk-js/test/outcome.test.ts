import { expect, test } from "vitest";
import { retryDelay } from "../src/delivery/backoff";
import { judge } from "../src/delivery/outcome";
import { afterClose } from "../src/live/closing";

const answer = (status: number, code = "", more: object = {}, retryAfter: number | null = null) => ({
  status,
  retryAfter,
  body: { status, code, ...more },
});

test.each([
  [answer(202), { kind: "stored" }],
  [answer(0), { kind: "retry", afterMs: null }],
  [answer(408), { kind: "retry", afterMs: null }],
  [answer(429, "rate_limited", {}, 2), { kind: "retry", afterMs: 2000 }],
  [answer(500), { kind: "retry", afterMs: null }],
  [answer(503, "stream_full", {}, 1.5), { kind: "retry", afterMs: 1500 }],
  [answer(401, "key_unknown"), { kind: "stop", reason: "key_unknown" }],
  [answer(403, "origin"), { kind: "stop", reason: "origin" }],
  [answer(403, "token_expired"), { kind: "renew" }],
  [answer(403, "identity_invalid"), { kind: "renew" }],
  [answer(403, "identity_required"), { kind: "hold" }],
  [answer(413), { kind: "split" }],
  [answer(415), { kind: "drop", indices: [0, 1, 2] }],
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
  expect(judge(answer(422, "invalid", { errors }), 3)).toEqual({ kind: "drop", indices: [0, 2] });
});

test("422 that names no event drops the batch, or it would come for ever", () => {
  const errors = [{ loc: ["sent_at"], msg: "" }];
  expect(judge(answer(422, "invalid", { errors }), 2)).toEqual({ kind: "drop", indices: [0, 1] });
  expect(judge({ status: 422, retryAfter: null, body: null }, 2)).toEqual({ kind: "drop", indices: [0, 1] });
});

test("one event that is too large is given up", () => {
  expect(judge(answer(413), 1)).toEqual({ kind: "drop", indices: [0] });
});

test("delays grow with full jitter up to a minute, and honour the server", () => {
  expect(retryDelay(1, null, () => 1)).toBe(1000);
  expect(retryDelay(4, null, () => 1)).toBe(8000);
  expect(retryDelay(7, null, () => 1)).toBe(60_000);
  expect(retryDelay(4, null, () => 0.25)).toBe(2000);
  expect(retryDelay(1, null, () => 0)).toBe(200);
  expect(retryDelay(1, 30_000, () => 0.5)).toBe(30_500);
  expect(retryDelay(20, null, () => 1)).toBe(300_000);
});

test("a closed socket comes back, with a new token, slowly, or not at all", () => {
  const half = () => 0.5;
  expect(afterClose(1006, 0, half)).toEqual({ kind: "retry", waitMs: 500 });
  expect(afterClose(1012, 3, half)).toEqual({ kind: "retry", waitMs: 4000 });
  expect(afterClose(1006, 50, half)).toEqual({ kind: "retry", waitMs: 30_000 });
  expect(afterClose(4401, 0, half)).toEqual({ kind: "renew", waitMs: 0 });
  expect(afterClose(4401, 1, half)).toEqual({ kind: "renew", waitMs: 60_000 });
  expect(afterClose(4403, 0, half)).toEqual({ kind: "stop" });
  expect(afterClose(4409, 0, half)).toEqual({ kind: "retry", waitMs: 60_000 });
});
