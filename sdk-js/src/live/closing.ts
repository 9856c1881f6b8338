// What a closed socket means. Pure.

export type AfterClose =
  | { kind: "retry"; waitMs: number }
  | { kind: "renew"; waitMs: number }
  | { kind: "stop" };

const FIRST_MS = 500;
const MOST_MS = 30_000;
const SLOW_MS = 60_000;
/** From here on nobody is there, or something between us blocks: each try is a red line in the host's console. */
const HOPELESS = 7;
const LONG_MS = 5 * 60_000;

/** 4401 token, 4403 origin or key, 4409 too many, 4413 too large, 4429 too fast, 1012 restart, 1006 no answer. */
export function afterClose(code: number, attempt: number, random: () => number): AfterClose {
  const waitMs =
    attempt >= HOPELESS
      ? LONG_MS * (0.5 + random())
      : Math.min(MOST_MS, FIRST_MS * 2 ** attempt) * (0.5 + random());
  switch (code) {
    case 4403:
      return { kind: "stop" };
    case 4401:
      // The first time at once; again and again only if the server keeps refusing fresh tokens.
      return attempt === 0
        ? { kind: "renew", waitMs: 0 }
        : { kind: "renew", waitMs: SLOW_MS * (0.5 + random()) };
    case 4409:
    case 4413:
    case 4429:
      return { kind: "retry", waitMs: SLOW_MS * (0.5 + random()) };
    default:
      return { kind: "retry", waitMs };
  }
}

/** Where no token is to be had, after so many tries. */
export function afterNoToken(attempt: number, random: () => number): number {
  return Math.min(LONG_MS, MOST_MS * 2 ** (attempt - 1)) * (0.5 + random());
}
