/** How Vamana's graph grows: from a random one, in two passes; see graph/build-steps.ts for what comes before and after. */
import { seededRandom, seededWords } from "../../runtime/random.js";
import { type GraphJob, type GraphMethod, graphSteps, inParts } from "../graph/build-steps.js";
import { type LinkRule, linkAll, rootAtMedoid } from "../graph/flat-graph.js";
import { type LinkPlace, NO_NODE, openGraph } from "../graph/graph-memory.js";
import type { VectorStore } from "../vector-store.js";

export interface VamanaWork {
  degree: number;
  /** Of the second pass, and of all that is added later. */
  factor: number;
  /** The graph in the making, whose lists are longer; and its body in random order. */
  making: LinkPlace | undefined;
  shuffled: number;
}

const rule = (job: GraphJob<VamanaWork>, factor: number): LinkRule => {
  const { degree } = job.own;
  return { ef: job.ef, width: job.ef, visited: true, most: degree, keep: degree, factor };
};

function* grow(store: VectorStore, job: GraphJob<VamanaWork>): Generator<number, void> {
  const { layout, bodyCount, own } = job;
  const { making } = own;
  if (bodyCount === 0 || !making) return;
  rootAtMedoid(store, job);
  const { u32 } = store.arena;
  const root = u32[layout.entries >>> 2];
  drawStart(store, job, making);
  openGraph(store, layout, root, 0, making);
  const passes = [1, own.factor];
  for (const [pass, factor] of passes.entries()) {
    shuffle(u32.subarray(own.shuffled >>> 2, (own.shuffled >>> 2) + bodyCount), job.seed + pass);
    const linked = linkAll(store, job, making.head, own.shuffled, bodyCount, rule(job, factor));
    for (const done of linked) yield Math.floor((pass * bodyCount + done) / passes.length);
  }
  const { kernels } = store;
  const trimmed = inParts(bodyCount, layout.slots * 4, (first, length) => {
    const nodes = job.order + first * 4;
    kernels.graphTrim(making.head, layout.head, job.slot, nodes, length, own.factor);
  });
  // Progress has counted the whole body already.
  for (const _ of trimmed) yield bodyCount;
}

/** Random neighbours, `degree` of them, for every node of the body, which is copied to be shuffled. */
function drawStart(store: VectorStore, job: GraphJob<VamanaWork>, { links, slots }: LinkPlace): void {
  const { own, bodyCount, layout } = job;
  const { u32 } = store.arena;
  const body = u32.subarray(job.order >>> 2, (job.order >>> 2) + bodyCount);
  u32.set(body, own.shuffled >>> 2);
  u32.fill(NO_NODE, links >>> 2, (links >>> 2) + layout.count * slots);
  const next = seededWords(job.seed);
  const wanted = Math.min(own.degree, bodyCount - 1);
  for (const node of body) {
    const drawn = new Set<number>();
    for (let tries = 0; drawn.size < wanted && tries < 4 * wanted; tries++) {
      const other = body[next() % bodyCount];
      if (other !== node) drawn.add(other);
    }
    let at = (links >>> 2) + node * slots;
    for (const other of drawn) u32[at++] = other;
  }
}

function shuffle(list: Uint32Array, seed: number): void {
  const random = seededRandom(seed);
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    const other = list[j];
    list[j] = list[i];
    list[i] = other;
  }
}

const method: GraphMethod<VamanaWork> = {
  grow,
  add(store, job, first, count) {
    const list = job.order + first * 4;
    return linkAll(store, job, job.layout.head, list, count, rule(job, job.own.factor));
  },
};

export const vamanaSteps = graphSteps(method);
