// What an answer to a batch means. Pure.

import type { ProblemBody } from "../wire";
import type { Answer } from "./door";

export type Outcome =
  | { kind: "stored" }
  /** These places of the batch will never be taken; the rest may be sent again. */
  | { kind: "drop"; indices: number[] }
  /** Something in it is not taken: ask in smaller parts. */
  | { kind: "split" }
  /** One event that somebody on the way does not let through; perhaps on another day. */
  | { kind: "aside" }
  /** The user's token was refused: get another one. These places are not covered by it; none named: all. */
  | { kind: "renew"; indices: number[] }
  | { kind: "retry"; afterMs: number | null }
  | { kind: "stop"; reason: string };

export function judge({ status, body, retryAfter }: Answer, count: number): Outcome {
  if (status >= 200 && status < 300) return { kind: "stored" };
  if (status < 400 || status >= 500 || status === 408 || status === 425 || status === 429) {
    return { kind: "retry", afterMs: retryAfter === null ? null : retryAfter * 1000 };
  }
  const problem = body as Partial<ProblemBody> | null;
  const code = typeof problem?.code === "string" ? problem.code : "";
  if (status === 403 && /^(identity|token)_/.test(code)) {
    return { kind: "renew", indices: namedEvents(problem, count) };
  }
  if (status === 401 || (status === 403 && code)) return { kind: "stop", reason: code || `${status}` };
  const named = status === 422 ? namedEvents(problem, count) : [];
  if (named.length) return { kind: "drop", indices: named };
  if (count > 1) return { kind: "split" };
  // Our own server would never take it; what others say may change.
  return status === 413 || status === 422 ? { kind: "drop", indices: [0] } : { kind: "aside" };
}

function namedEvents(problem: Partial<ProblemBody> | null, count: number): number[] {
  const found = new Set<number>();
  for (const error of Array.isArray(problem?.errors) ? problem.errors : []) {
    const index = Array.isArray(error?.loc) && error.loc[0] === "events" ? error.loc[1] : undefined;
    if (typeof index === "number" && index >= 0 && index < count) found.add(index);
  }
  return [...found];
}
