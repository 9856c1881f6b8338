// The public object. Every method is safe at any time: before init, after shutdown, with any argument.

import { Client } from "./client";
import { debug, Guard } from "./guard";
import type { LoadUi } from "./nudges/stage";
import { type Consent, type IdentifyOptions, isUserId, keyId, type Options, originOf } from "./options";

export type Listener = (detail: Record<string, unknown>) => void;

export interface Handrail {
  readonly version: string;
  init(options: Options): void;
  identify(userId: string, options?: IdentifyOptions): void;
  track(name: string, properties?: Record<string, unknown>): void;
  page(): void;
  reset(): void;
  consent(state: Consent): void;
  /** Returns how to stop listening. */
  on(event: string, fn: Listener): () => void;
  flush(): Promise<void>;
  shutdown(): void;
  /** `["track", "name"]`: how calls made before the script was there arrive. */
  push(...calls: unknown[][]): number;
}

const EARLY = 50;

/** `origin`: where the gateway is, unless init says otherwise. */
export function createHandrail(origin: string | null, loadUi: LoadUi): Handrail {
  let guard = new Guard();
  let client: Client | null = null;
  /** What was asked for before init. */
  let early: ((client: Client) => void)[] = [];
  let consent: Consent | undefined;
  const listeners = new Map<string, Set<Listener>>();

  const emit = (event: string, detail: Record<string, unknown>) => {
    for (const fn of [...(listeners.get(event) ?? [])]) {
      try {
        fn(detail);
      } catch (error) {
        debug("a handler of the page failed", error);
      }
    }
  };

  const ask = (what: (client: Client) => void) => {
    if (client) guard.run(() => client && what(client));
    else if (early.length < EARLY) early.push(what);
  };

  const init = (options: Options) => {
    const scope = keyId(options?.key);
    const endpoint = originOf(options?.endpoint) ?? origin;
    if (client || consent === "denied" || options?.consent === "denied") return;
    if (!scope || !endpoint) {
      debug("init needs a publishable key and an endpoint");
      return;
    }
    const { userId, ...rest } = options;
    const clean: Options = { ...rest, ...(isUserId(userId) && { userId }), ...(consent && { consent }) };
    guard = new Guard();
    client = new Client(clean, scope, endpoint, guard, emit, loadUi);
    for (const what of early.splice(0)) ask(what);
  };

  const api: Handrail = {
    version: __VERSION__,
    init: (options) => {
      guard.run(() => init(options));
    },
    identify: (userId, options) => {
      if (isUserId(userId)) ask((c) => c.identify(userId, options));
      else debug("identify needs a user id of 1 to 200 characters");
    },
    track: (name, properties) => {
      const plain = jsonObject(properties);
      if (typeof name === "string" && name && plain) ask((c) => c.track(name.slice(0, 200), plain));
      else debug("track needs a name and properties that are JSON of at most 16 kB");
    },
    page: () => ask((c) => c.page()),
    reset: () => ask((c) => c.reset()),
    consent: (state) => {
      if (state !== "granted" && state !== "denied" && state !== "pending") return;
      consent = state;
      if (client) ask((c) => c.consent(state));
      if (state === "denied") api.shutdown();
    },
    on: (event, fn) => {
      if (typeof fn !== "function") return () => {};
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set.add(fn));
      return () => {
        set.delete(fn);
      };
    },
    flush: async () => {
      await guard.run(() => client?.flush());
    },
    shutdown: () => {
      guard.run(() => client?.shutdown());
      client = null;
      early = [];
    },
    push: (...calls) => {
      for (const call of calls) guard.run(() => dispatch(api, call));
      return calls.length;
    },
  };
  return api;
}

function dispatch(api: Handrail, call: unknown): void {
  if (typeof call !== "object" || call === null) {
    debug("a call is a list: its name, then what it takes");
    return;
  }
  const [name, ...args] = Array.from(call as ArrayLike<unknown>);
  const method =
    typeof name === "string" && Object.hasOwn(api, name) ? api[name as keyof Handrail] : undefined;
  if (typeof method === "function" && name !== "push") (method as (...args: unknown[]) => unknown)(...args);
  else debug("no such call", name);
}

/** What is left of a value as JSON, if it is a small enough object; undefined counts as {}. */
function jsonObject(value: unknown): Record<string, unknown> | null {
  if (value === undefined || value === null) return {};
  try {
    const text = JSON.stringify(value);
    const plain: unknown = text && text.length <= 15_000 ? JSON.parse(text) : null;
    return typeof plain === "object" && !Array.isArray(plain)
      ? (plain as Record<string, unknown> | null)
      : null;
  } catch {
    return null;
  }
}
