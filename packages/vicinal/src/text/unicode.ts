/**
 * What text analysis knows of Unicode: letters, digits, lower case, and plain forms. From tables of one version
 * (unicode-data.ts) and never from the platform, whose versions differ: an index that was written in Node must read the
 * same in a browser.
 */
import { alphabetic, foldings, lowerRuns, numeric } from "./unicode-data.js";

/** Has the property Alphabetic. */
const LETTER = 1;
/** Is a number of any kind. */
const NUMBER = 2;

const BMP = 0x1_0000;
const ascii = /^[\0-\x7f]*$/;

interface Tables {
  /** Flags of each code point of the basic plane. */
  classes: Uint8Array;
  /** The others, in ranges: first, last, flags. */
  astral: Uint32Array;
  lower: ReadonlyMap<number, number>;
  folded: ReadonlyMap<number, string>;
}

let made: Tables | undefined;

/** Unpacked when first needed. */
function tables(): Tables {
  made ??= unpacked();
  return made;
}

function unpacked(): Tables {
  const classes = new Uint8Array(BMP);
  const astral: number[] = [];
  for (const [text, flag] of [
    [alphabetic, LETTER],
    [numeric, NUMBER],
  ] as const) {
    eachRange(text, (first, last) => {
      for (let code = first; code <= last && code < BMP; code++) classes[code] |= flag;
      if (last >= BMP) astral.push(first, last, flag);
    });
  }
  return { classes, astral: Uint32Array.from(astral), lower: unpackedLower(), folded: unpackedFoldings() };
}

function eachRange(text: string, visit: (first: number, last: number) => void): void {
  const numbers = text.split(" ").map((part) => Number.parseInt(part, 36));
  for (let i = 0, at = 0; i < numbers.length; i += 2) {
    const first = at + numbers[i];
    at = first + numbers[i + 1];
    visit(first, at);
  }
}

function unpackedLower(): Map<number, number> {
  const lower = new Map<number, number>();
  const numbers = lowerRuns.split(" ").map((part) => Number.parseInt(part, 36));
  for (let i = 0, first = 0; i < numbers.length; i += 4) {
    first += numbers[i];
    for (let n = 0; n < numbers[i + 1]; n++) {
      const code = first + n * numbers[i + 2];
      lower.set(code, code + numbers[i + 3]);
    }
  }
  return lower;
}

function unpackedFoldings(): Map<number, string> {
  const folded = new Map<number, string>();
  const parts = foldings.split(" ");
  for (let i = 0, code = 0; i < parts.length; i += 2) {
    code += Number.parseInt(parts[i], 36);
    folded.set(code, parts[i + 1]);
  }
  return folded;
}

function classOf(code: number): number {
  const { classes, astral } = tables();
  if (code < BMP) return classes[code];
  let flags = 0;
  for (let i = 0; i < astral.length; i += 3) {
    if (code >= astral[i] && code <= astral[i + 1]) flags |= astral[i + 2];
  }
  return flags;
}

export function isLetter(code: number): boolean {
  return (classOf(code) & LETTER) !== 0;
}

/** A letter or a number: what words are made of. */
export function isAlphanumeric(code: number): boolean {
  if (code >= 0x80) return classOf(code) !== 0;
  // Most characters of most texts are decided here.
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39);
}

/** The property White_Space, which has not changed since Unicode 6.3. */
export function isSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 9 && code <= 13);
  return (
    code === 0x85 ||
    code === 0xa0 ||
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

const SIGMA = 0x3a3;
const FINAL_SIGMA = "ς";
const DOTTED_I = 0x130;

/** Lower case, letter by letter; a sigma that ends a word is the final one. */
export function lowerCase(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  const { lower } = tables();
  let result = "";
  let previous = 0;
  let at = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    at += character.length;
    if (code === SIGMA && isLetter(previous) && !isLetter(text.codePointAt(at) ?? 0)) result += FINAL_SIGMA;
    else if (code === DOTTED_I) result += "i\u0307";
    else result += code < 0x80 ? character.toLowerCase() : String.fromCodePoint(lower.get(code) ?? code);
    previous = code;
  }
  return result;
}

/** Letters with accents, and other forms of ASCII characters, as these; everything else stays. */
export function foldToAscii(text: string): string {
  if (ascii.test(text)) return text;
  const { folded } = tables();
  let result = "";
  for (const character of text) result += folded.get(character.codePointAt(0)!) ?? character;
  return result;
}

/** How many code points. */
export function countCharacters(text: string): number {
  if (ascii.test(text)) return text.length;
  let count = 0;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) !== 0xdc00) count++;
  return count;
}
