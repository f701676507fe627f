/**
 * Heads: the centroids of the postings, in a graph in memory, which says which postings are near.
 *
 * Nearness is squared Euclid, for Manhattan Manhattan. For the inner product every vector gets one component more,
 * sqrt(M^2 - x.x) with M the largest norm, and the query a zero: then near in Euclid's sense is large in the
 * inner product's (Bachrach et al., "Speeding up the Xbox recommender system", 2014).
 */
import type { BuildOptions, LoadedIndex, SavedIndex } from "../contract.js";
import { FlatIndex } from "../flat/index.js";
import { attachGraph, type GraphHandle, type GraphIndex } from "../graph/graph-index.js";
import { HNSW_DEFAULTS, hnsw } from "../hnsw/index.js";
import { type StoreHandle, VectorStore } from "../vector-store.js";

/** Up to so many heads are found by the graph, with a beam so many times as wide; more by comparing with all. */
const GRAPH_MOST = 256;
const BEAM_FACTOR = 2;
const BEAM_LEAST = 32;
/** A walk that would pass over this share of the heads is no cheaper than comparing with all. */
const GRAPH_SHARE = 1 / 8;

/** Fewer heads are not linked: comparing with all costs no more than a walk. */
const LEAST_LINKED = 512;

/** What another thread needs to find heads; can be posted. */
export interface HeadsHandle {
  store: StoreHandle;
  graph: GraphHandle | undefined;
  largestNorm: number;
}

export class Heads {
  readonly store: VectorStore;
  /** Undefined where there are so few heads that all are compared. */
  readonly graph: GraphIndex | undefined;
  /** The square of the largest norm where vectors have a component more; else 0. */
  readonly largestNorm: number;
  readonly #scan: FlatIndex;

  private constructor(store: VectorStore, graph: GraphIndex | undefined, largestNorm: number) {
    this.store = store;
    this.graph = graph;
    this.largestNorm = largestNorm;
    this.#scan = new FlatIndex(store);
  }

  /** Links heads that are in the store; takes it over. */
  static async build(store: VectorStore, largestNorm: number, options: BuildOptions): Promise<Heads> {
    const { signal, seed } = options;
    if (store.count < LEAST_LINKED) return new Heads(store, undefined, largestNorm);
    const graph = await hnsw.build(store, HNSW_DEFAULTS, { signal, seed, calibrate: false });
    return new Heads(store, graph as GraphIndex, largestNorm);
  }

  static attach({ store, graph, largestNorm }: HeadsHandle): Heads {
    const attached = VectorStore.attach(store);
    return new Heads(attached, graph && attachGraph(attached, graph), largestNorm);
  }

  get count(): number {
    return this.store.count;
  }

  /** A stored vector, or a query, in the space of the heads. */
  lifted(vector: Float32Array, stored: boolean): Float32Array {
    if (this.largestNorm === 0) return vector;
    let norm = 0;
    for (const x of vector) norm += x * x;
    const result = new Float32Array(vector.length + 1);
    // A query's length does not change the order of inner products; M makes its distances like those of vectors.
    const scale = stored || norm === 0 ? 1 : Math.sqrt(this.largestNorm / norm);
    for (let i = 0; i < vector.length; i++) result[i] = vector[i] * scale;
    if (stored) result[vector.length] = Math.sqrt(Math.max(0, this.largestNorm - norm));
    return result;
  }

  /** Up to `wanted` heads near a lifted vector, nearest first; all of them where as many are wanted. */
  nearest(lifted: Float32Array, wanted: number): { ordinals: Uint32Array; distances: Float32Array } {
    const k = Math.min(wanted, this.count);
    const effort = Math.max(BEAM_LEAST, k * BEAM_FACTOR);
    if (!this.graph || k > GRAPH_MOST || effort > this.count * GRAPH_SHARE)
      return this.#scan.search({ query: lifted, k });
    return this.graph.search({ query: lifted, k, effort });
  }

  /** For one other thread; give it back with `takeBack`. */
  lend(): HeadsHandle {
    const { graph, largestNorm } = this;
    return {
      store: this.store.lend(Math.max(this.count, 1024)),
      graph: graph?.lend(),
      largestNorm,
    };
  }

  takeBack(handle: HeadsHandle): void {
    if (handle.graph) this.graph?.takeBack(handle.graph);
    this.store.takeBack(handle.store);
  }

  memoryBytes(): number {
    return this.store.bytes().byteLength + (this.graph?.memoryBytes() ?? 0);
  }

  /** Sections `heads` and `graph.*`; what describes the graph stands in the meta. */
  save(): Pick<SavedIndex, "meta" | "sections"> {
    const { meta = null, sections = [] } = this.graph?.save() ?? {};
    return {
      meta: { heads: this.count, graph: meta, largestNorm: this.largestNorm },
      sections: [
        { name: "heads", bytes: this.store.bytes() },
        ...sections.map(({ name, bytes }) => ({ name: `graph.${name}`, bytes })),
      ],
    };
  }

  /** Fills an empty store with the heads that were saved; takes it over. */
  static async load(store: VectorStore, saved: LoadedIndex, count: number): Promise<Heads> {
    await store.restore(count, (target) => saved.readInto("heads", target));
    const meta = saved.meta.graph as Record<string, unknown> | null;
    if (!meta) return new Heads(store, undefined, saved.meta.largestNorm as number);
    const graph = await hnsw.load(store, {
      meta,
      length: (name) => saved.length(`graph.${name}`),
      readInto: (name, target) => saved.readInto(`graph.${name}`, target),
    });
    return new Heads(store, graph as GraphIndex, saved.meta.largestNorm as number);
  }

  close(): void {
    this.graph?.release();
    this.store.close();
  }
}
