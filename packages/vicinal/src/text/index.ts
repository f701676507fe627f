/**
 * text: what the words of a text are. Independent of the platform's Unicode and locales: tables and algorithms of our own
 * version, which saved indexes name.
 *
 *   analyzer    text -> tokens                     params-schema  how requests write an analyzer's parameters
 *   tokenizers  where words begin and end          unicode        letters, lower case, plain forms
 *   stemmers    stems by language                  stop-words     words to leave out, by language
 *   bm25        texts as sparse vectors            murmur         the hash that gives a token its dimension
 */
export { ANALYSIS_VERSION, type Analyzer, type AnalyzerParams, createAnalyzer } from "./analyzer.js";
export {
  BM25_DEFAULTS,
  type Bm25,
  type Bm25Params,
  createBm25,
  lacksStopWords,
  type TokenWeights,
} from "./bm25.js";
export { analyzerFields } from "./params-schema.js";
export { type Stem, stemmedLanguages, stemmerOf } from "./stemmers.js";
export { type StopWordsSet, stopWordLanguages, stopWordSet } from "./stop-words.js";
export type { TokenizerType } from "./tokenizers.js";
