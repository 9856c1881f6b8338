// Which pages of this visit have been told of, in this and other tabs. Kept as numbers: paths may hold names.

import type { Store } from "../store";

const KEY = "looked";
const MOST = 100;

/** 32 bits of a text. */
function hashed(text: string): number {
  let hash = 2166136261;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return hash >>> 0;
}

export class Told {
  constructor(private readonly store: Store) {}

  has(visit: string, path: string): boolean {
    const pages = this.pages(visit);
    return pages.length >= MOST || pages.includes(hashed(path));
  }

  add(visit: string, path: string): void {
    this.store.set(KEY, JSON.stringify([hashed(visit), ...this.pages(visit), hashed(path)]));
  }

  private pages(visit: string): unknown[] {
    try {
      const [of, ...pages] = JSON.parse(this.store.get(KEY) ?? "[]") as unknown[];
      return of === hashed(visit) ? pages : [];
    } catch {
      return [];
    }
  }
}
