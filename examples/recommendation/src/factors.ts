/**
 * Vectors of people and films such that their inner product says who likes what.
 *
 * Method: Hu, Koren, Volinsky, "Collaborative filtering for implicit feedback datasets" (2008): alternating least squares. Each pair
 * of person and film has a preference, 1 where the film was liked and else 0, and a confidence in it: 1 for what was never rated, more for
 * what was. With the films' vectors fixed, each person's is the solution of a small linear system, and the other way round.
 * Parameters: among those that did best on the last fifth of the ratings that are not held out.
 * Cost: per round, ratings x size^2 + (people + films) x size^3 / 6.
 */
import type { Rating } from "@vicinal/example-data";

export interface FactorOptions {
  /** Dimensions of the vectors. */
  size: number;
  rounds: number;
  /** What large vectors cost. */
  regularisation: number;
  /** Confidence in a rating beside the 1 that everything has. */
  confidence: number;
  seed: number;
}

export const defaults: FactorOptions = {
  size: 32,
  rounds: 12,
  regularisation: 8,
  confidence: 4,
  seed: 1,
};

export interface Factors {
  size: number;
  /** By id of the person or film; only those with ratings have one. */
  users: Map<number, Float32Array>;
  films: Map<number, Float32Array>;
}

/** Stars from which on somebody liked a film. */
export const LIKED = 3.5;

interface Side {
  ids: number[];
  /** Per id: places on the other side, and whether each was liked. */
  rated: { other: number; liked: boolean }[][];
  vectors: Float64Array;
}

export function factorise(ratings: readonly Rating[], options: Partial<FactorOptions> = {}): Factors {
  const chosen = { ...defaults, ...options };
  const users = side(ratings, "user", "film");
  const films = side(ratings, "film", "user");
  const { size, rounds } = chosen;
  users.vectors = new Float64Array(users.ids.length * size);
  films.vectors = start(films.ids.length * size, chosen.seed);
  for (let round = 0; round < rounds; round++) {
    solve(users, films.vectors, chosen);
    solve(films, users.vectors, chosen);
  }
  return { size, users: byId(users, size), films: byId(films, size) };
}

function side(ratings: readonly Rating[], own: "user" | "film", other: "user" | "film"): Side {
  const places = (of: "user" | "film") => {
    const ids = [...new Set(ratings.map((rating) => rating[of]))];
    return { ids, place: new Map(ids.map((id, i) => [id, i])) };
  };
  const { ids, place } = places(own);
  const others = places(other).place;
  const rated: Side["rated"] = ids.map(() => []);
  for (const rating of ratings)
    rated[place.get(rating[own]) as number].push({
      other: others.get(rating[other]) as number,
      liked: rating.stars >= LIKED,
    });
  return { ids, rated, vectors: new Float64Array(0) };
}

/** Small numbers that are the same each time. */
function start(length: number, seed: number): Float64Array {
  let state = seed >>> 0;
  return Float64Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) * 0.1;
  });
}

/** Solves (Y'Y + Y'(C - 1)Y + l) x = Y'Cp for each of a side, Y being the other side's vectors. */
function solve(
  { rated, vectors }: Side,
  fixed: Float64Array,
  { size, regularisation, confidence }: FactorOptions,
): void {
  const base = new Float64Array(size * size);
  for (let at = 0; at < fixed.length; at += size) addSquare(base, fixed, at, size, 1);
  for (let i = 0; i < size; i++) base[i * size + i] += regularisation;
  const matrix = new Float64Array(size * size);
  const right = new Float64Array(size);
  rated.forEach((list, place) => {
    matrix.set(base);
    right.fill(0);
    for (const { other, liked } of list) {
      const at = other * size;
      addSquare(matrix, fixed, at, size, confidence);
      if (liked) for (let i = 0; i < size; i++) right[i] += (1 + confidence) * fixed[at + i];
    }
    cholesky(matrix, right, size);
    vectors.set(right, place * size);
  });
}

/** Adds `weight` times the lower triangle of a vector's product with itself. */
function addSquare(
  matrix: Float64Array,
  vectors: Float64Array,
  at: number,
  size: number,
  weight: number,
): void {
  for (let i = 0; i < size; i++) {
    const factor = weight * vectors[at + i];
    for (let j = 0; j <= i; j++) matrix[i * size + j] += factor * vectors[at + j];
  }
}

/** Solves in place a positive definite system of which the lower triangle is given. */
function cholesky(matrix: Float64Array, right: Float64Array, size: number): void {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j];
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k] * matrix[j * size + k];
      matrix[i * size + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * size + j];
    }
  }
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < i; k++) right[i] -= matrix[i * size + k] * right[k];
    right[i] /= matrix[i * size + i];
  }
  for (let i = size - 1; i >= 0; i--) {
    for (let k = i + 1; k < size; k++) right[i] -= matrix[k * size + i] * right[k];
    right[i] /= matrix[i * size + i];
  }
}

function byId({ ids, vectors }: Side, size: number): Map<number, Float32Array> {
  return new Map(ids.map((id, i) => [id, Float32Array.from(vectors.subarray(i * size, (i + 1) * size))]));
}
