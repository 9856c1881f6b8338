// What an answer to a batch means. Pure.

import type { Answer } from "../door";
import type { ProblemBody } from "../wire";

export type Outcome =
  | { kind: "stored" }
  /** These places of the batch will never be taken; the rest may be sent again. */
  | { kind: "drop"; indices: number[] }
  | { kind: "split" }
  /** The user's token was refused: get another one. */
  | { kind: "renew" }
  /** This user's events need a proof of identity that is not here yet. */
  | { kind: "hold" }
  | { kind: "retry"; afterMs: number | null }
  | { kind: "stop"; reason: string };

const PASSING = new Set([0, 408, 425, 429]);
const TOKEN_CODES = new Set(["identity_invalid", "token_expired"]);

export function judge(answer: Answer, count: number): Outcome {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "stored" };
  if (PASSING.has(status) || status >= 500) {
    return { kind: "retry", afterMs: answer.retryAfter === null ? null : answer.retryAfter * 1000 };
  }
  const problem = answer.body as Partial<ProblemBody> | null;
  const code = typeof problem?.code === "string" ? problem.code : "";
  if (status === 403 && TOKEN_CODES.has(code)) return { kind: "renew" };
  if (status === 403 && code === "identity_required") return { kind: "hold" };
  if (status === 401 || status === 403) return { kind: "stop", reason: code || String(status) };
  if (status === 413 && count > 1) return { kind: "split" };
  const named = status === 422 ? namedEvents(problem, count) : [];
  // Where the server names none, nothing of this batch will ever be taken.
  return { kind: "drop", indices: named.length ? named : [...Array(count).keys()] };
}

function namedEvents(problem: Partial<ProblemBody> | null, count: number): number[] {
  const found = new Set<number>();
  for (const error of Array.isArray(problem?.errors) ? problem.errors : []) {
    const index = Array.isArray(error?.loc) && error.loc[0] === "events" ? error.loc[1] : undefined;
    if (typeof index === "number" && index >= 0 && index < count) found.add(index);
  }
  return [...found].sort((a, b) => a - b);
}
