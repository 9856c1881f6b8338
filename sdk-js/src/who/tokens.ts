// User tokens, in memory only: got by identify, renewed when next needed, so that no timer runs for it.

import type { Answer, Door } from "../door";
import { isAnonymous } from "./anonymous";

/** The customer's identity token, or how to get one. */
export type IdentityToken = string | (() => string | Promise<string | null | undefined> | null | undefined);

export interface Introduction {
  userId: string;
  anonymousId?: string;
  traits?: Record<string, unknown>;
  identityToken?: IdentityToken;
}

interface Held {
  token: string;
  /** ms since 1970, by this machine's clock. */
  expiresAt: number;
}

/** Renewed when less than this is left. */
const MARGIN_MS = 45_000;

export class Tokens {
  private held = new Map<string, Held>();
  private sources = new Map<string, IdentityToken>();
  private asking = new Map<string, Promise<string | undefined>>();
  private refusedUntil = new Map<string, number>();

  constructor(
    private readonly door: Door,
    private readonly now: () => number,
  ) {}

  /** The token for a user, expired or not: in batches an old one still counts for old events. */
  peek(userId: string): string | undefined {
    return this.held.get(userId)?.token;
  }

  /** A token good for now, asked for if need be; undefined where none is to be had. */
  async fresh(userId: string): Promise<string | undefined> {
    const held = this.held.get(userId);
    if (held && held.expiresAt - this.now() > MARGIN_MS) return held.token;
    if ((this.refusedUntil.get(userId) ?? 0) > this.now()) return undefined;
    if (!held && !isAnonymous(userId) && !this.sources.has(userId)) return undefined;
    const asking = this.asking.get(userId) ?? this.renew(userId).finally(() => this.asking.delete(userId));
    this.asking.set(userId, asking);
    return asking;
  }

  /** Tells the server who the user is. Resolves to the token, or undefined. */
  async introduce(who: Introduction): Promise<string | undefined> {
    if (who.identityToken !== undefined) this.sources.set(who.userId, who.identityToken);
    this.refusedUntil.delete(who.userId);
    const body: Record<string, unknown> = { user_id: who.userId };
    if (who.anonymousId && who.anonymousId !== who.userId) body.anonymous_id = who.anonymousId;
    if (who.traits) body.traits = who.traits;
    const proof = await this.proof(who.userId);
    if (proof) body.identity_token = proof;
    return this.take(who.userId, await this.door.identify(body));
  }

  /** The server did not like this user's token. */
  forget(userId: string): void {
    this.held.delete(userId);
  }

  forgetAll(): void {
    this.held.clear();
    this.sources.clear();
    this.refusedUntil.clear();
  }

  private async renew(userId: string): Promise<string | undefined> {
    const old = this.held.get(userId);
    if (old) {
      const answer = await this.door.identify({ user_id: userId, token: old.token });
      if (answer.status !== 403) return this.take(userId, answer);
      this.held.delete(userId);
    }
    const proof = await this.proof(userId);
    return this.take(
      userId,
      await this.door.identify({ user_id: userId, ...(proof && { identity_token: proof }) }),
    );
  }

  private async proof(userId: string): Promise<string | undefined> {
    const source = this.sources.get(userId);
    try {
      return (typeof source === "function" ? await source() : source) ?? undefined;
    } catch {
      return undefined;
    }
  }

  private take(userId: string, answer: Answer): string | undefined {
    const body = answer.body as { token?: unknown; expires_in?: unknown } | null;
    if (answer.status === 200 && typeof body?.token === "string" && typeof body.expires_in === "number") {
      this.held.set(userId, { token: body.token, expiresAt: this.now() + body.expires_in * 1000 });
      return body.token;
    }
    // Do not ask again at every batch: a refusal stands for a while, a fault for a moment.
    this.refusedUntil.set(userId, this.now() + (answer.status === 403 ? 60_000 : 5_000));
    return undefined;
  }
}
