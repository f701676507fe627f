/** What the flat graphs share: the node in the middle, and how a node is added to a finished graph. */
import { FlatIndex } from "../flat/index.js";
import type { VectorStore } from "../vector-store.js";
import { type GraphJob, inParts } from "./build-steps.js";
import { openGraph } from "./graph-memory.js";

/** Entries of a flat graph: walks start at all of them, and soon go on from the nearest. */
export const ENTRIES = 32;

/** Rows that the centroid is taken of, at most. */
const CENTROID_ROWS = 20_000;

/** Makes the node nearest to the centroid the root: the first entry, from which all others are reached. */
export function rootAtMedoid<M>(store: VectorStore, job: GraphJob<M>): void {
  const { layout, bodyCount, reached } = job;
  const { kernels, arena, rows, count, dimensions } = store;
  if (bodyCount === 0) return;
  const centroid = reached + dimensions * 8;
  kernels.meanOf(rows, dimensions, count, Math.max(1, Math.floor(count / CENTROID_ROWS)), reached, centroid);
  const bits = new Uint32Array((count + 31) >>> 5);
  const order = arena.u32.subarray(job.order >>> 2, (job.order >>> 2) + bodyCount);
  for (const node of order) bits[node >>> 5] |= 1 << (node & 31);
  const query = arena.f32.slice(centroid >>> 2, (centroid >>> 2) + dimensions);
  const medoid = new FlatIndex(store).search({ query, k: 1, bits }).ordinals[0];
  const entries = arena.u32.subarray(layout.entries >>> 2, (layout.entries >>> 2) + layout.entryCount);
  const at = Math.max(0, entries.indexOf(medoid));
  entries[at] = entries[0];
  entries[0] = medoid;
  openGraph(store, layout, medoid, 0);
}

/** How nodes are added to a finished flat graph, one after the other. */
export interface LinkRule {
  /** Beam; and how many of the nodes that it comes across are candidates. */
  ef: number;
  width: number;
  /** Candidates are the nodes that were expanded, not all that were scored. */
  visited: boolean;
  /** Neighbours that are chosen, and those that a full list keeps when it gets one more. */
  most: number;
  keep: number;
  /** See the kernels' neighbours.ts. */
  factor: number;
}

/** Links `count` nodes of a list to a graph, each with links back at once; yields how many are done. */
export function* linkAll<M>(
  store: VectorStore,
  job: GraphJob<M>,
  head: number,
  list: number,
  count: number,
  rule: LinkRule,
): Generator<number, void> {
  const { ef, width, visited, most, keep, factor } = rule;
  yield* inParts(count, ef * job.layout.slots, (first, length) => {
    const nodes = list + first * 4;
    store.kernels.graphLink(
      head,
      head,
      job.slot,
      nodes,
      length,
      ef,
      width,
      visited ? 1 : 0,
      most,
      keep,
      factor,
    );
  });
}
