// The element of the page that is most like a missing one: named much like it, or of its kind in its place. It is told
// by its selector alone, made as for any event, never from texts.

import { attribute, closest, isElement, matches, ROOT_TAG } from "../capture/element";
import { MARKS, selectorOf } from "../capture/selector";
import type { Rule } from "./rule";
import { type Wanted, wantedOf, wordsOf } from "./wanted";

/** What users do such things with. */
const KINDS: Record<string, string> = {
  click: "a,button,input,select,summary,label,[role=button],[role=link],[role^=menuitem],[role=tab]",
  submit: "form",
  change: "input,select,textarea,[contenteditable]",
  focus: "input,select,textarea,[contenteditable]",
};
/** Elements that are looked at for one missing one, and in one step. */
const MOST = 1_000;
const STEP = 25;
/** Half of the words, or its kind and place. */
const LEAST = 0.5;
const MOST_CHARS = 200;

export class Nearest {
  /** `taken`: elements that are something else that was looked for. */
  constructor(private readonly taken: ReadonlySet<Element>) {}

  *to(rule: Rule): Generator<void, string | null> {
    const wanted = wantedOf(rule.selector);
    const kind = wanted.tag || KINDS[rule.event] || "";
    const place = wanted.above ? all(wanted.above)[0] : undefined;
    yield;
    let best: Element | null = null;
    let most = 0;
    let alike = 0;
    const pool = all([kind, ...wanted.words.map(naming)].filter(Boolean).join());
    for (let at = 0; at < pool.length && at < MOST; at++) {
      if (at % STEP === STEP - 1) yield;
      const element = pool[at] as Element;
      if (this.taken.has(element) || closest(element, `${ROOT_TAG},[data-hr-ignore]`)) continue;
      const same = !!kind && matches(element, kind);
      if (same) alike += 1;
      const score = likeness(element, wanted, same, place);
      if (score > most) {
        most = score;
        best = element;
      }
    }
    // The only form of a page is the form, whatever it is called now.
    if (most < LEAST && !(alike === 1 && rule.event === "submit")) return null;
    yield;
    const selector = best && selectorOf(best);
    return selector && selector.length <= MOST_CHARS ? selector : null;
  }
}

/** 0 to about 1.5; from `LEAST` on it is worth telling. */
function likeness(element: Element, wanted: Wanted, same: boolean, place: Element | undefined): number {
  let named = 0;
  for (const mark of MARKS)
    named = Math.max(named, shared(wanted.words, wordsOf(attribute(element, mark) ?? "")));
  const inPlace = place !== undefined && Node.prototype.contains.call(place, element);
  const role = wanted.role !== "" && attribute(element, "role") === wanted.role;
  // A name alone, of something of another kind, has to be very like; in its own place, the kind alone is enough.
  return (same ? named + 0.1 : named * 0.7) + (role ? 0.15 : 0) + (inPlace ? (same ? 0.45 : 0.1) : 0);
}

/** 0 to 1: how many words two names share; a word and its plural are one. */
function shared(a: readonly string[], b: readonly string[]): number {
  const both = a.filter((one) => b.some((other) => isOne(one, other))).length;
  return both ? (2 * both) / (a.length + b.length) : 0;
}

function isOne(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short === long || (short.length > 3 && long.startsWith(short));
}

function naming(word: string): string {
  return word.length > 2 ? MARKS.map((mark) => `[${mark}*="${CSS.escape(word)}" i]`).join() : "";
}

function all(selector: string): Element[] {
  try {
    const found = Document.prototype.querySelectorAll.call(document, selector);
    return Array.prototype.slice.call(found, 0, MOST).filter(isElement);
  } catch {
    return [];
  }
}
