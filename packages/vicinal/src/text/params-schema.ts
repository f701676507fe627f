/** The parameters of an analyzer as requests write them: those of Qdrant's text index. */
import {
  array,
  boolean,
  choice,
  named,
  object,
  optional,
  type Schema,
  string,
  union,
  unsigned,
  unsupported,
} from "../runtime/schema.js";
import { stemmedLanguages } from "./stemmers.js";
import { missingStopWordLanguages, stopWordLanguages } from "./stop-words.js";

function names(languages: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(languages).flatMap(([name, short]) => (short === undefined ? [name] : [name, short]));
}

const language: Schema<string> = named(
  "Language",
  union(
    choice(...names(stopWordLanguages)),
    unsupported(choice(...names(missingStopWordLanguages)), "stop words of this language are"),
  ),
);

export const analyzerFields = {
  tokenizer: optional(named("TokenizerType", choice("prefix", "whitespace", "word", "multilingual"))),
  min_token_len: optional(unsigned()),
  max_token_len: optional(unsigned()),
  lowercase: optional(boolean()),
  ascii_folding: optional(boolean()),
  stopwords: optional(
    named(
      "StopwordsInterface",
      union(
        language,
        named(
          "StopwordsSet",
          object({ languages: optional(array(language)), custom: optional(array(string())) }, { only: true }),
        ),
      ),
    ),
  ),
  stemmer: optional(
    named(
      "StemmingAlgorithm",
      union(
        named(
          "SnowballParams",
          object({
            type: choice("snowball"),
            language: named("SnowballLanguage", choice(...names(stemmedLanguages))),
          }),
        ),
        named("DisabledStemmerParams", object({ type: choice("none") })),
      ),
    ),
  ),
};
