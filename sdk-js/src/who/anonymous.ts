import { uuid4 } from "../ids";
import type { Store } from "../store";

const KEY = "anon";
const FORM = /^anon-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** This browser's own id, made once; the form the server takes without proof of identity. */
export function anonymousId(store: Store): string {
  const known = store.get(KEY);
  if (known && FORM.test(known)) return known;
  const made = `anon-${uuid4()}`;
  store.set(KEY, made);
  return made;
}

export function forgetAnonymousId(store: Store): void {
  store.remove(KEY);
}

export function isAnonymous(userId: string): boolean {
  return FORM.test(userId);
}
