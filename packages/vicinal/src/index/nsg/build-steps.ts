/** How NSG's graph is made out of nearest neighbours; see graph/build-steps.ts for what comes before and after. */
import { type GraphJob, type GraphMethod, graphSteps, inParts } from "../graph/build-steps.js";
import { linkAll, rootAtMedoid } from "../graph/flat-graph.js";
import { type LinkPlace, openGraph } from "../graph/graph-memory.js";
import type { VectorStore } from "../vector-store.js";
import { linkNeighbors, type NeighborWork } from "./neighbor-graph.js";

export interface NsgWork {
  degree: number;
  /** Most candidates that neighbours are chosen from. */
  candidates: number;
  nearest: NeighborWork;
  /** The graph of nearest neighbours. */
  source: LinkPlace;
}

/** Shares of the work that the first two parts are, about. */
const NEAREST_SHARE = 0.5;
const CHOICE_SHARE = 0.4;

function* grow(store: VectorStore, job: GraphJob<NsgWork>): Generator<number, void> {
  const { layout, bodyCount, own, slot, ef } = job;
  if (bodyCount === 0) return;
  const { kernels, arena } = store;
  rootAtMedoid(store, job);
  const root = arena.u32[layout.entries >>> 2];
  openGraph(store, layout, root, 0, own.source);
  for (const share of linkNeighbors(store, job, own.nearest, own.source))
    yield Math.floor(share * NEAREST_SHARE * bodyCount);
  const width = Math.max(ef, own.candidates);
  const chosen = inParts(bodyCount, ef * own.source.slots, (first, length) => {
    const nodes = job.order + first * 4;
    kernels.graphLink(own.source.head, layout.head, slot, nodes, length, ef, width, 0, own.degree, 0, 1);
  });
  for (const done of chosen) yield Math.floor(NEAREST_SHARE * bodyCount + CHOICE_SHARE * done);
  const linkedBack = inParts(bodyCount, own.degree * own.degree, (first, length) => {
    kernels.graphLinkBack(layout.head, slot, job.order + first * 4, length, own.degree, 1);
  });
  const before = NEAREST_SHARE + CHOICE_SHARE;
  for (const done of linkedBack) yield Math.floor(before * bodyCount + (1 - before) * done);
}

const method: GraphMethod<NsgWork> = {
  grow,
  add(store, job, first, count) {
    const { ef, own, layout } = job;
    const width = Math.max(ef, own.candidates);
    const rule = { ef, width, visited: false, most: own.degree, keep: own.degree, factor: 1 };
    return linkAll(store, job, layout.head, job.order + first * 4, count, rule);
  },
};

export const nsgSteps = graphSteps(method);
