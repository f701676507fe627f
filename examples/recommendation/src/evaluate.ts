/** How good the recommendations are, on ratings that were held out. */
import type { Rating } from "@vicinal/example-data";
import type { Database } from "vicinal";
import { type Factors, LIKED } from "./factors.js";
import { recommendLike, recommendTo } from "./shop.js";

const HITS = 10;
/** Stars from which on a held-out film counts as one that should have been recommended. */
const LOVED = 4;
const DISLIKED = 2.5;

export interface Split {
  known: Rating[];
  /** Of each person the last fifth. */
  heldOut: Rating[];
}

/** Splits by time: a recommendation is for what comes. */
export function splitByTime(ratings: readonly Rating[], share = 0.2): Split {
  const split: Split = { known: [], heldOut: [] };
  for (const own of byUser(ratings).values()) {
    const ordered = [...own].sort((a, b) => a.at - b.at || a.film - b.film);
    const last = Math.max(1, Math.round(ordered.length * share));
    split.known.push(...ordered.slice(0, -last));
    split.heldOut.push(...ordered.slice(-last));
  }
  return split;
}

export function byUser(ratings: readonly Rating[]): Map<number, Rating[]> {
  const groups = new Map<number, Rating[]>();
  for (const rating of ratings) {
    const own = groups.get(rating.user);
    if (own) own.push(rating);
    else groups.set(rating.user, [rating]);
  }
  return groups;
}

export interface Quality {
  /** People with something to be found. */
  people: number;
  /** Mean share of what should have been recommended among the first ten (of at most ten). */
  popular: number;
  byTaste: number;
  byExamples: number;
}

/** recall@10 of three ways: the most popular films, the person's own vector, and their likes and dislikes as examples. */
export async function evaluate(database: Database, split: Split, factors: Factors): Promise<Quality> {
  const known = byUser(split.known);
  const popular = popularFilms(split.known);
  const sums = { people: 0, popular: 0, byTaste: 0, byExamples: 0 };
  for (const [user, own] of byUser(split.heldOut)) {
    const wanted = new Set(own.filter(({ stars }) => stars >= LOVED).map(({ film }) => film));
    const taste = factors.users.get(user);
    const rated = known.get(user) ?? [];
    const seen = rated.map(({ film }) => film);
    const liked = rated.filter(({ stars }) => stars >= LIKED).map(({ film }) => film);
    const disliked = rated.filter(({ stars }) => stars <= DISLIKED).map(({ film }) => film);
    if (wanted.size === 0 || !taste || liked.length === 0) continue;
    const recall = (films: readonly number[]) =>
      films.filter((film) => wanted.has(film)).length / Math.min(HITS, wanted.size);
    const hidden = new Set(seen);
    sums.people++;
    sums.popular += recall(popular.filter((film) => !hidden.has(film)).slice(0, HITS));
    sums.byTaste += recall((await recommendTo(database, taste, seen, HITS)).map(({ id }) => id));
    const examples = await recommendLike(database, liked, disliked, seen, HITS);
    sums.byExamples += recall(examples.map(({ id }) => id));
  }
  const mean = (sum: number) => sum / sums.people;
  return {
    people: sums.people,
    popular: mean(sums.popular),
    byTaste: mean(sums.byTaste),
    byExamples: mean(sums.byExamples),
  };
}

function popularFilms(ratings: readonly Rating[]): number[] {
  const likes = new Map<number, number>();
  for (const { film, stars } of ratings) if (stars >= LIKED) likes.set(film, (likes.get(film) ?? 0) + 1);
  return [...likes].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([film]) => film);
}
