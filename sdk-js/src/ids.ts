// Random identifiers. getRandomValues, not randomUUID: the latter is missing on plain-http pages.

let lastTime = 0;
let lastCount = 0;

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

/** 32 hexadecimal digits. */
function random(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => hex(byte, 2)).join("");
}

/** `time`: 12 digits; `version`: one, and three more. The rest is random, but for the two bits of the variant. */
function uuid(time: string, version: string): string {
  const rest = random();
  const variant = "89ab"[rest.charCodeAt(0) & 3];
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}${rest.slice(1, 4)}-${rest.slice(4, 16)}`;
}

export function uuid4(): string {
  const digits = random();
  return uuid(digits.slice(0, 12), `4${digits.slice(12, 15)}`);
}

/** A UUIDv7 of `now` (ms since 1970); later calls sort after earlier ones, also within a millisecond. */
export function uuid7(now: number): string {
  if (now > lastTime) {
    lastTime = now;
    lastCount = 0;
  } else if (++lastCount > 0xfff) {
    lastTime += 1;
    lastCount = 0;
  }
  return uuid(hex(lastTime, 12), `7${hex(lastCount, 3)}`);
}
