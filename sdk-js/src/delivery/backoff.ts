// How long to wait after failures. Pure; `random` gives 0 to 1.

const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** After so many failures without any answer, on a machine that is online, something blocks us. */
const BLOCKED = 3;
/** Every try would be a red line in the host's console. */
const LONG_MS = 5 * 60_000;

/** Jitter from 1 s to 60 s; never earlier than the server asked. `silent`: failures in a row without any answer. */
export function retryDelay(
  failures: number,
  silent: number,
  afterMs: number | null,
  random: () => number,
): number {
  if (silent >= BLOCKED) return LONG_MS;
  const jittered = Math.max(FIRST_MS, Math.min(MOST_MS, FIRST_MS * 2 ** failures) * random());
  return afterMs === null ? jittered : afterMs + Math.min(jittered, 5_000);
}
