// How long to wait after failures. Pure; `random` gives 0 to 1.

const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/**
 * After so many failures without any answer, on a machine that is online, something blocks us; where it has told its
 * config, perhaps; where it has taken events, it is more likely away for a moment.
 */
const MOST_SILENT = [2, 3, 6] as const;
/** How far the server was heard on this page: not at all, its config, an answer to events. */
export type Heard = 0 | 1 | 2;
/** Every try would be a red line in the host's console. */
const LONG_MS = 5 * 60_000;

/** Whether another try would be of no use for a while. `silent`: failures in a row without any answer. */
export function isHopeless(silent: number, heard: Heard): boolean {
  return silent >= MOST_SILENT[heard];
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
