/**
 * Closure assignment: a vector goes to its nearest head, and to further ones that are hardly farther, so that a query
 * which comes from another side finds it too. A head that lies behind one already chosen (nearer to it than to the vector)
 * is passed over: what reads that one would read the other as well.
 */
import type { VectorStore } from "../vector-store.js";
import { CANDIDATE_HEADS, LONGEST_POSTING, OCCLUSION, type PostingsParameters } from "./defaults.js";
import { Heads, type HeadsHandle } from "./heads.js";
import { NO_CLUSTER } from "./train-steps.js";

export interface AssignJob {
  heads: HeadsHandle | Heads;
  parameters: PostingsParameters;
  /** count x replicas u32: the heads chosen for each vector, nearest first, NO_CLUSTER behind the last. */
  chosen: number;
}

/** Vectors between two yields. */
const STEP = 256;

/** Yields vectors done. */
export function* assignSteps(store: VectorStore, job: AssignJob): Generator<number, void> {
  const heads = job.heads instanceof Heads ? job.heads : Heads.attach(job.heads);
  const { replicas } = job.parameters;
  for (let i = 0; i < store.count; i++) {
    const at = (job.chosen >>> 2) + i * replicas;
    const chosen = closure(heads, heads.lifted(store.view(i), true), job.parameters);
    for (let j = 0; j < replicas; j++) store.arena.u32[at + j] = chosen[j] ?? NO_CLUSTER;
    if (i % STEP === STEP - 1) yield i + 1;
  }
}

function closure(heads: Heads, vector: Float32Array, parameters: PostingsParameters): number[] {
  const { replicas, closure: ratio } = parameters;
  const squared = heads.store.metric !== "Manhattan";
  const { ordinals, distances } = heads.nearest(vector, replicas * CANDIDATE_HEADS);
  const power = squared ? 2 : 1;
  const farthest = distances[0] * ratio ** power;
  const occlusion = OCCLUSION ** power;
  const chosen: number[] = [];
  for (let i = 0; i < ordinals.length && chosen.length < replicas; i++) {
    if (chosen.length > 0 && distances[i] > farthest) break;
    const head = heads.store.view(ordinals[i]);
    const near = (other: number) => apart(heads.store.view(other), head, squared) * occlusion < distances[i];
    if (!chosen.some(near)) chosen.push(ordinals[i]);
  }
  return chosen;
}

function apart(a: Float32Array, b: Float32Array, squared: boolean): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i] - b[i];
    sum += squared ? difference * difference : Math.abs(difference);
  }
  return sum;
}

/**
 * Lets no posting grow beyond its bound: the nearest heads of all vectors come first, then the second, and so on; a full
 * posting takes no further one. A vector whose nearest posting is full stands in that of its own cluster, which is small.
 * Takes back from `chosen` what had no room; returns the postings' sizes.
 */
export function boundPostings(
  chosen: Uint32Array,
  clusters: Uint32Array,
  heads: number,
  { replicas, postingSize }: PostingsParameters,
): Uint32Array {
  const sizes = new Uint32Array(heads);
  const most = postingSize * LONGEST_POSTING;
  const count = clusters.length;
  for (let rank = 0; rank < replicas; rank++) {
    for (let i = 0; i < count; i++) {
      const at = i * replicas + rank;
      if (chosen[at] === NO_CLUSTER) continue;
      if (sizes[chosen[at]] < most) sizes[chosen[at]]++;
      else if (rank === 0 && clusters[i] !== NO_CLUSTER) {
        chosen.fill(NO_CLUSTER, at + 1, at + replicas);
        chosen[at] = clusters[i];
        sizes[clusters[i]]++;
      } else if (rank === 0) sizes[chosen[at]]++;
      else chosen[at] = NO_CLUSTER;
    }
  }
  return sizes;
}
