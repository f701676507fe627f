/**
 * Tokenizers: where the words of a text begin and end. What becomes of a word is the analyzer's matter.
 *
 *   whitespace    what stands between white space
 *   word          runs of letters and numbers
 *   multilingual  words that hold a letter; of scripts that put no space between words, single characters and, between
 *                 them, pairs of neighbours, so that any part of two characters and more is found, in order
 *
 * Deviation: Qdrant's multilingual tokenizer segments Chinese and Japanese with dictionaries of several megabytes.
 */
import { isAlphanumeric, isLetter, isSpace } from "./unicode.js";

export type TokenizerType = "word" | "whitespace" | "prefix" | "multilingual";

/** Runs of characters that pass the test. */
function eachRun(text: string, test: (code: number) => boolean, visit: (run: string) => void): void {
  let start = -1;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    const begin = at;
    if (code >= 0xd800 && code <= 0xdbff) code = text.codePointAt(at++)!;
    if (test(code)) {
      if (start < 0) start = begin;
    } else if (start >= 0) {
      visit(text.slice(start, begin));
      start = -1;
    }
  }
  if (start >= 0) visit(text.slice(start));
}

export function eachBetweenSpaces(text: string, visit: (word: string) => void): void {
  eachRun(text, (code) => !isSpace(code), visit);
}

export function eachWord(text: string, visit: (word: string) => void): void {
  eachRun(text, isAlphanumeric, visit);
}

export function eachMultilingualWord(text: string, visit: (word: string) => void): void {
  eachRun(text, isWordPart, (run) => {
    let word = "";
    let previous = "";
    const endWord = (): void => {
      if (hasLetter(word)) visit(word);
      word = "";
    };
    for (const character of run) {
      if (!isUnspaced(character.codePointAt(0)!)) {
        word += character;
        previous = "";
        continue;
      }
      endWord();
      if (previous !== "") visit(previous + character);
      visit(character);
      previous = character;
    }
    endWord();
  });
}

/** Accents that stand for themselves belong to the letter before them. */
function isWordPart(code: number): boolean {
  return isAlphanumeric(code) || (code >= 0x300 && code <= 0x36f);
}

function hasLetter(word: string): boolean {
  for (const character of word) if (isLetter(character.codePointAt(0)!)) return true;
  return false;
}

/** Thai, Lao, Myanmar, Khmer, Hiragana, Katakana, Bopomofo, Han. */
const unspaced: readonly [number, number][] = [
  [0x0e00, 0x0eff],
  [0x1000, 0x109f],
  [0x1780, 0x17ff],
  [0x3005, 0x3007],
  [0x3040, 0x312f],
  [0x31a0, 0x31bf],
  [0x31f0, 0x31ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xf900, 0xfaff],
  [0xff66, 0xff9f],
  [0x20000, 0x323af],
];

function isUnspaced(code: number): boolean {
  return code >= 0x0e00 && unspaced.some(([first, last]) => code >= first && code <= last);
}
