/** Texts as the mean of their words' vectors: fast, without a network, and without word order. */
import { ExtractError } from "../errors.js";
import { embedEach, type Model } from "./model.js";
import { wordsOf } from "./text-model.js";
import { readWordFile } from "./word-files.js";

export interface WordVectorOptions {
  /** Words that are read, of files that have the frequent ones first. Default 1,000,000. */
  maxWords?: number;
  /** File of the words of an `.npy`, one a line; default: the same name with `.txt`. */
  words?: string;
  /** Name of the model; default the file's own. */
  id?: string;
}

interface Source {
  file: string;
  words: string | undefined;
  maxWords: number;
}

const BATCH = 256;

/**
 * @param file text of GloVe, word2vec or fastText, word2vec's `.bin`, or NumPy's `.npz` or `.npy`
 * @throws ExtractError MODEL_NOT_FOUND, MODEL_DAMAGED with the line or word
 */
export async function wordVectors(file: string, options: WordVectorOptions = {}): Promise<Model<string>> {
  const { maxWords = 1_000_000, words, id = file.replace(/^.*[/\\]/, "") } = options;
  const known = await read({ file, words, maxWords });
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

async function read({ file, words, maxWords }: Source): Promise<Map<string, Float32Array>> {
  const known = new Map<string, Float32Array>();
  for await (const [word, vector] of readWordFile(file, words)) {
    known.set(word, vector);
    if (known.size >= maxWords) break;
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
