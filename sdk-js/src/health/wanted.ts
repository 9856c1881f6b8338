// What a selector says of the element it means. Pure.

export interface Wanted {
  /** The selector of what stands around it, or "". */
  above: string;
  tag: string;
  role: string;
  /** Of its id, its marks and classes, in small letters. */
  words: string[];
}

const NAMED = /[#.]((?:\\.|[\w-]|[^\0-\x7f])+)|\[(?:data-[\w-]+|name|id)\s*[~^$*|]?=\s*["']?([^"'\]]+)/g;

export function wantedOf(selector: string): Wanted {
  const [above, last] = cut(selector.trim());
  const names = [...last.matchAll(NAMED)].map((match) => match[1] ?? match[2] ?? "");
  return {
    above,
    tag: /^[a-z][\w-]*/i.exec(last)?.[0].toLowerCase() ?? "",
    role: /\[role=["']?([a-z]+)/.exec(last)?.[1] ?? "",
    words: [...new Set(names.flatMap(wordsOf))],
  };
}

/** `newProject-2` and `new_project` are made of the same words; numbers are none. */
export function wordsOf(name: string): string[] {
  const spaced = name.replace(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2");
  return spaced.toLowerCase().match(/\p{L}+/gu) ?? [];
}

/** Before and after the last combinator that stands in no brackets or quotes. */
function cut(selector: string): [above: string, last: string] {
  let depth = 0;
  let quote = "";
  let at = -1;
  for (let index = 0; index < selector.length; index++) {
    const char = selector[index] as string;
    if (char === "\\") index += 1;
    else if (quote) quote = char === quote ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === "(" || char === "[") depth += 1;
    else if (char === ")" || char === "]") depth -= 1;
    else if (!depth && /[\s>+~]/.test(char)) at = index;
  }
  // `a + b` and `a ~ b` stand in the same place as each other, `a b` and `a > b` within.
  const above = selector.slice(0, at + 1).trim();
  return [/[+~]$/.test(above) ? "" : above.replace(/>$/, "").trim(), selector.slice(at + 1)];
}
