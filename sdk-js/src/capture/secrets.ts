// What looks like a secret, wherever it stands: in a path, in an id, in a text that may be sent.

/** Nine digits or more, in groups or not, and what hangs on them: cards, account and social security numbers, phones. */
const DIGITS = /\S*\p{Nd}([\s.,/_\p{Pd}\p{Cf}]{0,2}\p{Nd}){8,}\S*/gu;

/** Whether a word may be an address of a person, a number of theirs, or a token. */
export function isSecret(word: string): boolean {
  return (
    /[@=]|%(25)*40/.test(word) ||
    word.search(DIGITS) >= 0 ||
    /^(?=.{20})(?=.*\d)(?=.*[a-z]).*[A-Z]/s.test(word) ||
    word.split(/[^\da-z]+/i).some((piece) => piece.length > 23 || /(?=.{12})(?=.*\d).*[a-z]/i.test(piece))
  );
}

/** A text without them. */
export function scrubbed(text: string): string {
  return text.replace(DIGITS, "*").replace(/\S+/g, (word) => (isSecret(word) ? "*" : word));
}
