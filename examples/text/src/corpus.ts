/** Films' descriptions as points with two vectors: what a model makes of the meaning, and BM25's of the words. */
import type { FilmText } from "@vicinal/example-data";
import type { FillReport, Model } from "@vicinal/extract";
import type { Database } from "vicinal";

export const collection = "films";
const BATCH = 64;
/** What of a description goes to the model: it was made for sentences, and its time grows with their length. */
const SENTENCES = 2;

export function wordsOf(text: string) {
  return { text, model: "qdrant/bm25", options: { avg_len: 45 } };
}

export async function createCorpus(database: Database, dimensions: number): Promise<void> {
  if ((await database.collectionExists(collection)).exists) return;
  await database.createCollection(collection, {
    vectors: { meaning: { size: dimensions, distance: "Cosine" } },
    sparse_vectors: { words: { modifier: "idf" } },
  });
  await database.createPayloadIndex(collection, { field_name: "genres", field_schema: "keyword" });
  await database.createPayloadIndex(collection, { field_name: "year", field_schema: "integer" });
}

/** Stores the films that are not there yet; a stopped run is resumed by the next. */
export async function fillCorpus(
  database: Database,
  films: readonly FilmText[],
  model: Model<string>,
  onProgress: (report: Pick<FillReport, "stored" | "seen">) => void = () => {},
): Promise<void> {
  let stored = 0;
  for (let from = 0; from < films.length; from += BATCH) {
    const batch = films.slice(from, from + BATCH);
    const known = new Set(
      (await database.retrieve(collection, { ids: batch.map(({ id }) => id), with_payload: false })).map(
        ({ id }) => Number(id),
      ),
    );
    const wanted = batch.filter(({ id }) => !known.has(id));
    if (wanted.length > 0) {
      const { vectors, failures } = await model.embed(wanted.map(beginningOf));
      if (failures.length > 0) throw failures[0].error;
      await database.upsert(collection, {
        points: wanted.map(({ id, ...film }, i) => ({
          id,
          vector: {
            meaning: vectors[i] as Float32Array,
            words: wordsOf(`${film.title}. ${film.extract}`),
          },
          payload: film,
        })),
      });
      stored += wanted.length;
    }
    onProgress({ stored, seen: from + batch.length });
  }
}

function beginningOf({ title, extract }: FilmText): string {
  const sentences = extract.match(/[^.!?]+[.!?]+(\s|$)/g) ?? [extract];
  return `${title}. ${sentences.slice(0, SENTENCES).join("")}`.slice(0, 400);
}

export interface Found {
  id: number;
  score: number;
  title: string;
  year: number;
  extract: string;
}

export type Way = "words" | "meaning" | "both";

/** Films by the words of a question, by its meaning, or by both, fused by rank (RRF). */
export async function searchFilms(
  database: Database,
  model: Model<string>,
  question: string,
  way: Way,
  limit: number,
): Promise<Found[]> {
  const words = wordsOf(question);
  const meaning = async () => {
    const { vectors, failures } = await model.embed([question], { kind: "query" });
    if (!vectors[0]) throw failures[0].error;
    return Array.from(vectors[0]);
  };
  const depth = Math.max(50, limit);
  const request =
    way === "words"
      ? { query: words, using: "words" }
      : way === "meaning"
        ? { query: await meaning(), using: "meaning" }
        : {
            prefetch: [
              { query: words, using: "words", limit: depth },
              { query: await meaning(), using: "meaning", limit: depth },
            ],
            query: { fusion: "rrf" as const },
          };
  const { points } = await database.query(collection, { ...request, limit, with_payload: true });
  return points.map(({ id, score, payload }) => ({
    ...(payload as unknown as Omit<Found, "id" | "score">),
    id: Number(id),
    score,
  }));
}

export interface Topic {
  size: number;
  words: string[];
  example: string;
}

/** What the films are about: clusters of their meanings, each with the words that mark it. */
export async function topicsOf(database: Database, count: number): Promise<Topic[]> {
  const found = await database.analyze(collection, {
    using: "meaning",
    kmeans: { k: count },
    words: { key: "extract", limit: 6 },
  });
  if (!("clusters" in found)) return [];
  const topics: Topic[] = [];
  for (const { size, words = [], representative } of found.clusters) {
    const [point] = await database.retrieve(collection, { ids: [representative], with_payload: ["title"] });
    topics.push({ size, words, example: String(point?.payload?.title) });
  }
  return topics.sort((a, b) => b.size - a.size);
}
