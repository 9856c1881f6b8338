// Colours of what is shown. Pure but for `pageIsDark`. Whatever a theme says, texts keep 4.5:1 and edges 3:1
// against what they stand on.

export interface Palette {
  background: string;
  text: string;
  /** Less important words. */
  muted: string;
  /** Behind quiet buttons and the other side's messages. */
  soft: string;
  line: string;
  accent: string;
  onAccent: string;
  link: string;
  /** Of focused and accented things. */
  edge: string;
  radius: number;
  start: boolean;
}

const HEX = /^#[\da-f]{6}$/i;
const LIGHT = ["#ffffff", "#1c2333"] as const;
const DARK = ["#1d2330", "#f1f4fa"] as const;
const ACCENT = "#4f46e5";

/** From anything: what is no colour counts as not given. */
export function palette(theme: unknown, pageDark: boolean): Palette {
  const from = (typeof theme === "object" && theme ? theme : {}) as Record<string, unknown>;
  const dark = from.scheme === "dark" || (from.scheme !== "light" && pageDark);
  const background = colour(from.background) ?? (dark ? DARK : LIGHT)[0];
  const readable = (on: string) => (one: string) => contrast(one, on) >= 4.5;
  const text =
    [colour(from.text), LIGHT[1], DARK[1], "#000000"].find((one) => one && readable(background)(one)) ??
    "#ffffff";
  const step = (from: string, to: string, shares: number[], fits: (one: string) => boolean) =>
    shares.map((share) => mix(from, to, share)).find(fits) ?? text;
  const soft = step(background, text, [0.07, 0.03, 0], readable(text));
  const both = (one: string) => readable(background)(one) && readable(soft)(one);
  const accent = colour(from.accent) ?? ACCENT;
  return {
    background,
    text,
    soft,
    muted: step(text, background, [0.38, 0.2], both),
    line: mix(background, text, 0.16),
    accent,
    onAccent: contrast(accent, "#ffffff") >= 4.5 ? "#ffffff" : "#000000",
    // On dark grounds a lighter tone of the accent, before giving it up.
    link: step(accent, text, [0, 0.35, 0.6], both),
    edge:
      [0, 0.35].map((share) => mix(accent, text, share)).find((one) => contrast(one, background) >= 3) ??
      text,
    radius: typeof from.radius === "number" && from.radius >= 0 && from.radius <= 24 ? from.radius : 12,
    start: from.position === "start",
  };
}

/** WCAG's contrast of two colours #rrggbb, 1 to 21. */
export function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(parts(one)), luminance(parts(other))].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

/** Whether the page is dark where nothing covers it: by its own ground, else by what it says it can do. */
export function pageIsDark(): boolean {
  for (const element of [document.body, document.documentElement]) {
    const [red, green, blue, alpha = 1] =
      getComputedStyle(element)
        .backgroundColor.match(/[\d.]+/g)
        ?.map(Number) ?? [];
    if (blue !== undefined && alpha > 0.5) return luminance([red ?? 0, green ?? 0, blue]) < 0.2;
  }
  const able = getComputedStyle(document.documentElement).colorScheme ?? "";
  return /dark/.test(able) && (!/light/.test(able) || matchMedia("(prefers-color-scheme: dark)").matches);
}

function colour(value: unknown): string | undefined {
  return typeof value === "string" && HEX.test(value) ? value.toLowerCase() : undefined;
}

function parts(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function mix(one: string, other: string, share: number): string {
  const more = parts(other);
  const mixed = parts(one).map((value, at) => Math.round(value + ((more[at] ?? 0) - value) * share));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

function luminance(rgb: number[]): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
