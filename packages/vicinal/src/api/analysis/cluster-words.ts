/** What the clusters of an analysis are about: the words of a payload field that mark each of them. */
import { GroupWords } from "../../analysis/index.js";
import { elementsOf, parsePath, valuesAt } from "../../payload/path.js";
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { type Analyzer, createAnalyzer } from "../../text/index.js";
import type { QueryScope } from "../queries/queries.js";
import type { AnalysisRequest } from "../schema/index.js";
import type { Sample } from "./sample.js";

const DEFAULT_WORDS = 5;
/** Payloads read between two breaths. */
const SLICE = 1024;

/** The words that mark each cluster 0..clusters - 1, most distinctive first. Points that went meanwhile have none. */
export async function wordsOfClusters(
  { state }: QueryScope,
  { ids }: Sample,
  labels: Int32Array,
  clusters: number,
  { key, limit, ...analysis }: NonNullable<AnalysisRequest["words"]>,
  signal?: AbortSignal,
): Promise<string[][]> {
  const path = parsePath(key, "words.key");
  const analyzer = createAnalyzer({ ...analysis, stopwords: analysis.stopwords ?? "english" });
  const words = new GroupWords(clusters);
  for (let i = 0; i < ids.length; i++) {
    if (i % SLICE === 0) {
      await yieldToOthers();
      throwIfCancelled(signal);
    }
    const place = state.find(ids[i]);
    if (place) words.add(tokensAt(place.segment.payload(place.row), path, analyzer), labels[i]);
  }
  return words.best(limit ?? DEFAULT_WORDS);
}

function tokensAt(
  payload: Parameters<typeof valuesAt>[0],
  path: ReturnType<typeof parsePath>,
  analyzer: Analyzer,
): string[] {
  const values = elementsOf(valuesAt(payload, path));
  // Numbers as words are years and counts, which tell one cluster from another by chance.
  return values.flatMap((value) => (typeof value === "string" ? analyzer.tokens(value) : []));
}
