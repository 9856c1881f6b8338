import { expect, test } from "vitest";
import { direction, LINES, words } from "../src/ui/words";

const english = words("en");

test.each(Object.keys(LINES))("%s has every word, and its numbers", (language) => {
  const own = words(language);
  expect(LINES[language]?.split("|")).toHaveLength(Object.keys(english).length);
  for (const [name, word] of Object.entries(own)) {
    expect(word?.trim(), name).toBeTruthy();
    expect(word.includes("#"), name).toBe(english[name as keyof typeof english].includes("#"));
    if (language !== "en")
      expect(word, name).toSatisfy((one: string) => one !== english[name as "send"] || one.length < 13);
  }
});

test("a tag of any form finds its language, an unknown one English", () => {
  expect(words("DE-at").close).toBe("Schließen");
  expect(words("pt-BR").close).toBe("Fechar");
  for (const other of ["xx", "", "x-klingon", "constructor"]) expect(words(other)).toEqual(english);
});

test("the direction follows the language", () => {
  expect(["ar", "ar-EG", "he", "fa", "ur"].map(direction)).toEqual(Array(5).fill("rtl"));
  expect(["en", "arn", "de", ""].map(direction)).toEqual(Array(4).fill("ltr"));
});
