/**
 * Principal components: the few directions along which the vectors spread most, and where each vector lies on them.
 *
 * Method: Halko, Martinsson, Tropp, "Finding structure with randomness" (2011), algorithm 4.4, randomized subspace iteration.
 * A few random directions are multiplied by the covariance again and again and made orthonormal in between, until they span
 * the largest components; a small eigenproblem inside that span (Rayleigh, Ritz) tells them apart.
 *
 * Parameters: 8 directions more than asked for (the paper advises 5 to 10); 6 rounds, so that a following component with 90 %
 * of the variance still loses (0.9^12 against the oversampled rest, which is smaller still).
 * Cost: 8 passes over the vectors of 2 x count x dimensions x (components + 8); the covariance itself is never written out.
 */
import { seededWords } from "../runtime/random.js";
import { symmetricEigen } from "./eigen.js";
import { Pace } from "./pace.js";
import type { Breath, Vectors } from "./types.js";

export interface PcaOptions {
  /** Directions wanted, from 1; default 2. Beyond the dimensions they are 0. */
  components?: number;
  /** Default 0. */
  seed?: number;
}

export interface PrincipalComponents {
  /** count * components: centred vectors on the components, in the unit of the vectors. */
  positions: Float32Array;
  /** components: share of the whole variance that each explains, 0..1, falling; 0 where nothing varies. */
  explained: number[];
}

const OVERSAMPLING = 8;
const ROUNDS = 6;

/**
 * The largest principal components. A component points to where its largest number (by amount, the first of equals) is
 * positive, so that the same vectors never come out mirrored.
 */
export async function principalComponents(
  vectors: Vectors,
  options: PcaOptions,
  breath: Breath,
): Promise<PrincipalComponents> {
  const { count, dimensions } = vectors;
  const components = Math.max(1, Math.floor(options.components ?? 2));
  const pace = new Pace(breath);
  await pace.now(0);
  const positions = new Float32Array(count * components);
  if (count === 0 || dimensions === 0) return { positions, explained: new Array(components).fill(0) };
  const { mean, variance } = await moments(vectors, pace);
  const width = Math.min(dimensions, components + OVERSAMPLING);
  const basis = randomNumbers(dimensions * width, options.seed ?? 0);
  orthonormalise(basis, dimensions, width);
  const image = new Float64Array(dimensions * width);
  const ritz = new Float64Array(width * width);
  for (let round = 0; round <= ROUNDS; round++) {
    pace.part((round + 1) / (ROUNDS + 3), (round + 2) / (ROUNDS + 3));
    image.fill(0);
    ritz.fill(0);
    await project(vectors, mean, basis, width, pace, (row, seen) => {
      for (let a = 0; a < width; a++)
        for (let b = 0; b < width; b++) ritz[a * width + b] += seen[a] * seen[b];
      if (round < ROUNDS) addOuter(image, vectors, row, mean, seen, width);
    });
    if (round === ROUNDS) break;
    basis.set(image);
    orthonormalise(basis, dimensions, width);
  }
  const { values, vectors: inner } = symmetricEigen(ritz, width);
  const axes = rotateBasis(basis, inner, dimensions, width);
  pace.part((ROUNDS + 2) / (ROUNDS + 3), 1);
  const shown = Math.min(components, width);
  await project(vectors, mean, axes, width, pace, (row, seen) => {
    for (let c = 0; c < shown; c++) positions[row * components + c] = seen[c];
  });
  await pace.now(1);
  const explained = Array.from({ length: components }, (_, c) =>
    variance > 0 && c < width ? Math.min(1, Math.max(0, values[c]) / variance) : 0,
  );
  return { positions, explained };
}

/** The mean vector, and the sum of squared distances to it. */
async function moments(vectors: Vectors, pace: Pace): Promise<{ mean: Float64Array; variance: number }> {
  const { count, dimensions, data } = vectors;
  pace.part(0, 1 / (ROUNDS + 3));
  const mean = new Float64Array(dimensions);
  let variance = 0;
  const block = Pace.rows(dimensions);
  for (const pass of [0, 1]) {
    for (let from = 0; from < count; from += block) {
      const to = Math.min(count, from + block);
      for (let i = from; i < to; i++)
        for (let j = 0; j < dimensions; j++) {
          const x = data[i * dimensions + j];
          if (pass === 0) mean[j] += x / count;
          else variance += (x - mean[j]) ** 2;
        }
      await pace.spend((to - from) * dimensions, (pass + to / count) / 2);
    }
  }
  return { mean, variance };
}

/** Tells `use` of each row where it lies on the `width` directions (dimensions * width numbers, by rows). */
async function project(
  vectors: Vectors,
  mean: Float64Array,
  directions: Float64Array,
  width: number,
  pace: Pace,
  use: (row: number, seen: Float64Array) => void,
): Promise<void> {
  const { count, dimensions, data } = vectors;
  const seen = new Float64Array(width);
  const block = Pace.rows(2 * dimensions * width);
  for (let from = 0; from < count; from += block) {
    const to = Math.min(count, from + block);
    for (let i = from; i < to; i++) {
      seen.fill(0);
      for (let j = 0; j < dimensions; j++) {
        const x = data[i * dimensions + j] - mean[j];
        for (let c = 0; c < width; c++) seen[c] += x * directions[j * width + c];
      }
      use(i, seen);
    }
    await pace.spend((to - from) * 2 * dimensions * width, to / count);
  }
}

function addOuter(
  image: Float64Array,
  vectors: Vectors,
  row: number,
  mean: Float64Array,
  seen: Float64Array,
  width: number,
): void {
  const { dimensions, data } = vectors;
  for (let j = 0; j < dimensions; j++) {
    const x = data[row * dimensions + j] - mean[j];
    for (let c = 0; c < width; c++) image[j * width + c] += x * seen[c];
  }
}

/** Gram and Schmidt, twice for the sake of rounding; a column that depends on those before becomes 0. */
function orthonormalise(basis: Float64Array, dimensions: number, width: number): void {
  const product = (a: number, b: number) => {
    let sum = 0;
    for (let j = 0; j < dimensions; j++) sum += basis[j * width + a] * basis[j * width + b];
    return sum;
  };
  for (let c = 0; c < width; c++) {
    const before = Math.sqrt(product(c, c));
    for (let pass = 0; pass < 2; pass++)
      for (let b = 0; b < c; b++) {
        const along = product(b, c);
        for (let j = 0; j < dimensions; j++) basis[j * width + c] -= along * basis[j * width + b];
      }
    const length = Math.sqrt(product(c, c));
    const factor = length > 1e-12 * before ? 1 / length : 0;
    for (let j = 0; j < dimensions; j++) basis[j * width + c] *= factor;
  }
}

/** basis * inner, each column with the sign that the docstring promises. */
function rotateBasis(
  basis: Float64Array,
  inner: Float64Array,
  dimensions: number,
  width: number,
): Float64Array {
  const axes = new Float64Array(dimensions * width);
  for (let c = 0; c < width; c++) {
    let largest = 0;
    for (let j = 0; j < dimensions; j++) {
      let sum = 0;
      for (let b = 0; b < width; b++) sum += basis[j * width + b] * inner[b * width + c];
      axes[j * width + c] = sum;
      // A hair of tolerance, so that rounding does not choose between equals.
      if (Math.abs(sum) > Math.abs(largest) * (1 + 1e-9)) largest = sum;
    }
    if (largest < 0) for (let j = 0; j < dimensions; j++) axes[j * width + c] *= -1;
  }
  return axes;
}

/** Normally distributed numbers (Box, Muller 1958). */
function randomNumbers(count: number, seed: number): Float64Array {
  const word = seededWords(seed);
  return Float64Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log((word() + 1) / (2 ** 32 + 1)));
    return radius * Math.cos((2 * Math.PI * word()) / 2 ** 32);
  });
}
