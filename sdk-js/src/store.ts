// Small texts that outlive the page, in localStorage; in memory where that throws, is full or is not allowed.

export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
  readonly length: number;
  key(index: number): string | null;
}

/** The page's localStorage, or null: reading the property alone may throw. */
export function localShelf(): Shelf | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

/** Of IndexedDB. Waits by itself until nobody uses it any more. */
export function deleteDatabase(name: string): void {
  try {
    indexedDB.deleteDatabase(name);
  } catch {
    // There was none.
  }
}

export class Store {
  private memory = new Map<string, string>();

  constructor(
    private shelf: Shelf | null,
    private readonly prefix: string,
  ) {}

  get(key: string): string | null {
    const own = this.memory.get(key);
    if (own !== undefined) return own;
    try {
      return this.shelf?.getItem(this.prefix + key) ?? null;
    } catch {
      return null;
    }
  }

  set(key: string, value: string): void {
    if (this.put(key, value)) this.memory.delete(key);
    else this.memory.set(key, value);
  }

  /** Whether it is on the shelf now; memory does not serve for it. */
  put(key: string, value: string): boolean {
    try {
      this.shelf?.setItem(this.prefix + key, value);
      return this.shelf !== null;
    } catch {
      return false;
    }
  }

  remove(key: string): void {
    this.memory.delete(key);
    try {
      this.shelf?.removeItem(this.prefix + key);
    } catch {
      // Then it stays.
    }
  }

  /** Keys that begin with `head`, in no order. */
  keys(head: string): string[] {
    const found = new Set([...this.memory.keys()].filter((key) => key.startsWith(head)));
    const full = this.prefix + head;
    try {
      for (let index = 0; index < (this.shelf?.length ?? 0); index++) {
        const key = this.shelf?.key(index);
        if (key?.startsWith(full)) found.add(key.slice(this.prefix.length));
      }
    } catch {
      // What memory has is all.
    }
    return [...found];
  }

  /** From memory alone to the shelf, once the user agreed. */
  moveTo(shelf: Shelf | null): void {
    this.shelf = shelf;
    for (const [key, value] of [...this.memory]) this.set(key, value);
  }

  clear(): void {
    for (const key of this.keys("")) this.remove(key);
  }
}
