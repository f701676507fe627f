/**
 * Positions on a plane in which near vectors stay near.
 *
 * Method: McInnes, Healy, Melville, "UMAP: uniform manifold approximation and projection for dimension reduction" (2018), in the
 * library umap-js of Google PAIR (Apache-2.0), which is built in (tools/bundle-analysis.mjs) and loaded when first needed.
 * The graph of edges is our own (fuzzy-graph.ts), the curve and the epochs are the library's. Positions start at random, edges pull
 * their ends together and random others are pushed away, more gently from epoch to epoch.
 *
 * Parameters: minDist 0.1 and spread 1, the paper's; epochs by the library: 500 up to 2,500 vectors, 400 up to 5,000, 300 up to
 * 7,500, 200 beyond.
 * Cost: edges (count x k to twice that) per epoch, five pushes for each pull: 7 seconds for 2,500 vectors with 15 neighbours, 14 for
 * 10,000, 55 for 30,000. Neither the library's preparation nor an epoch breathes: at 30,000 vectors 1.5 and 0.3 seconds. Project
 * a sample of larger collections.
 */
import { seededRandom } from "../runtime/random.js";
import { fuzzyGraph } from "./fuzzy-graph.js";
import { Pace } from "./pace.js";
import { type Breath, type Neighbours, NOBODY } from "./types.js";

export interface UmapOptions {
  /** Least distance of positions, 0 up to `spread`; default 0.1. Smaller packs clusters more tightly. */
  minDist?: number;
  /** Unit of the picture, above 0; default 1. */
  spread?: number;
  /** Rounds, from 1; default: 500 for few vectors, 200 for more than 7,500. */
  epochs?: number;
  /** Default 0. The same neighbours, options and seed give the same positions. */
  seed?: number;
  /** count * 2 positions to start from, such as principal components, which keep the large picture; default: random. */
  start?: Float32Array;
}

/** Share of the work that the graph takes, roughly. */
const GRAPH_SHARE = 0.2;
/** Pulls along edges between two breaths: some milliseconds. */
const SLICE_EDGES = 100_000;
/** Where positions start: within so much of 0, as the library's random ones do. */
const START_RANGE = 10;

/** Projects on a plane: count * 2 positions, centred on 0, without a unit. */
export async function umapPositions(
  neighbours: Neighbours,
  options: UmapOptions,
  breath: Breath,
): Promise<Float32Array> {
  const { count, k } = neighbours;
  await breath(0);
  const random = seededRandom(options.seed ?? 0);
  const linked = neighbours.numbers.some((number) => number !== NOBODY);
  // Too few for a graph: on a circle.
  if (count < 4 || !linked) return circle(count, options.spread ?? 1);
  const { UMAP } = await import("./bundled/umap.js");
  const umap = new UMAP({
    nComponents: 2,
    // The library counts a vector among its own neighbours, and wants more vectors than neighbours.
    nNeighbors: Math.min(k + 1, count - 1),
    minDist: options.minDist ?? 0.1,
    spread: options.spread ?? 1,
    nEpochs: options.epochs ?? 0,
    random,
  });
  const pace = new Pace(breath);
  pace.part(0, GRAPH_SHARE);
  const graph = await fuzzyGraph(neighbours, pace);
  // Where there are neighbours, the library looks for none; they are in the graph already.
  umap.setPrecomputedKNN([], []);
  umap.fuzzySimplicialSet = () => graph;
  // Only vectors that are added later would need it.
  umap.makeSearchGraph = () => undefined;
  const epochs = umap.initializeFit(new Array<number>(count).fill(0));
  const embedding = umap.getEmbedding();
  if (options.start) startAt(embedding, options.start);
  await breath(GRAPH_SHARE);
  const every = Math.max(1, Math.floor(SLICE_EDGES / (count * (k + 1))));
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step();
    if (epoch % every === 0) await breath(GRAPH_SHARE + ((1 - GRAPH_SHARE) * (epoch + 1)) / epochs);
  }
  await breath(1);
  return centred(umap.getEmbedding());
}

/** Moves the positions to the given ones, scaled into the range of the library's random ones, in place. */
function startAt(embedding: number[][], start: Float32Array): void {
  let largest = 0;
  for (let i = 0; i < embedding.length * 2; i++) largest = Math.max(largest, Math.abs(start[i]));
  // The library's random positions remain as a trace, so that no two begin in one place.
  const factor = largest > 0 ? START_RANGE / largest : 0;
  embedding.forEach((position, i) => {
    for (let d = 0; d < 2; d++) position[d] = start[i * 2 + d] * factor + position[d] / 1000;
  });
}

function centred(embedding: number[][]): Float32Array {
  const positions = new Float32Array(embedding.length * 2);
  for (let d = 0; d < 2; d++) {
    let mean = 0;
    for (const position of embedding) mean += position[d] / embedding.length;
    for (let i = 0; i < embedding.length; i++) positions[i * 2 + d] = embedding[i][d] - mean;
  }
  return positions;
}

function circle(count: number, radius: number): Float32Array {
  const positions = new Float32Array(count * 2);
  if (count < 2) return positions;
  for (let i = 0; i < count; i++) {
    positions[i * 2] = radius * Math.cos((2 * Math.PI * i) / count);
    positions[i * 2 + 1] = radius * Math.sin((2 * Math.PI * i) / count);
  }
  return positions;
}
