/**
 * Chooses the number of functions k and the width w from a sample, by the collision probabilities.
 *
 * With near distances r (to the tenth neighbour) and far distances c (of random pairs): k is the least for which a
 * bucket holds few vectors that are not near, count * mean p(c)^k <= BUCKET_SIZE; among the widths, that for which the
 * near ones meet the query's bucket most often, mean p(r)^k. The means are over the sampled distances, not p of a
 * mean distance: clustered data have two kinds of pairs.
 */
import { throwIfCancelled, yieldToOthers } from "../../runtime/cancel.js";
import { seededRandom } from "../../runtime/random.js";
import type { BuildOptions } from "../contract.js";
import { FlatIndex } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import { cauchyCollision, gaussianCollision, hyperplaneCollision } from "./collision.js";
import { BUCKET_SIZE, type HashName, type LshParameters, MOST_FUNCTIONS } from "./defaults.js";

/** Vectors whose neighbours are looked for, and random partners of each. */
const SAMPLES = 32;
const PARTNERS = 64;
/** The neighbour whose distance counts as near. */
const NEIGHBOUR = 10;
/** Widths tried, in near distances: below 1 near vectors part, beyond 32 no number of functions tells far ones apart. */
const widths = [0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32];

export interface Sample {
  /** Distances of the metric the functions are made for: Euclid, Manhattan, or angles in radians. */
  near: number[];
  far: number[];
}

export interface Chosen {
  functions: number;
  width: number;
}

/** Near and far distances of a store of at least two vectors. */
export async function sampleDistances(
  store: VectorStore,
  hash: HashName,
  largest: number,
  seed: number,
  options: BuildOptions,
): Promise<Sample> {
  const { count } = store;
  const random = seededRandom(seed ^ 0x2c1b3c6d);
  const scan = new FlatIndex(store);
  const near: number[] = [];
  const far: number[] = [];
  for (let i = 0; i < SAMPLES; i++) {
    const query = store.get(Math.floor(random() * count));
    const measure = measureOf(store, hash, largest, query);
    // One more than wanted: the query is its own neighbour.
    near.push(measure(scan.search({ query, k: Math.min(count, NEIGHBOUR + 1) }).distances.at(-1)!));
    const partners = Uint32Array.from({ length: PARTNERS }, () => Math.floor(random() * count));
    for (const distance of scan.distances(query, partners)) far.push(measure(distance));
    await yieldToOthers();
    throwIfCancelled(options.signal);
  }
  return { near, far };
}

/** From the engine's distance to the one that the functions' theorem speaks of. */
function measureOf(
  store: VectorStore,
  hash: HashName,
  largest: number,
  query: Float32Array,
): (distance: number) => number {
  const angle = (cosine: number) => Math.acos(Math.min(1, Math.max(-1, cosine)));
  const byAngle = hash === "hyperplane" || hash === "cross-polytope";
  switch (store.metric) {
    case "Euclid":
      return (distance) => Math.sqrt(Math.max(0, distance));
    case "Manhattan":
      return (distance) => distance;
    case "Cosine":
      return byAngle ? (distance) => angle(1 - distance) : (distance) => Math.sqrt(Math.max(0, 2 * distance));
    case "Dot": {
      // With its tail a stored vector is as long as the longest; the query's tail is 0.
      const scale = Math.sqrt(largest * query.reduce((sum, x) => sum + x * x, 0)) || 1;
      return (distance) => angle(-distance / scale);
    }
  }
}

/** Functions and width for `count` vectors; what was given stays. */
export function choose(
  sample: Sample,
  count: number,
  hash: HashName,
  metric: VectorStore["metric"],
  given: Pick<LshParameters, "functions" | "width">,
): Chosen {
  if (hash === "hyperplane") {
    const functions =
      given.functions === "auto"
        ? leastFunctions(sample.far.map(hyperplaneCollision), count, hash)
        : given.functions;
    return { functions, width: 1 };
  }
  const collision = metric === "Manhattan" ? cauchyCollision : gaussianCollision;
  const unit = median(sample.near) || median(sample.far) || 1;
  const tried = given.width === "auto" ? widths.map((factor) => factor * unit) : [given.width];
  let best: Chosen | undefined;
  let bestMeeting = -1;
  for (const width of tried) {
    const far = sample.far.map((distance) => collision(distance, width));
    const functions = given.functions === "auto" ? leastFunctions(far, count, hash) : given.functions;
    // Far vectors that so many functions cannot tell apart: this width is of use only if it is the narrowest.
    if (best && count * meanPower(far, functions) > 2 * BUCKET_SIZE) break;
    const meeting = meanPower(
      sample.near.map((distance) => collision(distance, width)),
      functions,
    );
    if (meeting > bestMeeting) {
      best = { functions, width };
      bestMeeting = meeting;
    }
  }
  return best!;
}

function leastFunctions(probabilities: number[], count: number, hash: HashName): number {
  let functions = 1;
  while (functions < MOST_FUNCTIONS[hash] && count * meanPower(probabilities, functions) > BUCKET_SIZE)
    functions++;
  return functions;
}

function meanPower(probabilities: number[], exponent: number): number {
  return probabilities.reduce((sum, p) => sum + Math.max(0, p) ** exponent, 0) / probabilities.length;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
