// What a host may set, and what becomes of it.

import type { BeforeSend } from "./capture/hook";
import type { Consent } from "./consent";
import { webAddress } from "./web";
import type { IdentityToken } from "./who/tokens";

export type { Consent };

export interface Options {
  /** Publishable key, `pk_…`. */
  key: string;
  /** The gateway, `https://…`; the script's own origin where left out. */
  endpoint?: string;
  /** The user of this page, by the host's own id; anonymous where left out. */
  userId?: string | undefined;
  /** The identity token made by the host's server, or how to get one. */
  token?: IdentityToken | undefined;
  traits?: Record<string, unknown> | undefined;
  consent?: Consent;
  /** What Global Privacy Control and Do Not Track do: "respect" (as long as nobody agreed, they are a no) or "ignore". */
  privacySignals?: "respect" | "ignore";
  /** Whether what happens in frames of the same origin is captured, too. */
  iframes?: boolean;
  /** Sees each event before it is kept or sent: may change it, or hold it back by returning null. */
  beforeSend?: BeforeSend;
}

export interface IdentifyOptions {
  traits?: Record<string, unknown> | undefined;
  token?: IdentityToken | undefined;
}

const KEY = /^pk_([^\W_]{8})_[^\W_]{36}$/;

/** The part of a publishable key that may be written down, or null where it is none. */
export function keyId(key: unknown): string | null {
  return typeof key === "string" ? (KEY.exec(key)?.[1] ?? null) : null;
}

/** `https://host[:port]`, or null. */
export function originOf(address: unknown): string | null {
  const text = typeof address === "string" && address;
  return (text && webAddress(text, location.href)?.origin) || null;
}

/**
 * Ids as the server takes them: 1 to 200 characters, no NUL, neither `.` nor `..`; a number, as databases have them, as
 * its digits. Undefined where it is none.
 */
export function asUserId(value: unknown): string | undefined {
  const text = typeof value === "number" ? `${value}` : value;
  return typeof text === "string" && /^(?!\.\.?$)[^\0]{1,200}$/su.test(text) ? text : undefined;
}
