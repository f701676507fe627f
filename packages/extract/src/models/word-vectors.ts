/**
 * Texts as the mean of their words' vectors: fast, without a network, and without word order. Reads text files as GloVe, word2vec and
 * fastText have them: a word and its numbers on a line, at most times behind a first line with how many words and numbers there are.
 */

import { fileLines } from "#platform/machine.js";
import { ExtractError } from "../errors.js";
import { embedEach, type Model } from "./model.js";
import { wordsOf } from "./sentence-model.js";

export interface WordVectorOptions {
  /** Words that are read, of files that have the frequent ones first. Default 1,000,000. */
  maxWords?: number;
  /** Name of the model; default the file's own. */
  id?: string;
}

const BATCH = 256;

/** @throws ExtractError MODEL_NOT_FOUND, MODEL_DAMAGED with the line */
export async function wordVectors(file: string, options: WordVectorOptions = {}): Promise<Model<string>> {
  const { maxWords = 1_000_000, id = file.replace(/^.*[/\\]/, "") } = options;
  const known = await read(file, maxWords);
  const dimensions = known.values().next().value?.length ?? 0;
  if (dimensions === 0) throw new ExtractError("MODEL_DAMAGED", `${file}: holds no words`);
  return {
    id,
    modality: "text",
    dimensions,
    metric: "Cosine",
    embed: (texts, embedOptions = {}) =>
      embedEach(
        texts,
        embedOptions,
        BATCH,
        async (text) => meanOf(known, wordsOf(text), dimensions),
        async (vectors) => vectors,
      ),
    close: async () => known.clear(),
  };
}

async function read(file: string, maxWords: number): Promise<Map<string, Float32Array>> {
  const known = new Map<string, Float32Array>();
  let dimensions = 0;
  let number = 0;
  for await (const line of fileLines(file)) {
    number++;
    const parts = line.trimEnd().split(" ");
    // How many words and numbers there are.
    if (number === 1 && parts.length === 2 && parts.every((part) => /^\d+$/.test(part))) continue;
    if (known.size === maxWords) break;
    dimensions ||= parts.length - 1;
    // A few words of GloVe have spaces in them.
    const vector = Float32Array.from(parts.slice(-dimensions), Number);
    const fits = dimensions > 0 && parts.length > dimensions && vector.every(Number.isFinite);
    if (!fits)
      throw new ExtractError(
        "MODEL_DAMAGED",
        `${file}, line ${number}: expected a word and ${dimensions || "its"} numbers`,
      );
    known.set(parts.slice(0, -dimensions).join(" "), vector);
  }
  return known;
}

function meanOf(known: ReadonlyMap<string, Float32Array>, text: string, dimensions: number): Float32Array {
  const mean = new Float32Array(dimensions);
  let words = 0;
  for (const [word] of text.normalize("NFKC").matchAll(/[\p{L}\p{N}\p{M}]+(?:['’][\p{L}\p{M}]+)?/gu)) {
    const vector = known.get(word) ?? known.get(word.toLowerCase());
    if (!vector) continue;
    words++;
    for (let d = 0; d < dimensions; d++) mean[d] += vector[d];
  }
  if (words === 0) throw new ExtractError("TEXT_EMPTY", "The text has no words that have vectors");
  return mean.map((sum) => sum / words);
}
