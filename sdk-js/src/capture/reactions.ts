// Did the page answer a click? Something in the document, the address, the focus or on the network changed. Observers
// run only while a click waits for its answer, and stop at the first one.

import type { Lifetime } from "../lifetime";
import { closest, isDocument, isElement, isOurs, isShadow, ROOT_TAG } from "./element";
import type { Handlers } from "./roots";

interface Wait {
  since: number;
  href: string;
  reacted: boolean;
}

export class Reactions {
  private readonly waits = new Set<Wait>();
  private stop: (() => void) | null = null;
  private mutations: MutationObserver | null = null;
  /** The user has done something since the last click, so that what has the focus is of their own choice. */
  private acted = false;

  constructor(
    private readonly life: Lifetime,
    /** Whether a request is ours. */
    private readonly isOwn: (address: string) => boolean,
  ) {}

  readonly handlers: Handlers = {
    pointerdown: () => {
      this.acted = true;
    },
    keydown: () => {
      this.acted = true;
    },
    focusin: () => {
      if (!this.acted) this.seen();
    },
    submit: () => this.seen(),
    toggle: () => this.seen(),
    play: () => this.seen(),
    copy: () => this.seen(),
  };

  /** Watches from now on; the answer is asked for once, which ends the watch. `path`: the click's way. */
  watch(path: EventTarget[]): () => boolean {
    this.acted = false;
    const wait: Wait = { since: performance.now(), href: location.href, reacted: false };
    this.waits.add(wait);
    this.begin();
    // What changes inside a shadow root or a frame is not seen from outside.
    for (const node of [document, ...path]) {
      if (isShadow(node) || isDocument(node)) this.mutations?.observe(node, EVERYTHING);
    }
    return () => {
      this.waits.delete(wait);
      this.rest();
      return wait.reacted || location.href !== wait.href;
    };
  }

  /** Something happened, by default now (ms of the page's clock). */
  private seen(at: number = performance.now()): void {
    for (const wait of this.waits) if (at >= wait.since) wait.reacted = true;
    this.rest();
  }

  private begin(): void {
    if (this.stop) return;
    const { guard } = this.life;
    const mutations = new MutationObserver(
      guard.wrap((records: MutationRecord[]) => {
        if (records.some(isOfHost)) this.seen();
      }),
    );
    const requests = new PerformanceObserver(
      guard.wrap((list: PerformanceObserverEntryList) => {
        for (const entry of list.getEntries()) if (!this.isOwn(entry.name)) this.seen(entry.startTime);
      }),
    );
    this.mutations = mutations;
    this.stop = this.life.ending(() => {
      this.stop = null;
      mutations.disconnect();
      requests.disconnect();
    });
    requests.observe({ type: "resource" });
  }

  private rest(): void {
    for (const wait of this.waits) if (!wait.reacted) return;
    this.stop?.();
  }
}

const EVERYTHING = { childList: true, subtree: true, attributes: true, characterData: true };

/** What comes into the head, of ours or not, nobody sees; nor does a title that blinks answer a click. */
function isOfHost(record: MutationRecord): boolean {
  if (isElement(record.target) && closest(record.target, `head,${ROOT_TAG}`)) return false;
  const changed = [...record.addedNodes, ...record.removedNodes];
  return !changed.length || !changed.every((node) => isElement(node) && isOurs(node));
}
