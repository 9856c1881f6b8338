// Asks the server what may be done here, until it says so; with growing pauses, as each failure is a red line in the
// host's console.

import type { Lifetime } from "../lifetime";
import type { SnippetConfig } from "../wire";
import { readConfig } from "./config";
import { codeOf, type Door } from "./door";

const AGAIN_MS = 30_000;
const MOST_MS = 10 * 60_000;

export interface Followed {
  config(config: SnippetConfig): void;
  /** This key may not be used here; the gateway's code says why. */
  refused(code: string): void;
  /** The first answer came, whatever it was. */
  answered(): void;
}

/** `anew`: the browser's own copy will not do, e.g. where the last word was a no. */
export function followConfig(door: Door, life: Lifetime, anew: boolean, followed: Followed): void {
  let first = true;
  const ask = async (againMs: number): Promise<void> => {
    const answer = await door.config(anew);
    if (life.ended) return;
    const config = answer.status === 200 ? readConfig(answer.body) : null;
    if (config) followed.config(config);
    else if (answer.status === 401 || answer.status === 403) followed.refused(codeOf(answer));
    else life.after(againMs, () => void life.guard.run(() => ask(Math.min(MOST_MS, againMs * 4))));
    if (first) followed.answered();
    first = false;
  };
  void life.guard.run(() => ask(AGAIN_MS));
}
