// Random identifiers. getRandomValues, not randomUUID: the latter is missing on plain-http pages.

let lastTime = 0;
let lastCount = 0;

function format(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function random(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(16));
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

export function uuid4(): string {
  const bytes = random();
  bytes[6] = (at(bytes, 6) & 0x0f) | 0x40;
  bytes[8] = (at(bytes, 8) & 0x3f) | 0x80;
  return format(bytes);
}

/** A UUIDv7 of `now` (ms since 1970); later calls sort after earlier ones, also within a millisecond. */
export function uuid7(now: number): string {
  const bytes = random();
  if (now > lastTime) {
    lastTime = now;
    lastCount = at(bytes, 6) & 0x07;
  } else {
    lastCount += 1;
    if (lastCount > 0xfff) {
      lastTime += 1;
      lastCount = 0;
    }
  }
  let rest = lastTime;
  for (let index = 5; index >= 0; index--) {
    bytes[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[6] = 0x70 | (lastCount >> 8);
  bytes[7] = lastCount & 0xff;
  bytes[8] = (at(bytes, 8) & 0x3f) | 0x80;
  return format(bytes);
}
