/**
 * The weighted edges that UMAP draws by: how surely two vectors are near to each other.
 *
 * Method: McInnes, Healy, Melville, "UMAP" (2018), algorithms 2 and 3. The nearest neighbour of a vector weighs 1; the others
 * weigh exp(-(distance - nearest) / sigma), where sigma is such that the weights add up to log2 of the number of neighbours. An edge
 * seen from both its ends weighs a + b - ab, the chance that either is true.
 *
 * Parameters: 64 halvings and a tolerance of 1e-5 for sigma, and sigma at least 1/1000 of the mean distance, as in the library.
 * Cost: count x k x at most 64 for sigma, count x k^2 for the union. The library's own graph, a map with a text for each edge,
 * takes seconds for 10,000 vectors and cannot breathe.
 */
import type { Pace } from "./pace.js";
import { type Neighbours, NOBODY } from "./types.js";

interface Edge {
  row: number;
  col: number;
  value: number;
}

/** Edges in the form that the library reads its graph in. */
export class FuzzyGraph {
  readonly nCols: number;

  constructor(
    readonly nRows: number,
    private readonly edges: readonly Edge[],
  ) {
    this.nCols = nRows;
  }

  getAll(): readonly Edge[] {
    return this.edges;
  }

  getValues(): number[] {
    return this.edges.map(({ value }) => value);
  }

  map(change: (value: number, row: number, col: number) => number): FuzzyGraph {
    const edges = this.edges.map(({ row, col, value }) => ({ row, col, value: change(value, row, col) }));
    return new FuzzyGraph(this.nRows, edges);
  }
}

const HALVINGS = 64;
const TOLERANCE = 1e-5;
const LEAST_SIGMA = 1e-3;

/** Each edge twice, once from each end, in order of the first end that knows it. */
export async function fuzzyGraph(neighbours: Neighbours, pace: Pace): Promise<FuzzyGraph> {
  const { count, k, numbers } = neighbours;
  const weights = new Float64Array(count * k);
  const mean = meanDistance(neighbours);
  const target = Math.log2(Math.min(k + 1, count - 1));
  for (let i = 0; i < count; i++) {
    weigh(neighbours, i, target, mean, weights);
    await pace.spend(k * HALVINGS, (0.6 * i) / count);
  }
  const edges: Edge[] = [];
  for (let i = 0; i < count; i++) {
    for (let at = i * k; at < (i + 1) * k; at++) {
      const other = numbers[at];
      if (other === NOBODY || other === i) continue;
      const back = numbers.subarray(other * k, (other + 1) * k).indexOf(i);
      // Known from both ends: the lower one writes it.
      if (back >= 0 && other < i) continue;
      const there = back >= 0 ? weights[other * k + back] : 0;
      const value = weights[at] + there - weights[at] * there;
      edges.push({ row: i, col: other, value }, { row: other, col: i, value });
    }
    await pace.spend(k * (k + 30), 0.6 + (0.4 * i) / count);
  }
  return new FuzzyGraph(count, edges);
}

/** Mean over all vectors' lists, each vector itself among them at 0. */
function meanDistance({ count, k, numbers, distances }: Neighbours): number {
  let sum = 0;
  for (let at = 0; at < count * k; at++) if (numbers[at] !== NOBODY) sum += distances[at];
  return sum / (count * (k + 1));
}

/** Writes the weights of one vector's neighbours. */
function weigh(
  { k, numbers, distances }: Neighbours,
  i: number,
  target: number,
  mean: number,
  weights: Float64Array,
): void {
  const from = i * k;
  let to = from;
  let nearest = 0;
  let sum = 0;
  for (; to < from + k && numbers[to] !== NOBODY; to++) {
    if (nearest === 0) nearest = distances[to];
    sum += distances[to];
  }
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let sigma = 1;
  for (let n = 0; n < HALVINGS; n++) {
    let total = 0;
    for (let at = from; at < to; at++) total += weightOf(distances[at] - nearest, sigma);
    if (Math.abs(total - target) < TOLERANCE) break;
    if (total > target) high = sigma;
    else low = sigma;
    sigma = high === Number.POSITIVE_INFINITY ? sigma * 2 : (low + high) / 2;
  }
  sigma = Math.max(sigma, LEAST_SIGMA * (nearest > 0 ? sum / (to - from + 1) : mean));
  for (let at = from; at < to; at++) weights[at] = weightOf(distances[at] - nearest, sigma);
}

function weightOf(beyond: number, sigma: number): number {
  return beyond > 0 ? Math.exp(-beyond / sigma) : 1;
}
