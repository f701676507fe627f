/**
 * A film that nobody has rated yet: its words find rated films, and the mean of their vectors is taken for its own.
 *
 * Measured by taking films out of the ratings before factorising: does a film that somebody liked get a larger score for them than one of those
 * films that they never rated? The share of pairs for which that is so is the area under the curve (AUC); 0.5 is chance.
 */
import type { Film, FilmText, Rating } from "@vicinal/example-data";
import type { Database } from "vicinal";
import { byUser } from "./evaluate.js";
import { type Factors, LIKED } from "./factors.js";
import { collection, textOf, titleKey, wordsOf } from "./shop.js";

/** Rated films that speak for a new one. */
const NEIGHBOURS = 15;
/** A film with fewer likes says nothing about a method. */
const LEAST_LIKES = 10;

/** Films with a text whose ratings can be hidden: every third one that enough people liked. */
export function coldFilms(
  films: readonly Film[],
  texts: readonly FilmText[],
  ratings: readonly Rating[],
): Film[] {
  const known = new Set(texts.map(({ title, year }) => titleKey(title, year)));
  const likes = new Map<number, number>();
  for (const { film, stars } of ratings) if (stars >= LIKED) likes.set(film, (likes.get(film) ?? 0) + 1);
  const candidates = films.filter(
    ({ id, title, year }) => known.has(titleKey(title, year)) && (likes.get(id) ?? 0) >= LEAST_LIKES,
  );
  return candidates.filter((_, i) => i % 3 === 0);
}

/** The vector of a film by its words alone; undefined when no rated film shares one. */
export async function tasteByWords(
  database: Database,
  text: string,
  size: number,
): Promise<Float32Array | undefined> {
  const { points } = await database.query(collection, {
    query: wordsOf(text),
    using: "words",
    filter: { must: [{ has_vector: "taste" }] },
    limit: NEIGHBOURS,
    with_vector: ["taste"],
  });
  if (points.length === 0) return undefined;
  const mean = new Float32Array(size);
  let weights = 0;
  for (const { score, vector } of points) {
    const { taste } = vector as unknown as { taste: Float32Array };
    weights += score;
    for (let i = 0; i < size; i++) mean[i] += score * taste[i];
  }
  return mean.map((x) => x / weights);
}

export interface ColdQuality {
  /** Films that were taken out, and people who liked some of them and not rated others. */
  films: number;
  people: number;
  /** Mean AUC of these people. */
  auc: number;
}

export async function evaluateCold(
  database: Database,
  cold: readonly Film[],
  texts: readonly FilmText[],
  ratings: readonly Rating[],
  factors: Factors,
): Promise<ColdQuality> {
  const byTitle = new Map(texts.map((text) => [titleKey(text.title, text.year), text]));
  const tastes = new Map<number, Float32Array>();
  for (const film of cold) {
    const taste = await tasteByWords(database, textOf(film, byTitle), factors.size);
    if (taste) tastes.set(film.id, taste);
  }
  let people = 0;
  let sum = 0;
  for (const [user, own] of byUser(ratings)) {
    const vector = factors.users.get(user);
    const stars = new Map(own.map((rating) => [rating.film, rating.stars]));
    if (!vector) continue;
    const scored = [...tastes]
      .filter(([film]) => (stars.get(film) ?? LIKED) >= LIKED)
      .map(([film, taste]) => ({ score: dot(vector, taste), wanted: stars.has(film) }));
    const liked = scored.filter(({ wanted }) => wanted).length;
    if (liked === 0 || liked === scored.length) continue;
    people++;
    sum += areaUnderCurve(scored);
  }
  return { films: tastes.size, people, auc: sum / people };
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The share of pairs of a wanted and another one in which the wanted one scores higher. */
export function areaUnderCurve(scored: { score: number; wanted: boolean }[]): number {
  const ordered = [...scored].sort((a, b) => a.score - b.score);
  let below = 0;
  let pairs = 0;
  let wantedCount = 0;
  for (const { wanted } of ordered) {
    if (!wanted) below++;
    else {
      pairs += below;
      wantedCount++;
    }
  }
  return pairs / (wantedCount * below);
}
