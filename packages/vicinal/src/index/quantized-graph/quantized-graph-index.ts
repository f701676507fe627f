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
import { geometricLadder, type MeasureOptions } from "../measure.js";
import { noHits, placeRequest } from "../search-frame.js";
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
const NO_BUDGET = 0xffffffff;

/** Of the visited, this many times k, and at least so many, are measured on the floats. */
const REFINE_FACTOR = 2;
const REFINE_LEAST = 20;

/** Places of the widest beam that a measurement takes. */
export const measuredPool = (count: number) => Math.min(count, 65536);

/** Efforts to measure: from k on, as far as a filtered beam fits the measurement's slot. */
export function measureOptions(count: number): MeasureOptions {
  return {
    masked: false,
    growing: false,
    ladder: (k, selectivity) => {
      // A tenth less: how many vectors pass a random filter is not known to the last one.
      const widest = selectivity === 1 ? 2048 : (measuredPool(count) * selectivity * 0.9) / FILTER_MARGIN;
      return geometricLadder(Math.max(k, Math.min(4096, Math.floor(widest))), k);
    },
    dear: { effort: 256, queries: 100 },
  };
}

/** What another thread needs to search an index; can be posted beside the store's handle. */
export interface QuantizedGraphHandle {
  layout: GraphLayout;
  parameters: QuantizedGraphParameters;
  slot: number;
  poolLength: number;
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

  /** A slot of its own for another thread; give it back with `takeBack`. */
  lend(poolLength = INITIAL_POOL): QuantizedGraphHandle {
    const { store, layout, parameters } = this;
    return { layout, parameters, slot: allocateSlot(store, layout, poolLength), poolLength };
  }

  takeBack(handle: QuantizedGraphHandle): void {
    this.store.arena.release(handle.slot);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, scratch } = store;
    const { count } = layout;
    const placed = placeRequest(store, request);
    if (!placed) return noHits();
    const { k, bits, matching } = placed;
    const ef = Math.min(count, Math.max(k, Math.ceil(request.effort)));
    const refine = Math.max(REFINE_LEAST, k * REFINE_FACTOR);
    let width = ef;
    let budget = 0;
    if (bits) {
      const margin = matching * 2 > count ? 1 : FILTER_MARGIN;
      width = Math.min(count, Math.ceil((ef * margin * count) / matching));
      budget = width === count ? NO_BUDGET : Math.max(matching * FILTER_BUDGET, layout.degree * width);
    }
    const keep = Math.min(count, Math.max(refine, bits ? ef : 0));
    if (Math.max(width, keep) > this.#poolLength) this.#enlarge(Math.max(width, keep));
    const slot = this.#slot;
    const { head } = layout;
    const found = kernels.qgraphSearch(head, slot, scratch.query, k, width, keep, refine, bits, budget);
    const { u32, f32 } = store.arena;
    const ordinals = kernels.qgraphOrdinals(slot) >>> 2;
    const distances = kernels.qgraphDistances(slot) >>> 2;
    const stats = kernels.qgraphStats(slot) >>> 2;
    return {
      ordinals: new Uint32Array(u32.subarray(ordinals, ordinals + found)),
      distances: new Float32Array(f32.subarray(distances, distances + found)),
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

/** A graph that another thread lent. */
export function attachQuantizedGraph(store: VectorStore, handle: unknown): QuantizedGraphIndex {
  const lent = handle as QuantizedGraphHandle;
  return new QuantizedGraphIndex(store, lent.layout, lent.parameters, lent);
}
