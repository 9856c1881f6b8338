// Tells the server who uses the page.

import type { Door } from "../delivery/door";
import type { Store } from "../store";
import { anonymousId, isAnonymous } from "./anonymous";
import { Tokens } from "./tokens";
import type { Who } from "./who";

export class Introduction {
  readonly tokens: Tokens;
  private said = "";

  constructor(
    private readonly who: Who,
    private readonly store: Store,
    door: Door,
  ) {
    this.tokens = new Tokens(door, Date.now);
  }

  /** Tells what it was not told yet. Resolves to whether this user may speak. */
  async make(): Promise<boolean> {
    const { userId, untold } = this.who;
    if (!untold) return true;
    this.who.untold = null;
    const { traits, token } = untold;
    const said = JSON.stringify([userId, traits]);
    // Hosts call it at each route.
    const again = said === this.said && (this.tokens.peek(userId)?.expiresAt ?? 0) > Date.now();
    this.said = said;
    const introduction = {
      userId,
      ...(!isAnonymous(userId) && { anonymousId: anonymousId(this.store) }),
      ...(traits && { traits }),
      ...(token !== undefined && { identityToken: token }),
    };
    if (again) this.tokens.know(userId, token);
    return again || (await this.tokens.introduce(introduction)) !== undefined;
  }
}
