// Who uses the page: anonymous until the host says more, and again after its logout. What one tab learns the others
// follow: the name stands on the shelf that all of them see.

import { parsed } from "../json";
import { asUserId, type IdentifyOptions } from "../options";
import type { Store } from "../store";
import { anonymousId, forgetAnonymousId, isAnonymous } from "./anonymous";
import { Session } from "./session";

const KEY = "who";

export class Who {
  readonly session: Session;
  userId: string;
  /** What the host said of this user and the server was not told yet. */
  untold: IdentifyOptions | null = null;
  /** What the shelf said when last looked at. */
  private seen: string | null;

  constructor(
    private readonly store: Store,
    /** Another user from here on; `anew`: who shares nothing with the one before. */
    private readonly turns: { before(): void; after(anew: boolean): void },
  ) {
    this.session = new Session(store);
    this.userId = anonymousId(store);
    this.seen = store.get(KEY);
  }

  /** The host knows who it is. */
  identify(userId: string, options: IdentifyOptions): void {
    if (userId !== this.userId) {
      // Two people at one browser, and no logout between them: what comes now is not the first one's.
      this.turn(userId, !isAnonymous(this.userId), true);
      if (read(this.store.get(KEY)) !== userId) this.write(userId);
    }
    this.untold = options;
  }

  /** The user is gone: another visitor from here on. */
  reset(): void {
    this.store.remove("shown");
    this.turn(null, true, true);
    this.write(null);
  }

  /** Does what another tab did since this one looked last. */
  follow(): void {
    const said = this.store.get(KEY);
    if (said === this.seen) return;
    this.seen = said;
    const userId = read(said) ?? anonymousId(this.store);
    if (userId !== this.userId) this.turn(userId, !isAnonymous(this.userId), false);
  }

  /** `userId`: null for a new visitor. `first`: no other tab has done it before. */
  private turn(userId: string | null, anew: boolean, first: boolean): void {
    this.turns.before();
    this.untold = null;
    if (anew) {
      if (first) {
        forgetAnonymousId(this.store);
        this.session.renew();
      } else this.session.drop();
    }
    this.userId = userId ?? anonymousId(this.store);
    this.turns.after(anew);
  }

  private write(userId: string | null): void {
    this.seen = JSON.stringify([userId, Date.now()]);
    this.store.set(KEY, this.seen);
  }
}

function read(said: string | null): string | null {
  const value = parsed(said);
  return (Array.isArray(value) && asUserId(value[0])) || null;
}
