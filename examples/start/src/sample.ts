/** The sample: the most frequent English words with their vectors, point ids being their ranks. */
import { progress, taskProgress } from "@vicinal/cli/progress";
import type { Database } from "vicinal";
import { readWords } from "./words.js";

export const collection = "words";

export const sampleSize = 100_000;

const dimensions = 100;

/** Points per upsert: one upsert is stored whole or not at all. */
const batchSize = 1000;

/**
 * Loads what is not loaded yet and resolves to the number of words that were there before. Words go in by rank,
 * batch after batch, so those that are stored are always the first ones, and their count says where to go on.
 */
export async function loadSample(
  database: Database,
  signal: AbortSignal,
  onBegin: () => void,
  size: number = sampleSize,
  words: typeof readWords = readWords,
): Promise<number> {
  if (!(await database.collectionExists(collection)).exists) {
    await database.createCollection(collection, { vectors: { size: dimensions, distance: "Cosine" } });
  }
  const { count: before } = await database.count(collection, { exact: true });
  if (before >= size) return before;
  onBegin();
  const bar = progress("loading words");
  let loaded = before;
  let points: { id: number; vector: Float32Array; payload: { word: string; rank: number } }[] = [];
  const flush = async () => {
    await database.upsert(collection, { wait: true, points });
    loaded += points.length;
    points = [];
    bar.update(loaded, size);
  };
  try {
    for await (const { word, rank, vector } of words(undefined, { from: before, limit: size })) {
      points.push({ id: rank, vector, payload: { word, rank } });
      if (points.length < batchSize) continue;
      await flush();
      signal.throwIfAborted();
    }
    if (points.length > 0) await flush();
  } finally {
    bar.end(`${(loaded - before).toLocaleString("en")} words, each batch synced to disk`);
  }
  return before;
}

/** Waits until the index holds every word; a bar appears only when there is something to wait for. */
export async function waitForIndex(database: Database, signal: AbortSignal): Promise<void> {
  const bars = taskProgress();
  try {
    await database.waitForIndex(collection, { signal, progress: bars.update });
  } finally {
    bars.end();
  }
}
