// The gateway's browser endpoints. Never rejects: status 0 stands for "no answer".

/** Below the 64 kB that all keepalive requests of a page share. */
const KEEPALIVE_BYTES = 48_000;
const TIMEOUT_MS = 20_000;

export interface Answer {
  /** HTTP status; 0 where no answer came. */
  status: number;
  /** Seconds, where the server said so. */
  retryAfter: number | null;
  body: unknown;
}

/** JSON under this type, with the key in the body, needs no preflight. */
const PLAIN = { "Content-Type": "text/plain;charset=UTF-8" };
const NONE: Answer = { status: 0, retryAfter: null, body: null };

export class Door {
  constructor(
    readonly endpoint: string,
    readonly key: string,
  ) {}

  config(): Promise<Answer> {
    return this.call(`/sdk/v1/config?key=${encodeURIComponent(this.key)}`, { method: "GET" });
  }

  identify(body: Record<string, unknown>): Promise<Answer> {
    return this.call("/api/v1/identify", {
      method: "POST",
      headers: PLAIN,
      body: JSON.stringify({ ...body, api_key: this.key }),
    });
  }

  /** `body` holds the key. */
  events(body: string): Promise<Answer> {
    return this.call("/api/v1/events", {
      method: "POST",
      headers: PLAIN,
      body,
      keepalive: body.length < KEEPALIVE_BYTES,
    });
  }

  /** For a page that is being left, where a keepalive request was not taken. */
  beacon(body: string): void {
    try {
      navigator.sendBeacon(
        `${this.endpoint}/api/v1/events`,
        new Blob([body], { type: "text/plain;charset=UTF-8" }),
      );
    } catch {
      // The events stay in the queue for the next page.
    }
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
      const retry = Number.parseFloat(response.headers.get("Retry-After") ?? "");
      const body: unknown = await response.json().catch(() => null);
      return {
        status: response.status,
        retryAfter: Number.isFinite(retry) && retry >= 0 ? retry : null,
        body,
      };
    } catch {
      return NONE;
    } finally {
      clearTimeout(timer);
    }
  }
}
