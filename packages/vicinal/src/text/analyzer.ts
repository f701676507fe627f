/**
 * Analyzer: the tokens of a text: tokenize, fold to ASCII, lower the case, drop stop words, stem, drop what is too short
 * or too long. In this order, as in Qdrant. The base of text indexes and of ranking by words.
 */
import { type Stem, stemmerOf } from "./stemmers.js";
import { type StopWordsSet, stopWordSet } from "./stop-words.js";
import { eachBetweenSpaces, eachMultilingualWord, eachWord, type TokenizerType } from "./tokenizers.js";
import { countCharacters, foldToAscii, lowerCase } from "./unicode.js";

/** Raised with every change that gives a text other tokens: indexes of another version are built anew. */
export const ANALYSIS_VERSION = 1;

export interface AnalyzerParams {
  /** Default `word`. */
  tokenizer?: TokenizerType | null;
  /** Characters (code points) of a token, at least. Default 1. */
  min_token_len?: number | null;
  /** And at most: longer tokens are dropped, or cut by the prefix tokenizer. Default unlimited. */
  max_token_len?: number | null;
  /** Default true. */
  lowercase?: boolean | null;
  /** `ação` -> `acao`. Default false. */
  ascii_folding?: boolean | null;
  /** A language, or languages and words of one's own. Default none. */
  stopwords?: string | StopWordsSet | null;
  /** Default none. */
  stemmer?: { type: "snowball"; language: string } | { type: "none" } | null;
}

export interface Analyzer {
  /** Which version and parameters: equal texts have equal tokens where this is equal. */
  readonly id: string;
  /** The tokens of a stored text, in order. */
  tokens(text: string): string[];
  /** The tokens to look for; others than those of a stored text only where prefixes are stored. */
  queryTokens(text: string): string[];
}

export function createAnalyzer(params: AnalyzerParams): Analyzer {
  const { tokenizer, min_token_len, max_token_len, lowercase, ascii_folding, stopwords, stemmer } = params;
  const settings: Settings = {
    split: splitters[tokenizer ?? "word"],
    shortest: min_token_len ?? 0,
    longest: max_token_len ?? Infinity,
    lowercase: lowercase ?? true,
    // Accents mean nothing to the multilingual tokenizer, in Qdrant neither.
    folds: ascii_folding === true || tokenizer === "multilingual",
    dropped: stopWordSet(stopwords, lowercase ?? true),
    stem: stemmer?.type === "snowball" ? remembering(stemmerOf(stemmer.language)) : undefined,
  };
  const id = JSON.stringify([
    ANALYSIS_VERSION,
    tokenizer ?? "word",
    min_token_len ?? null,
    max_token_len ?? null,
    settings.lowercase,
    settings.folds,
    [...settings.dropped].sort(),
    stemmer?.type === "snowball" ? stemmer.language : null,
  ]);
  if (tokenizer === "prefix") return new PrefixAnalyzer(id, settings);
  return new WordAnalyzer(id, settings);
}

interface Settings {
  split: (text: string, visit: (word: string) => void) => void;
  shortest: number;
  longest: number;
  lowercase: boolean;
  folds: boolean;
  dropped: ReadonlySet<string>;
  stem: Stem | undefined;
}

const splitters: Record<TokenizerType, Settings["split"]> = {
  whitespace: eachBetweenSpaces,
  word: eachWord,
  prefix: eachWord,
  multilingual: eachMultilingualWord,
};

class WordAnalyzer implements Analyzer {
  readonly id: string;
  protected readonly settings: Settings;

  constructor(id: string, settings: Settings) {
    this.id = id;
    this.settings = settings;
  }

  tokens(text: string): string[] {
    const { longest } = this.settings;
    const found: string[] = [];
    this.settings.split(wellFormed(text), (word) => {
      const token = this.token(word);
      if (token !== undefined && (longest === Infinity || countCharacters(token) <= longest))
        found.push(token);
    });
    return found;
  }

  queryTokens(text: string): string[] {
    return this.tokens(text);
  }

  /** What becomes of a word, of any length; undefined when it is dropped. */
  protected token(word: string, keepStopWords = false): string | undefined {
    const { folds, lowercase, dropped, stem, shortest } = this.settings;
    let token = folds ? foldToAscii(word) : word;
    if (lowercase) token = lowerCase(token);
    if (!keepStopWords && dropped.size > 0 && dropped.has(token)) return undefined;
    if (stem) token = stem(token);
    return token === "" || (shortest > 1 && countCharacters(token) < shortest) ? undefined : token;
  }
}

/**
 * Stores the beginnings of each word, from the shortest to the longest token, and looks for the longest beginning of
 * each. A stop word is looked for, since it may be the beginning of another word.
 */
class PrefixAnalyzer extends WordAnalyzer {
  override tokens(text: string): string[] {
    const { shortest, longest } = this.settings;
    const found: string[] = [];
    this.settings.split(wellFormed(text), (word) => {
      const characters = [...(this.token(word) ?? "")];
      const last = Math.min(longest, characters.length);
      for (let length = Math.max(1, shortest); length <= last; length++)
        found.push(characters.slice(0, length).join(""));
    });
    return found;
  }

  override queryTokens(text: string): string[] {
    const { longest } = this.settings;
    const found: string[] = [];
    this.settings.split(wellFormed(text), (word) => {
      const token = this.token(word, true);
      if (token !== undefined) found.push([...token].slice(0, longest).join(""));
    });
    return found;
  }
}

const surrogate = /[\ud800-\udfff]/;
const loneSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Halves of characters, which UTF-8 cannot hold, become the sign for what is unknown. */
function wellFormed(text: string): string {
  return surrogate.test(text) ? text.replace(loneSurrogate, "\ufffd") : text;
}

/** So many stems are remembered: texts use few words, and finding a stem costs twenty times as much as looking it up. */
const REMEMBERED = 1 << 14;

function remembering(stem: Stem): Stem {
  const known = new Map<string, string>();
  return (word) => {
    let found = known.get(word);
    if (found === undefined) {
      found = stem(word);
      if (known.size === REMEMBERED) known.clear();
      known.set(word, found);
    }
    return found;
  };
}
