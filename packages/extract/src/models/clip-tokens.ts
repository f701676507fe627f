/**
 * Texts as CLIP was trained on them: words of lower case, their UTF-8 bytes as printable characters, joined by byte pair encoding.
 *
 * Method: Sennrich, Haddow, Birch, "Neural machine translation of rare words with subword units" (2016). Of the pairs of neighbours in a word the one that
 * was merged first in training is merged first.
 */
import { ExtractError } from "../errors.js";

const BEGIN = "<|startoftext|>";
const END = "<|endoftext|>";
const WORD_END = "</w>";
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;
/** Words whose pieces are remembered. */
const REMEMBERED = 50_000;

export class ClipTokens {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #ranks: ReadonlyMap<string, number>;
  readonly #words = new Map<string, readonly number[]>();
  readonly #begin: number;
  readonly end: number;

  /** @param file for messages @param json a tokenizer.json of the hub */
  constructor(file: string, json: string) {
    let model: { vocab?: Record<string, number>; merges?: (string | [string, string])[] } | undefined;
    try {
      ({ model } = JSON.parse(json));
    } catch {}
    this.#ids = new Map(Object.entries(model?.vocab ?? {}));
    const merges = model?.merges ?? [];
    this.#ranks = new Map(merges.map((pair, i) => [typeof pair === "string" ? pair : pair.join(" "), i]));
    const [begin, end] = [this.#ids.get(BEGIN), this.#ids.get(END)];
    if (begin === undefined || end === undefined || merges.length === 0)
      throw new ExtractError(
        "MODEL_DAMAGED",
        `${file} is no tokenizer of CLIP: it has no ${BEGIN} or no merges`,
      );
    this.#begin = begin;
    this.end = end;
  }

  /** Begin, pieces and end; of what is too long the end is cut off. */
  ids(text: string, most: number): number[] {
    const words = text.normalize("NFC").toLowerCase().match(WORDS) ?? [];
    const pieces = words.flatMap((word) => this.#piecesOf(word));
    return [this.#begin, ...pieces.slice(0, most - 2), this.end];
  }

  #piecesOf(word: string): readonly number[] {
    const known = this.#words.get(word);
    if (known) return known;
    const pieces = Array.from(new TextEncoder().encode(word), printable);
    pieces[pieces.length - 1] += WORD_END;
    for (;;) {
      let best = Number.POSITIVE_INFINITY;
      let at = -1;
      for (let i = 0; i + 1 < pieces.length; i++) {
        const rank = this.#ranks.get(`${pieces[i]} ${pieces[i + 1]}`) ?? Number.POSITIVE_INFINITY;
        if (rank < best) [best, at] = [rank, i];
      }
      if (at < 0) break;
      pieces.splice(at, 2, pieces[at] + pieces[at + 1]);
    }
    const ids = pieces.map((piece) => this.#ids.get(piece) ?? this.end);
    if (this.#words.size < REMEMBERED) this.#words.set(word, ids);
    return ids;
  }
}

/** Bytes that are no printable characters of Latin-1 stand behind it, in their order. */
const printableOf: readonly string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
})();

function printable(byte: number): string {
  return printableOf[byte];
}
