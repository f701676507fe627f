/** How NSG's graph is made out of nearest neighbours; see graph/build-steps.ts for what comes before and after. */
import { type GraphJob, type GraphMethod, graphSteps, inParts } from "../graph/build-steps.js";
import { type Perform, partStart, share } from "../graph/crew.js";
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
/** Nodes whose links are chosen at a stretch. */
const CHOSEN_PER_PART = 16;

function* grow(store: VectorStore, job: GraphJob<NsgWork>): Generator<number, void> {
  const { layout, bodyCount, own, slot } = job;
  if (bodyCount === 0) return;
  const { kernels, arena } = store;
  rootAtMedoid(store, job);
  const root = arena.u32[layout.entries >>> 2];
  openGraph(store, layout, root, 0, own.source);
  for (const part of linkNeighbors(store, job, own.nearest, own.source))
    yield Math.floor(part * NEAREST_SHARE * bodyCount);
  const parts = Math.ceil(bodyCount / CHOSEN_PER_PART);
  const chosen = share(job.crew, performer(store, job), { kind: 0, first: 0, count: bodyCount, parts });
  for (const done of chosen) yield Math.floor(bodyCount * (NEAREST_SHARE + (CHOICE_SHARE * done) / parts));
  const linkedBack = inParts(bodyCount, own.degree * own.degree, (first, length) => {
    kernels.graphLinkBack(layout.head, slot, job.order + first * 4, length, own.degree, 1);
  });
  const before = NEAREST_SHARE + CHOICE_SHARE;
  for (const done of linkedBack) yield Math.floor(before * bodyCount + (1 - before) * done);
}

/** A node's links are chosen in one graph and written into another: threads share that. */
function performer(store: VectorStore, job: GraphJob<NsgWork>): Perform {
  const { kernels } = store;
  const { layout, own, slot, ef } = job;
  const { source, degree } = own;
  const width = Math.max(ef, own.candidates);
  return (_kind, first, count, part, parts) => {
    const from = first + partStart(count, part, parts);
    const length = first + partStart(count, part + 1, parts) - from;
    const nodes = job.order + from * 4;
    kernels.graphLink(source.head, layout.head, slot, nodes, length, ef, width, 0, degree, 0, 1);
  };
}

export const nsgMethod: GraphMethod<NsgWork> = {
  grow,
  perform: performer,
  add(store, job, first, count) {
    const { ef, own, layout } = job;
    const width = Math.max(ef, own.candidates);
    const rule = { ef, width, visited: false, most: own.degree, keep: own.degree, factor: 1 };
    return linkAll(store, job, layout.head, job.order + first * 4, count, rule);
  },
};

export const nsgSteps = graphSteps(nsgMethod);
