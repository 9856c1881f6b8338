// An element as the server takes it.

import type { Target } from "../wire";

const LIMITS = { selector: 2048, tag: 100, role: 100, name: 200 };

/** What can be sent of it; null where it is none. */
export function targetOf(given: Partial<Target> | null): Target | null {
  const text = (name: keyof Target) => {
    const value = given?.[name];
    return [name, typeof value === "string" ? value.slice(0, LIMITS[name]) : null];
  };
  return given && Object.fromEntries((Object.keys(LIMITS) as (keyof Target)[]).map(text));
}
