/** The films as points: what people's ratings say of a film as a vector, its words as another, the rest as payload. */
import type { Film, FilmText } from "@vicinal/example-data";
import type { Database } from "vicinal";
import type { Factors } from "./factors.js";

export const collection = "films";
const BATCH = 1000;

/** What a film's words are: a sparse vector by the model BM25, which the database has. */
export function wordsOf(text: string) {
  return { text, model: "qdrant/bm25", options: { avg_len: 40 } };
}

/** What is written about a film, or its title and genres. */
export function textOf(film: Film, texts: ReadonlyMap<string, FilmText>): string {
  const { title, genres } = film;
  const known = texts.get(titleKey(film.title, film.year));
  return [title, genres.join(" "), known?.genres.join(" ") ?? "", known?.extract ?? ""].join(". ");
}

/** The same film in two catalogues: "Matrix, The" is "The Matrix". */
export function titleKey(title: string, year?: number): string {
  const turned = title.replace(/ \(.*\)$/, "").replace(/^(.*), (The|A|An)$/i, "$2 $1");
  return `${turned
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, " ")
    .trim()} ${year ?? ""}`;
}

export async function fillShop(
  database: Database,
  films: readonly Film[],
  texts: readonly FilmText[],
  factors: Factors,
): Promise<void> {
  await database.createCollection(collection, {
    vectors: { taste: { size: factors.size, distance: "Dot" } },
    sparse_vectors: { words: { modifier: "idf" } },
  });
  for (const [field_name, field_schema] of [
    ["year", "integer"],
    ["genres", "keyword"],
  ] as const)
    await database.createPayloadIndex(collection, { field_name, field_schema });
  const byTitle = new Map(texts.map((text) => [titleKey(text.title, text.year), text]));
  for (let from = 0; from < films.length; from += BATCH)
    await database.upsert(collection, {
      points: films.slice(from, from + BATCH).map((film) => {
        const taste = factors.films.get(film.id);
        const { id, title, year, genres } = film;
        return {
          id,
          vector: { words: wordsOf(textOf(film, byTitle)), ...(taste ? { taste } : {}) },
          payload: { title, year, genres },
        };
      }),
    });
}

export interface Wishes {
  genres?: string[];
  /** First and last year. */
  years?: { from?: number; to?: number };
}

/** What must hold of a film that is recommended to somebody who has seen those. */
export function filterOf({ genres = [], years }: Wishes, seen: readonly number[]) {
  return {
    must: [
      ...genres.map((value) => ({ key: "genres", match: { value } })),
      ...(years ? [{ key: "year", range: { gte: years.from, lte: years.to } }] : []),
    ],
    must_not: [{ has_id: [...seen] }],
  };
}

export interface Recommended {
  id: number;
  score: number;
  title: string;
  year?: number;
  genres: string[];
}

/** For somebody who has a vector: the largest inner products. */
export async function recommendTo(
  database: Database,
  taste: Float32Array,
  seen: readonly number[],
  limit: number,
  wishes: Wishes = {},
): Promise<Recommended[]> {
  return ask(database, { query: Array.from(taste) }, seen, limit, wishes);
}

/** For anybody, by what they liked and did not like. */
export async function recommendLike(
  database: Database,
  liked: readonly number[],
  disliked: readonly number[],
  seen: readonly number[],
  limit: number,
  wishes: Wishes = {},
): Promise<Recommended[]> {
  const recommend = { positive: [...liked], negative: [...disliked], strategy: "average_vector" as const };
  return ask(database, { query: { recommend } }, seen, limit, wishes);
}

async function ask(
  database: Database,
  query: object,
  seen: readonly number[],
  limit: number,
  wishes: Wishes,
): Promise<Recommended[]> {
  const { points } = await database.query(collection, {
    ...query,
    using: "taste",
    filter: filterOf(wishes, seen),
    limit,
    with_payload: true,
  });
  return points.map(({ id, score, payload }) => ({
    ...(payload as unknown as Omit<Recommended, "id" | "score">),
    id: Number(id),
    score,
  }));
}
