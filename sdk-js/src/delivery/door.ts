// The gateway's browser endpoints. Never rejects: status 0 stands for "no answer".

import { jsonText } from "../json";

const TIMEOUT_MS = 20_000;

export interface Answer {
  /** HTTP status; 0 where no answer came. */
  status: number;
  /** Seconds, where the server said so. */
  retryAfter: number | null;
  body: unknown;
}

/** The gateway's word for what is wrong; else the status. */
export function codeOf({ body, status }: Answer): string {
  const { code } = Object(body) as { code?: unknown };
  return typeof code === "string" && code ? code : status ? `${status}` : "no_answer";
}

/** JSON under this type, with the key in the body, needs no preflight. */
const PLAIN = { "Content-Type": "text/plain;charset=UTF-8" };
const NONE: Answer = { status: 0, retryAfter: null, body: null };

export class Door {
  constructor(
    readonly endpoint: string,
    readonly key: string,
  ) {}

  config(anew: boolean): Promise<Answer> {
    const cache = anew ? "no-cache" : "default";
    return this.call(`/sdk/v1/config?key=${encodeURIComponent(this.key)}`, { method: "GET", cache });
  }

  identify(body: Record<string, unknown>): Promise<Answer> {
    return this.call("/api/v1/identify", {
      method: "POST",
      headers: PLAIN,
      body: jsonText({ ...body, api_key: this.key }),
    });
  }

  /** `body` holds the key, and is small enough to outlive the page. */
  async events(body: string): Promise<Answer> {
    const path = "/api/v1/events";
    const whole = { method: "POST", headers: PLAIN, body };
    if ("keepalive" in Request.prototype || document.visibilityState !== "hidden") {
      return this.call(path, { ...whole, keepalive: true });
    }
    // Older browsers: a request would end with the page. That it was queued is no proof that it arrives.
    navigator.sendBeacon(this.endpoint + path, new Blob([body], { type: PLAIN["Content-Type"] }));
    return { ...NONE, status: 1 };
  }

  socketUrl(userId: string): string {
    return `${this.endpoint.replace(/^http/, "ws")}/ws/${encodeURIComponent(userId)}`;
  }

  private async call(path: string, init: RequestInit): Promise<Answer> {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    try {
      const response = await fetch(this.endpoint + path, {
        ...init,
        mode: "cors",
        credentials: "omit",
        referrerPolicy: "no-referrer",
        signal: abort.signal,
      });
      const body: unknown = await response.json().catch(() => null);
      return { status: response.status, retryAfter: secondsOf(response.headers.get("Retry-After")), body };
    } catch {
      return NONE;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Seconds, or a date. */
function secondsOf(header: string | null): number | null {
  const seconds = header ? Number(header) : Number.NaN;
  const found = Number.isNaN(seconds) ? (Date.parse(header ?? "") - Date.now()) / 1000 : seconds;
  return found >= 0 ? found : null;
}
