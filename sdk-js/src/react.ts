// The package's object for React. Nothing runs on a server, nor twice under StrictMode; a component that goes away does
// not end it, because the page stays.

import { useEffect, useRef } from "react";
import { type Detail, type Events, type Handrail, handrail, type Options } from "./index";

/**
 * Starts Handrail once for the page and keeps it to the user given: another `userId` is identified, none after one is a
 * logout. `null` (not known yet) waits. `token` may be a new function at each render.
 */
export function useHandrail(options: Options | null): Handrail {
  const latest = useRef(options);
  const told = useRef<{ userId: string | undefined; consent: Options["consent"] } | null>(null);

  useEffect(() => {
    latest.current = options;
  });

  const known = options !== null;
  const userId = options?.userId;
  const consent = options?.consent;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what else is in the options counts when one of these changes
  useEffect(() => {
    if (!options) return;
    const before = told.current;
    told.current = { userId, consent };
    const { token, traits } = options;
    const fresh =
      typeof token === "function"
        ? () => {
            const now = latest.current?.token;
            return typeof now === "function" ? now() : now;
          }
        : token;
    if (!before) {
      handrail.init({ ...options, ...(fresh !== undefined && { token: fresh }) });
      return;
    }
    if (consent && consent !== before.consent) handrail.consent(consent);
    if (userId === before.userId) return;
    if (userId === undefined) handrail.reset();
    else {
      handrail.identify(userId, {
        ...(traits && { traits }),
        ...(fresh !== undefined && { token: fresh }),
      });
    }
  }, [known, userId, consent]);

  return handrail;
}

/** Calls `fn` for an event such as `nudge_clicked` or `action` as long as the component is there. */
export function useHandrailEvent<Name extends keyof Events | (string & {})>(
  event: Name,
  fn: (detail: Detail<Name>) => void,
): void {
  const latest = useRef(fn);
  useEffect(() => {
    latest.current = fn;
  });
  useEffect(() => handrail.on(event, (detail) => latest.current(detail)), [event]);
}
