// How long to wait after failures. Pure; `random` gives 0 to 1.

const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** After so many failures without any answer, on a machine that is online, something blocks us. */
const BLOCKED = 3;
/** Where it has answered before, it is more likely away for a moment. */
const AWAY = 6;
/** Every try would be a red line in the host's console. */
const LONG_MS = 5 * 60_000;

/** Whether another try would be of no use for a while. `silent`: failures in a row without any answer. */
export function isHopeless(silent: number, hasAnswered: boolean): boolean {
  return silent >= (hasAnswered ? AWAY : BLOCKED);
}

/** Jitter from 1 s to 60 s; never earlier than the server asked. */
export function retryDelay(
  failures: number,
  hopeless: boolean,
  afterMs: number | null,
  random: () => number,
): number {
  if (hopeless) return LONG_MS;
  const jittered = Math.max(FIRST_MS, Math.min(MOST_MS, FIRST_MS * 2 ** failures) * random());
  return afterMs === null ? jittered : afterMs + Math.min(jittered, 5_000);
}
