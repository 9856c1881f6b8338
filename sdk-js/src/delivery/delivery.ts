// Events on their way to the server: written down before they come here, copied a moment later, sent in batches, kept
// until stored. Each page has a queue of its own, and takes over those of pages that are gone.

import type { Lifetime } from "../lifetime";
import type { Store } from "../store";
import type { Ahead } from "./ahead";
import type { Entry } from "./entry";
import { Mirror } from "./mirror";
import { Owners } from "./owners";
import { EventQueue, ownerOf } from "./queue";
import { type Outlet, type Pace, Sender } from "./sender";

/** From an event to its copy: long enough for a burst to share one write. */
const COPY_MS = 150;
/** Between looks for queues that others left. */
const LOOK_MS = 30_000;
/** Before old events are sent: the page has better things to do in its first moments. */
const OLD_MS = 500;
/** A guess, for our share of localStorage beside other tabs. */
const USUAL_CHARS = 700;

export class Delivery {
  private readonly mirror: Mirror;
  private readonly owners: Owners;
  private readonly queue: EventQueue;
  private readonly sender: Sender;
  private ticking = false;
  private looked = 0;
  /** Not left, nor in the back/forward cache. */
  private here = false;

  /** `prefix`: of all names that this key's snippet uses in the browser. */
  constructor(
    private readonly store: Store,
    prefix: string,
    private readonly ahead: Ahead,
    private readonly outlet: Omit<Outlet, "stored">,
    private readonly life: Lifetime,
  ) {
    this.mirror = new Mirror(`${prefix}queue`);
    this.owners = new Owners(`${prefix}queue.`, store, life);
    this.queue = new EventQueue(store, this.mirror);
    this.sender = new Sender(this.queue, { ...outlet, stored: () => this.tick() }, life, store);
    life.ending(() => this.mirror.close());
  }

  /** Events may be stored and sent from here on. */
  begin(): void {
    this.here = true;
    this.queue.lost(this.ahead.lost);
    this.ahead.lost = 0;
    void this.life.guard.run(() => this.look());
  }

  add(entry: Entry): void {
    this.queue.add(entry);
    this.sender.notice(entry.text.length);
    if (this.ticking) return;
    this.ticking = true;
    this.life.after(this.queue.isFull ? 0 : COPY_MS, () => this.tick());
  }

  /** Whether this event is not known to be stored. */
  has(id: string): boolean {
    return this.queue.has(id);
  }

  set pace(pace: Pace) {
    this.sender.pace = pace;
  }

  flush(): Promise<void> {
    return this.sender.flush();
  }

  release(userId: string): void {
    this.settle();
    this.sender.release(userId);
  }

  reached(): void {
    this.sender.reached();
  }

  retryNow(): void {
    this.sender.retryNow();
  }

  /** Tokens are about to be forgotten: notes those that waiting events will need. */
  settle(): void {
    this.queue.keepProofs(this.ahead.owner, this.outlet.heldToken);
  }

  /** The page may be gone in a moment; where it is left, nothing may be held. */
  away(leaving: boolean): void {
    this.sender.leave();
    this.tick();
    if (!leaving) return;
    this.here = false;
    this.owners.dropAll();
    this.mirror.close();
  }

  /** Out of the back/forward cache: what was left at rest may be anybody's by now. */
  back(): void {
    this.queue.turn();
    this.sender.soon(0);
    this.begin();
  }

  /** Forgets all events of this browser, sent or not. */
  clear(): void {
    this.queue.clear();
    this.mirror.destroy();
  }

  private tick(): void {
    this.ticking = false;
    if (!this.here) return;
    this.settle();
    this.ahead.renew();
    this.owners.renew();
    void this.life.guard.run(async () => {
      this.queue.trim(await this.mirror.flush());
      this.owners.keep((owner) => this.queue.hasAnyOf(owner));
      if (Date.now() - this.looked > LOOK_MS) await this.look();
    });
  }

  /** Takes over what pages that are gone have left, and waits for what others have. */
  private async look(): Promise<void> {
    this.looked = Date.now();
    const shelved = this.store.keys("q.").map(ownerOf);
    this.queue.makeRoom(shelved.filter((owner) => owner !== this.ahead.owner).length * USUAL_CHARS);
    this.take(shelved);
    this.take((await this.mirror.keys()).map(ownerOf));
  }

  private take(owners: (string | undefined)[]): void {
    for (const owner of new Set(owners)) {
      if (!owner || owner === this.ahead.owner || !this.here) continue;
      this.owners.take(owner, () => void this.life.guard.run(() => this.load(owner)));
    }
  }

  /** First what is at hand: IndexedDB may take seconds after a start of the browser, or never answer. */
  private async load(owner: string): Promise<void> {
    this.queue.load(owner);
    this.sender.soon(OLD_MS);
    const mirrored = await this.mirror.read(`q.${owner}`);
    if (!this.owners.holds(owner)) return;
    this.queue.load(owner, mirrored);
    if (this.queue.hasAnyOf(owner)) this.sender.soon(OLD_MS);
    else this.owners.drop(owner);
  }
}
