/**
 * What `text`, `text_any` and `phrase` mean. Of a field with a text index: all, any, or in this order all tokens of the
 * query are among those of the field; the items of an array are one text, but no phrase goes from one to the next; a
 * query without tokens finds nothing. Of any other field, as in Qdrant: the text, or any of its words, is a part of a
 * string.
 */
import type { Analyzer } from "../text/index.js";
import { type FieldTest, stringTest } from "./field-test.js";
import type { JsonValue } from "./json.js";
import { elementsOf } from "./path.js";
import { TextColumn, type TextMode } from "./text-column.js";

export function textTest(mode: TextMode, query: string): FieldTest {
  const plain = stringTest(plainTest(mode, query));
  // The last analyzer's answer to the query: one request asks few.
  let asked: { analyzer: Analyzer; tokens: string[] } | undefined;
  const tokensBy = (analyzer: Analyzer): string[] => {
    if (asked?.analyzer !== analyzer) asked = { analyzer, tokens: queryTokens(analyzer, mode, query) };
    return asked.tokens;
  };
  return {
    holds: (values, analyzer) =>
      analyzer ? holdsTokens(mode, tokensBy(analyzer), analyzer, values) : plain.holds(values),
    mark(column, bits) {
      if (!(column instanceof TextColumn)) return plain.mark(column, bits);
      return column.markTokens(mode, tokensBy(column.analyzer), bits);
    },
    estimate(column) {
      if (!(column instanceof TextColumn)) return plain.estimate(column);
      return column.estimateTokens(mode, tokensBy(column.analyzer));
    },
  };
}

function plainTest(mode: TextMode, query: string): (text: string) => boolean {
  if (mode !== "any") return (text) => text.includes(query);
  const words = query.split(/\s+/u).filter((word) => word !== "");
  return (text) => words.some((word) => text.includes(word));
}

function queryTokens(analyzer: Analyzer, mode: TextMode, query: string): string[] {
  // A phrase is compared with what is stored, token by token.
  if (mode === "phrase") return analyzer.tokens(query);
  return [...new Set(analyzer.queryTokens(query))];
}

function holdsTokens(
  mode: TextMode,
  wanted: readonly string[],
  analyzer: Analyzer,
  values: readonly JsonValue[],
): boolean {
  if (wanted.length === 0) return false;
  const texts = elementsOf(values).filter((item) => typeof item === "string");
  const stored = texts.map((text) => analyzer.tokens(text));
  if (mode === "phrase") return stored.some((tokens) => hasPhrase(tokens, wanted));
  const tokens = new Set(stored.flat());
  return mode === "all"
    ? wanted.every((token) => tokens.has(token))
    : wanted.some((token) => tokens.has(token));
}

function hasPhrase(tokens: readonly string[], phrase: readonly string[]): boolean {
  for (let start = 0; start + phrase.length <= tokens.length; start++) {
    if (phrase.every((token, i) => tokens[start + i] === token)) return true;
  }
  return false;
}
