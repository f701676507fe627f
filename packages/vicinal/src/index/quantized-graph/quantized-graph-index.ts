/**
 * Quantized graph: a graph whose vertices carry 1-bit codes of their neighbours beside the edges.
 *
 * Method: Gou, Gao, Xu, Long, "SymphonyQG: Towards Symphonious Integration of Quantization and Graph for Approximate
 * Nearest Neighbor Search" (2025, arXiv 2411.12229), after NGT-QG; codes: RaBitQ (2024).
 * Idea: visiting a vertex measures it exactly, which is its answer, and estimates all its neighbours by one look-up pass
 * over codes that lie in its own record; nothing else of them is read. Every vertex has a multiple of 32 neighbours.
 * Parameters: see defaults.ts. Effort: places of the beam, about as many vertices are visited.
 * Deviations: see the kernels qgraph.ts (metrics, 16-bit factors, entries by codes), qgraph-walk.ts and qgraph-link.ts.
 * Cost: 4 log d + bits / 4 operations of 16 bytes for a query, bits / 4 look-ups of 32 codes and d multiplications per
 * vertex visited; degree x (8 + bits / 8) bytes per vector.
 */
import { assert } from "../../runtime/assert.js";
import type { Calibration, SavedIndex, SearchRequest, SearchResult, VectorIndex } from "../contract.js";
import type { VectorStore } from "../vector-store.js";
import { QUANTIZED_GRAPH_EFFORT, type QuantizedGraphParameters } from "./defaults.js";
import { allocateSlot, type GraphLayout, graphSections } from "./graph-memory.js";

/** Version of the saved form. */
export const QUANTIZED_GRAPH_FORMAT = 1;

/** Beams up to this long fit the first slot; a larger effort takes a larger one. */
const INITIAL_POOL = 1024;
/** Of a selective filter: the beam is so much wider than 1 / selectivity, since filters are rarely spread evenly. */
const FILTER_MARGIN = 1.5;
/** A filtered walk gives up after so many estimates per matching vector: a scan would be cheaper. */
const FILTER_BUDGET = 16;

/** What a measurement's slot must hold: any beam that a search of `count` vectors may take. */
export function poolLengthFor(count: number): number {
  return Math.max(INITIAL_POOL, count);
}

export class QuantizedGraphIndex implements VectorIndex {
  readonly family = "quantized-graph";
  readonly exact = false;
  readonly effort = QUANTIZED_GRAPH_EFFORT;
  readonly store: VectorStore;
  readonly layout: GraphLayout;
  readonly parameters: QuantizedGraphParameters;
  calibration: Calibration | undefined;
  #slot: number;
  #poolLength: number;

  /** `scratch`: a slot of the calling thread; by default it takes one. The graph must be open. */
  constructor(
    store: VectorStore,
    layout: GraphLayout,
    parameters: QuantizedGraphParameters,
    scratch?: { slot: number; poolLength: number },
  ) {
    this.store = store;
    this.layout = layout;
    this.parameters = parameters;
    this.#poolLength = scratch?.poolLength ?? INITIAL_POOL;
    this.#slot = scratch?.slot ?? allocateSlot(store, layout, this.#poolLength);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, scratch } = store;
    const { count } = layout;
    assert(request.query.length === layout.dimensions, "a query has the store's dimensions");
    const k = Math.min(request.k, count);
    if (k <= 0) return emptyResult();
    const ef = Math.min(count, Math.max(k, Math.ceil(request.effort)));
    let width = ef;
    let bits = 0;
    let budget = 0;
    if (request.bits) {
      scratch.putBits(request.bits, count);
      bits = scratch.bits;
      const matching = kernels.countBits(bits, count);
      if (matching === 0) return emptyResult();
      const margin = matching * 2 > count ? 1 : FILTER_MARGIN;
      width = Math.min(count, Math.ceil((ef * margin * count) / matching));
      budget = Math.max(matching * FILTER_BUDGET, layout.degree * width);
    }
    if (width > this.#poolLength) this.#enlarge(width);
    const slot = this.#slot;
    store.arena.f32.set(request.query, kernels.qgraphQuery(slot) >>> 2);
    const found = kernels.qgraphSearch(
      layout.head,
      slot,
      k,
      width,
      bits ? ef : Math.max(2 * k, 20),
      bits,
      budget,
    );
    const { u32, f32 } = store.arena;
    const ordinals = kernels.qgraphOrdinals(slot) >>> 2;
    const distances = kernels.qgraphDistances(slot) >>> 2;
    const stats = kernels.qgraphStats(slot) >>> 2;
    return {
      ordinals: u32.slice(ordinals, ordinals + found),
      distances: f32.slice(distances, distances + found),
      exhausted: u32[stats + 2] !== 0,
      stats: { scored: u32[stats], visited: u32[stats + 1] },
    };
  }

  #enlarge(poolLength: number): void {
    assert(!this.store.arena.borrowed, "a lent slot has room for what its thread asks");
    const larger = Math.min(this.layout.count, Math.max(poolLength, this.#poolLength * 2));
    const slot = allocateSlot(this.store, this.layout, larger);
    this.store.arena.release(this.#slot);
    this.#slot = slot;
    this.#poolLength = larger;
  }

  memoryBytes(): number {
    return this.layout.bytes;
  }

  /** The bytes are views of the store's memory: write them out before it is closed. */
  save(): SavedIndex {
    const { layout, parameters, store } = this;
    const { count, dimensions, metric, bits, degree, rootBlocks, sphere } = layout;
    return {
      family: this.family,
      meta: {
        format: QUANTIZED_GRAPH_FORMAT,
        ...{ count, dimensions, metric, bits, degree, rootBlocks, sphere },
        efConstruct: parameters.efConstruct,
        rounds: parameters.rounds,
        calibration: this.calibration ?? null,
      },
      sections: graphSections(store, layout),
    };
  }

  /** Gives the graph's memory back to the store, which lives on. */
  release(): void {
    this.store.arena.release(this.#slot);
    this.store.arena.release(this.layout.region);
  }
}

function emptyResult(): SearchResult {
  return {
    ordinals: new Uint32Array(0),
    distances: new Float32Array(0),
    exhausted: true,
    stats: { scored: 0, visited: 0 },
  };
}
