import { expect, test } from "vitest";
import { contrast, palette } from "../src/ui/theme";

/** The same colours in every run. */
function* colours(count: number): Generator<string> {
  let seed = 12345;
  for (let index = 0; index < count; index++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    yield `#${(seed >>> 8).toString(16).padStart(6, "0")}`;
  }
}

test("whatever a theme says, texts and edges can be told from what they stand on", () => {
  const given = [...colours(900), "#000000", "#ffffff", "#777777", "#767676", "#ffff00", "#4f46e5"];
  given.forEach((accent, index) => {
    const background = given[(index * 7) % given.length];
    const text = given[(index * 13) % given.length];
    for (const theme of [
      { accent },
      { accent, background },
      { accent, background, text },
      { accent, scheme: "dark" },
    ]) {
      const made = palette(theme, false);
      expect(contrast(made.text, made.background), `text of ${JSON.stringify(theme)}`).toBeGreaterThanOrEqual(
        4.5,
      );
      expect(contrast(made.text, made.soft), `soft of ${JSON.stringify(theme)}`).toBeGreaterThanOrEqual(4.5);
      expect(
        contrast(made.onAccent, made.accent),
        `button of ${JSON.stringify(theme)}`,
      ).toBeGreaterThanOrEqual(4.5);
      for (const on of [made.background, made.soft]) {
        expect(contrast(made.link, on), `link of ${JSON.stringify(theme)}`).toBeGreaterThanOrEqual(4.5);
        expect(contrast(made.muted, on), `muted of ${JSON.stringify(theme)}`).toBeGreaterThanOrEqual(4.5);
      }
      expect(contrast(made.edge, made.background), `edge of ${JSON.stringify(theme)}`).toBeGreaterThanOrEqual(
        3,
      );
    }
  });
});

test("what can be read is taken as it was given", () => {
  const made = palette(
    { accent: "#0F6E6E", background: "#fff7e6", text: "#221100", radius: 4, position: "start" },
    true,
  );
  expect(made).toMatchObject({
    accent: "#0f6e6e",
    background: "#fff7e6",
    text: "#221100",
    link: "#0f6e6e",
    edge: "#0f6e6e",
    radius: 4,
    start: true,
  });
});

test("what is no theme leaves the defaults, of the page's scheme", () => {
  const plain = palette(undefined, false);
  expect(plain).toMatchObject({ background: "#ffffff", accent: "#4f46e5", radius: 12, start: false });
  for (const nonsense of [
    null,
    7,
    "red",
    { accent: "red", background: "#fff", text: "url(x)", radius: 99, scheme: "x", position: 1 },
    { accent: "#4f46e5;}", radius: "12px" },
  ]) {
    expect(palette(nonsense, false)).toEqual(plain);
  }
  const dark = palette({}, true);
  expect(dark.background).not.toBe(plain.background);
  expect(palette({ scheme: "light" }, true)).toEqual(plain);
  expect(palette({ scheme: "dark" }, false)).toEqual(dark);
});

test("contrast is WCAG's", () => {
  expect(contrast("#000000", "#ffffff")).toBeCloseTo(21);
  expect(contrast("#767676", "#ffffff")).toBeCloseTo(4.54, 2);
  expect(contrast("#336699", "#336699")).toBe(1);
});
