// User tokens, in memory only: got by identify, renewed before they expire when next needed (the live side has a timer
// for users who would need a proof again). Tabs of one browser hand them to each other.

import { type Answer, codeOf, type Door } from "../delivery/door";
import type { ProblemBody } from "../wire";
import { isAnonymous } from "./anonymous";

/** The customer's identity token, or how to get one. */
export type IdentityToken = string | (() => string | Promise<string | null | undefined> | null | undefined);

export interface Introduction {
  userId: string;
  anonymousId?: string;
  traits?: Record<string, unknown>;
  identityToken?: IdentityToken;
}

export interface Held {
  token: string;
  /** ms since 1970, by this machine's clock. */
  expiresAt: number;
}

/** Renewed when less than this is left. */
const MARGIN_MS = 45_000;
/** How long the host may take to give an identity token. */
const PROOF_MS = 10_000;
/** Longer texts are refused by the server. */
const MOST_CHARS = 4_096;
const REFUSED_MS = 60_000;
const FAULT_MS = 5_000;

export class Tokens {
  /** Told of each token that this tab got. */
  taken: (userId: string, held: Held) => void = () => {};
  /** Why no token was to be had when last asked: the gateway's code. */
  refusal = "";
  private held = new Map<string, Held>();
  private sources = new Map<string, IdentityToken>();
  /** Traits and the id before, until the server has them. */
  private untold = new Map<string, Record<string, unknown>>();
  private asking = new Map<string, Promise<string | undefined>>();
  private refusedUntil = new Map<string, number>();
  private faulty = new Set<string>();
  private age = 0;

  constructor(
    private readonly door: Door,
    private readonly now: () => number,
    private readonly proofMs = PROOF_MS,
  ) {}

  /** The token for a user, expired or not: in batches an old one still counts for old events. */
  peek(userId: string): Held | undefined {
    return this.held.get(userId);
  }

  /** A token good for `marginMs` more, asked for if need be; undefined where none is to be had. */
  async fresh(userId: string, marginMs = MARGIN_MS): Promise<string | undefined> {
    const held = this.held.get(userId);
    if (held && held.expiresAt - this.now() > marginMs) return held.token;
    const asking = this.asking.get(userId);
    if (asking) return asking;
    if ((this.refusedUntil.get(userId) ?? 0) > this.now()) return undefined;
    if (!held && !isAnonymous(userId) && !this.sources.has(userId)) return undefined;
    return this.ask(userId, () => this.renew(userId));
  }

  /** Tells the server who the user is; again with the next renewal where it could not be told. */
  introduce(who: Introduction): Promise<string | undefined> {
    const { userId, anonymousId, traits } = who;
    const news = this.know(userId, who.identityToken);
    this.untold.set(userId, {
      ...(anonymousId && anonymousId !== userId && { anonymous_id: anonymousId }),
      ...(traits && { traits }),
    });
    this.refusedUntil.delete(userId);
    return this.ask(userId, () => this.renew(userId, news));
  }

  /** How to get this user's identity token from now on. Returns whether that is news. */
  know(userId: string, source: IdentityToken | undefined): boolean {
    if (source === undefined || source === this.sources.get(userId)) return false;
    this.sources.set(userId, source);
    return true;
  }

  /** No answer came when last asked: one may be had later. */
  mayCome(userId: string): boolean {
    return this.faulty.has(userId);
  }

  /** Another tab's token. */
  adopt(userId: string, held: Held): void {
    if ((this.held.get(userId)?.expiresAt ?? 0) < held.expiresAt) this.held.set(userId, held);
  }

  /** The server did not like this user's token. */
  forget(userId: string): void {
    this.held.delete(userId);
  }

  forgetAll(): void {
    this.age += 1;
    this.held.clear();
    this.sources.clear();
    this.untold.clear();
    this.refusedUntil.clear();
    this.asking.clear();
  }

  private ask(userId: string, how: () => Promise<Answer>): Promise<string | undefined> {
    const { age } = this;
    const untold = this.untold.get(userId);
    const asking = how().then((answer) => {
      if (this.asking.get(userId) === asking) this.asking.delete(userId);
      // Forgotten meanwhile: the user has logged out.
      if (age !== this.age) return undefined;
      const taken = answer.status === 200 || answer.status === 422;
      if (taken && untold === this.untold.get(userId)) this.untold.delete(userId);
      return this.take(userId, answer);
    });
    this.asking.set(userId, asking);
    return asking;
  }

  private async renew(userId: string, proofFirst = false): Promise<Answer> {
    const body = { user_id: userId, ...this.untold.get(userId) };
    const old = this.held.get(userId);
    // An expired one would be refused, with a red line in the host's console.
    if (old && old.expiresAt > this.now() && !proofFirst) {
      const answer = await this.door.identify({ ...body, token: old.token });
      if (answer.status !== 403) return answer;
    }
    const proof = await this.proof(userId);
    return this.door.identify({ ...body, ...(proof && { identity_token: proof }) });
  }

  /** Whatever the host's function does: a text in time, or nothing. */
  private async proof(userId: string): Promise<string | undefined> {
    const source = this.sources.get(userId);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      const given: unknown =
        typeof source === "function"
          ? await Promise.race([
              source(),
              new Promise((_, reject) => {
                timer = setTimeout(reject, this.proofMs);
              }),
            ])
          : source;
      return typeof given === "string" && given && given.length <= MOST_CHARS ? given : undefined;
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  private take(userId: string, answer: Answer): string | undefined {
    this.faulty.delete(userId);
    const body = answer.body as ({ token?: unknown; expires_in?: unknown } & ProblemBody) | null;
    if (answer.status === 200 && typeof body?.token === "string" && typeof body.expires_in === "number") {
      const held = { token: body.token, expiresAt: this.now() + body.expires_in * 1000 };
      this.held.set(userId, held);
      this.taken(userId, held);
      return body.token;
    }
    this.refusal = codeOf(answer);
    const refused = answer.status === 403;
    if (!refused) this.faulty.add(userId);
    // Do not ask again at every batch: a refusal stands for a while, a fault for a moment.
    this.refusedUntil.set(userId, this.now() + (refused ? REFUSED_MS : FAULT_MS));
    return undefined;
  }
}
