/**
 * BM25 as sparse vectors (Robertson et al., Okapi at TREC-3, 1994): a text's score for a query is the sum over the query's
 * tokens of IDF * n (k + 1) / (n + k (1 - b + b length / average length)), n being how often the text holds the token. All but
 * IDF is known when the text is stored, so it becomes the value of the token's dimension; queries have ones, and IDF is the
 * sparse column's modifier, which knows the collection.
 *
 * A token's dimension is the absolute value of its MurmurHash3 as a signed integer, as in Qdrant's model and fastembed's:
 * vectors of theirs and ours are the same. `k` 1.2, `b` 0.75: the usual values; the average length is given and not measured,
 * so that stored vectors stay right while the collection grows.
 *
 * Deviation: tokens that share a dimension count as one token; Qdrant keeps the value of one of them. Cost: the analysis, and a
 * map of the distinct tokens.
 */
import { type Analyzer, type AnalyzerParams, createAnalyzer } from "./analyzer.js";
import { murmur3 } from "./murmur.js";
import { stemmedLanguages } from "./stemmers.js";
import { missingStopWordLanguages, stopWordLanguages } from "./stop-words.js";

export interface Bm25Params extends AnalyzerParams {
  /** How much repeated tokens count: 0 for not at all. Default 1.2. */
  k?: number | null;
  /** How much long texts are held back, 0..1. Default 0.75. */
  b?: number | null;
  /** Tokens of an average text, above 0. Default 256. */
  avg_len?: number | null;
  /**
   * Whose stop words and stemmer are used where they are not given, by name or short form. Default English; one that is not
   * known has neither.
   */
  language?: string | null;
}

/** A sparse vector: indices rise strictly. */
export interface TokenWeights {
  indices: number[];
  values: number[];
}

export interface Bm25 {
  /** The vector of a stored text. */
  document(text: string): TokenWeights;
  /** The vector to look for. */
  query(text: string): TokenWeights;
}

export const BM25_DEFAULTS = { k: 1.2, b: 0.75, avg_len: 256, language: "english" } as const;

export function createBm25(params: Bm25Params = {}): Bm25 {
  const { k, b, avg_len, language, ...analysis } = params;
  const analyzer = createAnalyzer(withLanguage(analysis, language ?? BM25_DEFAULTS.language));
  return new TokenWeigher(
    analyzer,
    k ?? BM25_DEFAULTS.k,
    b ?? BM25_DEFAULTS.b,
    avg_len ?? BM25_DEFAULTS.avg_len,
  );
}

function withLanguage(given: AnalyzerParams, language: string): AnalyzerParams {
  const stopwords = given.stopwords ?? (isKnown(stopWordLanguages, language) ? language : undefined);
  const stemmer =
    given.stemmer ??
    (isKnown(stemmedLanguages, language) ? ({ type: "snowball", language } as const) : undefined);
  return { ...given, stopwords, stemmer };
}

/** Whether Qdrant has stop words of the language and Vicinal has none. */
export function lacksStopWords(language: string): boolean {
  return isKnown(missingStopWordLanguages, language);
}

function isKnown(names: Readonly<Record<string, string | undefined>>, given: string): boolean {
  return Object.entries(names).some(([name, short]) => name === given || short === given);
}

/** The dimension of a token: unsigned 32 bits. */
export function tokenDimension(token: string): number {
  return Math.abs(murmur3(token) | 0);
}

class TokenWeigher implements Bm25 {
  readonly #analyzer: Analyzer;
  readonly #k: number;
  readonly #b: number;
  readonly #averageLength: number;

  constructor(analyzer: Analyzer, k: number, b: number, averageLength: number) {
    this.#analyzer = analyzer;
    this.#k = k;
    this.#b = b;
    this.#averageLength = averageLength;
  }

  document(text: string): TokenWeights {
    const tokens = this.#analyzer.tokens(text);
    const k = this.#k;
    const base = k * (1 - this.#b + (this.#b * tokens.length) / this.#averageLength);
    return weights(tokens, (count) => Math.fround((count * (k + 1)) / (base + count)));
  }

  query(text: string): TokenWeights {
    return weights(this.#analyzer.queryTokens(text), () => 1);
  }
}

/** @param weigh The value of a token that occurs so many times. */
function weights(tokens: readonly string[], weigh: (count: number) => number): TokenWeights {
  const counts = new Map<number, number>();
  for (const token of tokens) {
    const dimension = tokenDimension(token);
    counts.set(dimension, (counts.get(dimension) ?? 0) + 1);
  }
  const indices = [...counts.keys()].sort((x, y) => x - y);
  return { indices, values: indices.map((dimension) => weigh(counts.get(dimension)!)) };
}
