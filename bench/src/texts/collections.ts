/** Texts to search and queries with the text that each is meant to find. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { random as seeded } from "../data/random.js";

export interface TextSet {
  name: string;
  texts: string[];
  /** `target` is the place of a text; absent where no text is meant. */
  queries: { text: string; target?: number }[];
}

const QUERIES = 200;
/** Words of a query: what people type. */
const QUERY_WORDS = 4;

/** First paragraphs about films; each query is some words of one of them, in any order. */
export function films(folder: string): TextSet {
  const lines = readFileSync(join(folder, "films/films.jsonl"), "utf8").trim().split("\n");
  const texts = lines.map((line) => (JSON.parse(line) as { extract: string }).extract);
  const random = seeded(5);
  const queries = [...random.sample(texts.length, QUERIES)].map((target) => {
    const words = [...new Set(texts[target].match(/\p{L}{4,}/gu) ?? [])];
    const chosen = random.sample(words.length, Math.min(words.length, QUERY_WORDS));
    return { text: [...chosen].map((word) => words[word]).join(" "), target };
  });
  return { name: "films", texts, queries };
}

/** Sentences; each query is another sentence that people found to mean the same (4 of 5 and more). */
export function sentences(folder: string): TextSet {
  const SAME = 4;
  const lines = readFileSync(join(folder, "sts/sts.tsv"), "utf8").trim().split("\n").slice(1);
  const pairs = lines.map((line) => line.split("\t"));
  const queries = pairs.flatMap(([score, , text], target) =>
    Number(score) >= SAME ? [{ text, target }] : [],
  );
  return { name: "sentences", texts: pairs.map(([, , , second]) => second), queries };
}

/** Made-up words by Zipf's law, as words of texts are distributed: the word of rank r with a probability of about 1 / r. */
export function zipf(count: number): TextSet {
  const WORDS = 50_000;
  const LENGTH = 50;
  const { uniform } = seeded(9);
  const total = Math.log(WORDS);
  const word = (): string => `w${Math.floor(Math.exp(uniform() * total)).toString(36)}x`;
  const text = (words: number): string => Array.from({ length: words }, word).join(" ");
  const texts = Array.from({ length: count }, () => text(LENGTH));
  return {
    name: `zipf-${count}`,
    texts,
    queries: Array.from({ length: QUERIES }, () => ({ text: text(QUERY_WORDS) })),
  };
}
