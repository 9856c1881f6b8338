// The public object. Every method is safe at any time: before init, after shutdown, with any argument.

import { Client } from "./client";
import { type Consent, consentNow, isAnswer, keepConsent, keptConsent, privacySignal } from "./consent";
import type { Chunks, Given } from "./delivery/border";
import { debug, Guard } from "./guard";
import { jsonObject } from "./json";
import { Lifetime } from "./lifetime";
import { asUserId, type IdentifyOptions, keyId, type Options, originOf } from "./options";
import { deleteDatabase, localShelf, Store } from "./store";

export type Listener = (detail: Record<string, unknown>) => void;

/** What `on` tells of, and what comes with it. */
export type Events = {
  /** The first question to the platform is over, whatever came of it. */
  ready: Record<string, never>;
  nudge_shown: { nudge_id: string };
  nudge_dismissed: { nudge_id: string; action_id?: string };
  nudge_clicked: { nudge_id: string; action_id?: string };
  nudge_completed: { nudge_id: string };
  nudge_target_missing: { nudge_id: string };
  /** A button of kind `event`: yours to answer. */
  action: { nudge_id: string; action_id: string };
  /** `code`: see the package's README; `reason`, `user_id`: of `identify` alone. */
  error: { code: string; reason?: string; user_id?: string };
};

export type Detail<Name extends string> = Name extends keyof Events ? Events[Name] : Record<string, unknown>;

export interface Handrail {
  readonly version: string;
  init(options: Options): void;
  identify(userId: string, options?: IdentifyOptions): void;
  track(name: string, properties?: Record<string, unknown>): void;
  page(): void;
  reset(): void;
  consent(state: Consent): void;
  /** Returns how to stop listening. */
  on<Name extends keyof Events | (string & {})>(event: Name, fn: (detail: Detail<Name>) => void): () => void;
  flush(): Promise<void>;
  shutdown(): void;
  /** `["track", "name"]`: how calls made before the script was there arrive. */
  push(...calls: unknown[][]): number;
}

/** As many as the stub keeps. */
const EARLY = 100;
/** How every copy of the snippet on a page finds the first one, whatever its version and however it came. */
const MARK = Symbol.for("handrail");

/** `origin`: where the gateway is, unless init says otherwise. A second copy on a page is the first one. */
export function createHandrail(origin: string | null, chunks: Chunks): Handrail {
  const page = globalThis as { [MARK]?: Handrail };
  if (page[MARK]) return page[MARK];
  let guard = new Guard();
  let client: Client | null = null;
  /** What the first init said. */
  let given: Given | null = null;
  /** What was asked for before init. */
  let early: ((client: Client) => void)[] = [];
  let said: Consent | undefined;
  /** Of what is watched whether or not anything is captured. */
  let watching: Lifetime | null = null;
  const listeners = new Map<string, Set<Listener>>();

  const emit = (event: string, detail: Record<string, unknown>) => {
    for (const fn of [...(listeners.get(event) ?? [])]) {
      try {
        fn(detail);
      } catch (error) {
        debug(error);
      }
    }
  };

  const noUser = () => emit("error", { code: "user_id" });

  const ask = (what: (client: Client) => void) => {
    if (client) guard.run(() => client && what(client));
    else if (!given && early.length < EARLY) early.push(what);
  };

  const shelf = ({ prefix }: Given) => new Store(localShelf(), prefix);

  /** Runs as far as the user allows. */
  const follow = (now: Given) => {
    const store = shelf(now);
    const { options } = now;
    const signal = options.privacySignals !== "ignore" && privacySignal();
    const state = consentNow(said, keptConsent(store), options.consent, signal);
    if (state === "denied") {
      client?.forget();
      client = null;
      // What earlier pages have kept.
      if (store.keys("").some((key) => key !== "consent")) {
        store.clear();
        deleteDatabase(`${now.prefix}queue`);
      }
      if (said === state || options.consent === state) keepConsent(store, state);
    } else {
      const pending = state === "pending";
      // Asked again after a yes: what was kept under it stays at rest.
      if (pending && !client?.pending) {
        client?.end();
        client = null;
      }
      if (!client) {
        guard = new Guard();
        client = new Client({ ...now, pending }, guard, emit, chunks);
        for (const what of early.splice(0)) ask(what);
      } else if (!pending) client.grant();
    }
  };

  /** What was said in another tab. */
  const watch = (now: Given) => {
    const look = (kept = keptConsent(shelf(now))) => {
      if (!kept || kept === said) return;
      said = kept;
      follow(now);
    };
    watching = new Lifetime(guard);
    watching.on<StorageEvent>(window, "storage", ({ key, newValue }) => {
      if (key?.endsWith(".consent")) look(newValue ? undefined : "pending");
    });
    watching.on(window, "pageshow", () => look());
  };

  const init = (options: Options) => {
    // On a server there is nobody to watch.
    if (given || typeof document === "undefined") return;
    const id = keyId(options?.key);
    const endpoint = originOf(options?.endpoint) ?? origin;
    if (!id || !endpoint) {
      debug("no key");
      return;
    }
    const { userId, ...rest } = options;
    const user = asUserId(userId);
    if (userId && !user) noUser();
    const clean: Options = { ...rest, ...(user && { userId: user }) };
    given = { options: clean, prefix: `handrail.${id}.`, endpoint, pending: false };
    if (said) keepConsent(shelf(given), said);
    watch(given);
    follow(given);
  };

  const api: Handrail = {
    version: __VERSION__,
    init: (options) => {
      guard.run(() => init(options));
    },
    identify: (id, options) => {
      const userId = asUserId(id);
      if (userId) {
        // For a client that starts later, when the user has agreed.
        if (given) Object.assign(given.options, options, { userId });
        ask((c) => c.identify(userId, options));
      } else noUser();
    },
    track: (name, properties) => {
      const plain = jsonObject(properties);
      if (typeof name === "string" && name && plain)
        ask((c) => c.recorder.record("custom", { properties: { ...plain, name: name.slice(0, 200) } }));
      else debug("no", name);
    },
    page: () => ask((c) => c.capture?.pages.view()),
    reset: () => {
      if (given) given.options = { ...given.options, userId: undefined, token: undefined, traits: undefined };
      ask((c) => c.reset());
    },
    consent: (state) => {
      if (!isAnswer(state) && state !== "pending") return;
      said = state;
      guard.run(() => {
        if (!given) return;
        follow(given);
        keepConsent(shelf(given), state);
      });
    },
    on: ((event: string, fn: Listener) => {
      if (typeof fn !== "function") return () => {};
      const set = listeners.get(event) ?? new Set();
      listeners.set(event, set.add(fn));
      return () => {
        set.delete(fn);
      };
    }) as Handrail["on"],
    // The stub waits by a function.
    flush: async (done?: unknown) => {
      await guard.run(() => client?.flush());
      if (typeof done === "function") done();
    },
    shutdown: () => {
      guard.run(() => client?.shutdown());
      watching?.end();
      client = null;
      given = null;
      early = [];
    },
    push: (...calls) => {
      for (const call of calls) guard.run(() => dispatch(api, call));
      return calls.length;
    },
  };
  page[MARK] = api;
  return api;
}

function dispatch(api: Handrail, call: unknown): void {
  // A list: its name, then what it takes.
  const [name, ...args] = Array.from(Object(call) as ArrayLike<unknown>);
  const method =
    typeof name === "string" && Object.hasOwn(api, name) ? api[name as keyof Handrail] : undefined;
  if (typeof method === "function" && name !== "push") (method as (...args: unknown[]) => unknown)(...args);
  else debug("no", name);
}
