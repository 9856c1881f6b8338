// Who uses the page: anonymous until the host says more, and again after its logout. What one tab learns the others
// follow: the name stands on the shelf that all of them see.

import type { Door } from "../door";
import { type IdentifyOptions, isUserId } from "../options";
import type { Store } from "../store";
import { anonymousId, forgetAnonymousId, isAnonymous } from "./anonymous";
import { Session } from "./session";
import { Tokens } from "./tokens";

const KEY = "who";

export class Who {
  readonly tokens: Tokens;
  readonly session: Session;
  userId: string;
  /** What the shelf said when last looked at. */
  private seen: string | null;
  private unsaid: IdentifyOptions | null = null;
  private said = "";

  constructor(
    private readonly store: Store,
    door: Door,
    /** Another user from here on; called before and after. */
    private readonly turns: { before(): void; after(): void },
  ) {
    this.tokens = new Tokens(door, Date.now);
    this.session = new Session(store);
    this.userId = anonymousId(store);
    this.seen = store.get(KEY);
  }

  /** The host knows who it is; the server is told by `introduce`. */
  identify(userId: string, options: IdentifyOptions): void {
    const before = this.userId;
    this.unsaid = options;
    if (userId === before) return;
    this.turns.before();
    // Two people at one browser, and no logout between them: what comes now is not the first one's.
    if (!isAnonymous(before)) this.forget();
    this.userId = userId;
    if (read(this.store.get(KEY)) !== userId) this.write(userId);
    this.turns.after();
  }

  /** Tells the server what it was not told yet. Resolves to whether this user may speak. */
  async introduce(): Promise<boolean> {
    const { userId, unsaid } = this;
    if (!unsaid) return true;
    this.unsaid = null;
    const { traits, token } = unsaid;
    const said = JSON.stringify([userId, traits]);
    // Hosts call it at each route.
    const again = said === this.said && (this.tokens.peek(userId)?.expiresAt ?? 0) > Date.now();
    this.said = said;
    const who = {
      userId,
      ...(!isAnonymous(userId) && { anonymousId: anonymousId(this.store) }),
      ...(traits && { traits }),
      ...(token !== undefined && { identityToken: token }),
    };
    if (again) this.tokens.know(userId, token);
    return again || (await this.tokens.introduce(who)) !== undefined;
  }

  /** The user is gone: another visitor from here on. */
  reset(): void {
    this.turns.before();
    this.unsaid = null;
    this.forget();
    this.store.remove("shown");
    this.userId = anonymousId(this.store);
    this.write(null);
    this.turns.after();
  }

  /** Does what another tab did since this one looked last. */
  follow(): void {
    const said = this.store.get(KEY);
    if (said === this.seen) return;
    this.seen = said;
    const named = read(said);
    const userId = named ?? anonymousId(this.store);
    if (userId === this.userId) return;
    this.turns.before();
    this.unsaid = null;
    if (!isAnonymous(this.userId)) {
      this.tokens.forgetAll();
      this.session.drop();
    }
    this.userId = userId;
    this.turns.after();
  }

  private write(userId: string | null): void {
    this.seen = JSON.stringify([userId, Date.now()]);
    this.store.set(KEY, this.seen);
  }

  private forget(): void {
    this.tokens.forgetAll();
    forgetAnonymousId(this.store);
    this.session.renew();
  }
}

function read(said: string | null): string | null {
  try {
    const value: unknown = JSON.parse(said ?? "null");
    return Array.isArray(value) && isUserId(value[0]) ? value[0] : null;
  } catch {
    return null;
  }
}
