/** The graph of nearest neighbours that NSG is made from, by NN-Descent; see the kernels' nn-descent.ts. */
import { type GraphJob, inParts } from "../graph/build-steps.js";
import { type LinkPlace, NO_NODE } from "../graph/graph-memory.js";
import type { VectorStore } from "../vector-store.js";
import { ENOUGH_CHANGED, ROUNDS, SAMPLE } from "./defaults.js";

/** Where NN-Descent works. */
export interface NeighborWork {
  neighbors: number;
  /** The kernels' NnDescent. */
  head: number;
  /** Per node `neighbors` keys of 8 bytes, and `nnSampleBytes(SAMPLE)` bytes. */
  lists: number;
  samples: number;
}

/** Finds the neighbours of all nodes of the body and writes them as the links of `target`; yields a share of 0..1. */
export function* linkNeighbors<M>(
  store: VectorStore,
  job: GraphJob<M>,
  work: NeighborWork,
  target: LinkPlace,
): Generator<number, void> {
  const { kernels, arena } = store;
  const { bodyCount: count, slot, layout } = job;
  const { head, neighbors } = work;
  kernels.initNn(head, layout.head, job.order, count, neighbors, work.lists, SAMPLE, work.samples, job.seed);
  // A round takes about as long as the start; later ones are shorter.
  const share = (round: number, done: number) => (round + done / count) / (ROUNDS + 1);
  yield* shares(
    0,
    inParts(count, neighbors, (first, length) => kernels.nnFill(head, slot, first, first + length)),
  );
  for (let round = 1; round <= ROUNDS; round++) {
    let changed = 0;
    kernels.nnClear(head, 0, count);
    yield* still(
      round,
      inParts(count, neighbors, (first, length) => kernels.nnSample(head, first, first + length)),
    );
    yield* still(
      round,
      inParts(count, neighbors, (first, length) => kernels.nnOffer(head, first, first + length)),
    );
    const joined = inParts(count, 6 * SAMPLE * SAMPLE, (first, length) => {
      changed += kernels.nnJoin(head, slot, first, first + length);
    });
    yield* shares(round, joined);
    if (changed <= ENOUGH_CHANGED * count * neighbors) break;
  }
  const links = target.links >>> 2;
  arena.u32.fill(NO_NODE, links, links + layout.count * target.slots);
  yield* still(
    ROUNDS,
    inParts(count, neighbors, (first, length) => kernels.nnLinks(head, target.head, first, first + length)),
  );

  function* shares(round: number, steps: Generator<number, void>): Generator<number, void> {
    for (const done of steps) yield share(round, done);
  }
  function* still(round: number, steps: Generator<number, void>): Generator<number, void> {
    for (const _ of steps) yield share(round, 0);
  }
}
