// How batches leave: under whose token, and what goes around the events.

import { jsonText } from "../json";
import { isAnonymous } from "../who/anonymous";
import type { Tokens } from "../who/tokens";
import type { Config } from "./config";
import type { Door } from "./door";
import type { Outlet } from "./sender";

export function outlet(
  door: Door,
  tokens: Tokens,
  config: Config,
  stopped: (reason: string) => void,
): Omit<Outlet, "stored"> {
  return {
    token: (user) => (isAnonymous(user) ? Promise.resolve(undefined) : tokens.fresh(user)),
    heldToken: (user) => tokens.peek(user)?.token,
    needsToken: (user) => config.now.identity_enforced && !isAnonymous(user),
    tokenMayCome: (user) => tokens.mayCome(user),
    forgetToken: (user) => tokens.forget(user),
    post: (events, token, dropped) => {
      const around = jsonText({
        api_key: door.key,
        sent_at: new Date().toISOString(),
        sdk_version: __VERSION__,
        ...(token && { token }),
        context: { ...surroundings(), ...(dropped > 0 && { dropped }) },
      });
      return door.events(`${around.slice(0, -1)},"events":[${events.join()}]}`);
    },
    stopped,
  };
}

interface Clock {
  Temporal?: { Now: { timeZoneId(): string } };
}

function surroundings(): Record<string, string> {
  // The first use of Intl in a page takes longer than all else that is done here; Temporal knows the name at once.
  const zone =
    (globalThis as Clock).Temporal?.Now.timeZoneId() ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  return { ...(zone && { time_zone: zone.slice(0, 64) }), locale: navigator.language.slice(0, 64) };
}
