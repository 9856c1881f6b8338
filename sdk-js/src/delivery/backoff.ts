// How long to wait after failures. Pure; `random` gives 0 to 1.

const FIRST_MS = 1_000;
const MOST_MS = 60_000;
/** After so many failures in a row something blocks us; every try would be a red line in the host's console. */
const HOPELESS = 8;
const LONG_MS = 5 * 60_000;

/** Full jitter from 1 s to 60 s; never earlier than the server asked. */
export function retryDelay(failures: number, afterMs: number | null, random: () => number): number {
  const ceiling =
    failures >= HOPELESS ? LONG_MS : Math.min(MOST_MS, FIRST_MS * 2 ** Math.max(0, failures - 1));
  const jittered = Math.max(200, ceiling * random());
  return afterMs === null ? jittered : afterMs + Math.min(jittered, 5_000);
}
