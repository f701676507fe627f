/**
 * Files of words and their vectors:
 *
 *   .bin   word2vec's own: `words dimensions\n`, then each word, a space and its float32 numbers, at most times a line's end
 *   .npz   NumPy's: one array of strings and one matrix of numbers with a row for each
 *   .npy   NumPy's matrix alone; the words are lines of a text file
 *   others text: a word and its numbers on a line, as GloVe, word2vec and fastText have them
 */
import { unzipSync } from "fflate";
import { fileBytes, fileLines, fileSize, fileStream } from "#platform/machine.js";
import { ExtractError } from "../errors.js";
import { readNpy } from "./npy.js";

export type WordVector = readonly [word: string, vector: Float32Array];

/** @param words file of the words of an `.npy`; default: the same name with `.txt` @throws ExtractError MODEL_NOT_FOUND, MODEL_DAMAGED */
export function readWordFile(
  file: string,
  words = file.replace(/\.npy$/i, ".txt"),
): AsyncIterable<WordVector> {
  const format = /\.([a-z]+)$/i.exec(file)?.[1].toLowerCase();
  if (format === "bin") return binaryWords(file);
  if (format === "npz") return zippedWords(file);
  if (format === "npy") return matrixWords(file, words);
  return textWords(file);
}

function damaged(file: string, why: string, cause?: unknown): ExtractError {
  return new ExtractError("MODEL_DAMAGED", `${file}${why}`, { cause });
}

async function* textWords(file: string): AsyncGenerator<WordVector> {
  let dimensions = 0;
  let number = 0;
  for await (const line of fileLines(file)) {
    number++;
    const parts = line.trimEnd().split(" ");
    // How many words and numbers there are.
    if (number === 1 && parts.length === 2 && parts.every((part) => /^\d+$/.test(part))) continue;
    dimensions ||= parts.length - 1;
    // A few words of GloVe have spaces in them.
    const vector = Float32Array.from(parts.slice(-dimensions), Number);
    const fits = dimensions > 0 && parts.length > dimensions && vector.every(Number.isFinite);
    if (!fits) throw damaged(file, `, line ${number}: expected a word and ${dimensions || "its"} numbers`);
    yield [parts.slice(0, -dimensions).join(" "), vector];
  }
}

/** No word, and no first line, is longer. */
const MOST_WORD_BYTES = 4096;

async function* binaryWords(file: string): AsyncGenerator<WordVector> {
  if ((await fileSize(file)) === undefined) throw absent(file);
  let rest = new Uint8Array(0);
  let at = 0;
  const chunks = fileStream(file)[Symbol.asyncIterator]();
  /** Whether so many bytes are there. */
  const has = async (length: number) => {
    while (rest.length - at < length) {
      const { done, value } = await chunks.next();
      if (done) return false;
      const joined = new Uint8Array(rest.length - at + value.length);
      joined.set(rest.subarray(at));
      joined.set(value, rest.length - at);
      [rest, at] = [joined, 0];
    }
    return true;
  };
  /** What stands before a byte. */
  const until = async (end: number) => {
    for (;;) {
      const found = rest.indexOf(end, at);
      const length = (found < 0 ? rest.length : found) - at;
      if (length > MOST_WORD_BYTES) return undefined;
      if (found >= 0) {
        const text = new TextDecoder().decode(rest.subarray(at, found));
        at = found + 1;
        return text;
      }
      if (!(await has(length + 1))) return undefined;
    }
  };
  try {
    const [, count, dimensions] = (/^(\d+) (\d+)\s*$/.exec((await until(10)) ?? "") ?? []).map(Number);
    if (!count || !dimensions) throw damaged(file, " does not begin with how many words and numbers it has");
    for (let i = 0; i < count; i++) {
      const word = await until(32);
      if (word === undefined || !(await has(4 * dimensions)))
        throw damaged(file, ` ends in word ${i + 1} of ${count}`);
      const view = new DataView(rest.buffer, rest.byteOffset + at, 4 * dimensions);
      const vector = Float32Array.from({ length: dimensions }, (_, d) => view.getFloat32(4 * d, true));
      at += 4 * dimensions;
      if (!vector.every(Number.isFinite)) throw damaged(file, `, word ${i + 1}: its numbers are not finite`);
      yield [word.replace(/^\n/, ""), vector];
    }
  } finally {
    await chunks.return?.();
  }
}

async function* zippedWords(file: string): AsyncGenerator<WordVector> {
  const bytes = await bytesOf(file);
  let members: Record<string, Uint8Array>;
  try {
    members = unzipSync(bytes);
  } catch (cause) {
    throw damaged(file, ` is no npz file: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
  const arrays = Object.entries(members).map(([name, member]) => readNpy(`${file}, ${name}`, member));
  const lists = arrays.flatMap((array) => ("texts" in array ? [array.texts] : []));
  const matrices = arrays.flatMap((array) => ("numbers" in array && array.shape.length === 2 ? [array] : []));
  if (lists.length !== 1 || matrices.length !== 1)
    throw damaged(
      file,
      ` has ${lists.length} arrays of strings and ${matrices.length} matrices, expected one of each`,
    );
  yield* rowsFor(file, lists[0], matrices[0].numbers, matrices[0].shape);
}

async function* matrixWords(file: string, words: string): AsyncGenerator<WordVector> {
  const matrix = readNpy(file, await bytesOf(file));
  if (!("numbers" in matrix) || matrix.shape.length !== 2)
    throw damaged(file, ` has shape (${matrix.shape.join(", ")}), expected a matrix of numbers`);
  const lines: string[] = [];
  for await (const line of fileLines(words)) lines.push(line.trimEnd());
  yield* rowsFor(`${file} with ${words}`, lines, matrix.numbers, matrix.shape);
}

function* rowsFor(
  file: string,
  words: readonly string[],
  numbers: Float32Array,
  [rows, dimensions]: readonly number[],
): Generator<WordVector> {
  if (words.length !== rows) throw damaged(file, ` has ${words.length} words for ${rows} vectors`);
  for (const [i, word] of words.entries()) {
    const vector = numbers.slice(i * dimensions, (i + 1) * dimensions);
    if (!vector.every(Number.isFinite)) throw damaged(file, `, row ${i}: its numbers are not finite`);
    yield [word, vector];
  }
}

async function bytesOf(file: string): Promise<Uint8Array> {
  const bytes = await fileBytes(file);
  if (!bytes) throw absent(file);
  return bytes;
}

function absent(file: string): ExtractError {
  return new ExtractError("MODEL_NOT_FOUND", `${file} does not exist`);
}
