// A second copy of what waits, in IndexedDB. What stands in localStorage alone is lost for seconds back when the whole
// browser dies; this is on disk a moment after it was captured. Where IndexedDB is not to be had, nothing changes.

import { deleteDatabase } from "../store";

const TABLE = "q";
/** After so many in a row it is left alone on this page. */
const FAULTS = 3;

export class Mirror {
  private db: IDBDatabase | null = null;
  private opening: Promise<IDBDatabase | null> | null = null;
  private writing: Promise<boolean> | null = null;
  /** By key: the text, or null for one that is to go. */
  private waiting = new Map<string, string | null>();
  private faults = 0;
  /** Whether all that was ever set, but for `waiting`, is on disk. */
  private sound = false;

  constructor(private readonly name: string) {}

  /** Costs nothing yet. */
  set(key: string, text: string | null): void {
    if (this.faults < FAULTS) this.waiting.set(key, text);
  }

  /** Whether this key is known to be on disk. */
  has(key: string): boolean {
    return this.sound && !this.waiting.has(key);
  }

  /** Writes what waits, all of it in one go; whether all that was set is on disk now. */
  flush(): Promise<boolean> {
    if (this.writing) return this.writing.then((sound) => (this.waiting.size ? this.flush() : sound));
    if (!this.waiting.size) return Promise.resolve(this.sound);
    // At once where the database is open: the page may be gone in a moment.
    this.sound = false;
    const done = this.db
      ? this.write(this.db)
      : this.open().then((db) => (db ? this.write(db) : this.failed()));
    this.writing = done.then((sound) => {
      this.writing = null;
      this.sound = sound;
      return sound;
    });
    return this.writing;
  }

  /** All keys and texts that begin so. */
  async read(head: string): Promise<Map<string, string>> {
    const range = () => IDBKeyRange.bound(head, `${head}\uffff`);
    const [keys, texts] = await Promise.all([
      this.ask((table) => table.getAllKeys(range())),
      this.ask((table) => table.getAll(range())),
    ]);
    // Both are sorted, and only the owner of a queue, which we are, changes what is below its head.
    return new Map((keys ?? []).map((key, at) => [String(key), String(texts?.[at])]));
  }

  async keys(): Promise<string[]> {
    return ((await this.ask((table) => table.getAllKeys())) ?? []).map(String);
  }

  /** Lets the page into the back/forward cache; opened again when needed. */
  close(): void {
    this.db?.close();
    this.db = this.opening = null;
  }

  destroy(): void {
    this.waiting.clear();
    this.close();
    deleteDatabase(this.name);
  }

  private open(): Promise<IDBDatabase | null> {
    this.opening ??= new Promise((resolve) => {
      const none = () => {
        this.opening = null;
        resolve(null);
      };
      try {
        const request = indexedDB.open(this.name, 1);
        request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
        request.onerror = none;
        request.onsuccess = () => {
          const db = request.result;
          this.db = db;
          // Cleared by the browser or by another tab.
          db.onversionchange = db.onclose = () => this.close();
          resolve(db);
        };
      } catch {
        none();
      }
    });
    return this.opening;
  }

  private async ask<T>(what: (table: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
    const db = this.db ?? (this.faults < FAULTS ? await this.open() : null);
    return new Promise((resolve) => {
      try {
        if (!db) return resolve(undefined);
        const request = what(db.transaction(TABLE).objectStore(TABLE));
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => resolve(undefined);
      } catch {
        resolve(undefined);
      }
    });
  }

  private write(db: IDBDatabase): Promise<boolean> {
    const work = this.waiting;
    this.waiting = new Map();
    return new Promise((resolve) => {
      const failed = () => {
        this.waiting = new Map([...work, ...this.waiting]);
        resolve(this.failed());
      };
      try {
        // What goes may come back after a crash: the server knows it already.
        const durability = [...work.values()].some((text) => text !== null) ? "strict" : "relaxed";
        const transaction = db.transaction(TABLE, "readwrite", { durability });
        const table = transaction.objectStore(TABLE);
        transaction.oncomplete = () => {
          this.faults = 0;
          resolve(true);
        };
        transaction.onabort = failed;
        for (const [key, text] of work) {
          if (text === null) table.delete(key);
          else table.put(text, key);
        }
        transaction.commit?.();
      } catch {
        failed();
      }
    });
  }

  private failed(): boolean {
    this.close();
    this.faults += 1;
    if (this.faults >= FAULTS) this.waiting.clear();
    return false;
  }
}
