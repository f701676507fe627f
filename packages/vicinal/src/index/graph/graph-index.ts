/**
 * A searchable graph over a store's vectors, layered or flat: HNSW, NSG and Vamana differ in how it is built, not in how
 * it is walked. It is walked on 8-bit codes where it has them, and the nearest of the beam are measured again on the
 * floats; see the kernels: graph.ts, walk.ts, codes.ts.
 */
import { assert } from "../../runtime/assert.js";
import type { Calibration, SavedIndex, SearchRequest, SearchResult, VectorIndex } from "../contract.js";
import { noHits, placeRequest } from "../search-frame.js";
import type { VectorStore } from "../vector-store.js";
import { allocateSlot, type GraphLayout, graphSections } from "./graph-memory.js";

/** Version of the saved form. */
export const GRAPH_FORMAT = 1;

/** Effort (`ef`, the beam): the default where nothing was measured, and the range in which it means something. */
// scored: distances per place of the beam; measured 12-20 with 32 neighbours.
export const GRAPH_EFFORT = { name: "ef", default: 128, min: 1, max: 65536, scored: 16 };

/** Beams up to this long fit the first slot; a larger effort takes a larger one. */
const INITIAL_POOL = 1024;
/** Of the beam, this many times k, and at least so many, are measured on the floats. */
const REFINE_FACTOR = 2;
const REFINE_LEAST = 20;
/** A filtered beam is so much wider than 1 / selectivity, since filters are rarely spread evenly. */
export const FILTER_MARGIN = 1.5;
/** A filtered walk gives up after so many distances per matching vector: a scan would be cheaper. */
const FILTER_BUDGET = 4;

/** What makes a graph one of its family. Can be posted. */
export interface GraphKind {
  family: string;
  /** By their names in the saved description; `encoding` is that of the layout. */
  parameters: Readonly<Record<string, number | boolean>>;
}

/** What another thread needs to search a graph; can be posted beside the store's handle. */
export interface GraphHandle {
  kind: GraphKind;
  layout: GraphLayout;
  slot: number;
  poolLength: number;
}

export class GraphIndex implements VectorIndex {
  readonly exact = false;
  readonly effort = GRAPH_EFFORT;
  readonly store: VectorStore;
  readonly kind: GraphKind;
  readonly layout: GraphLayout;
  calibration: Calibration | undefined;
  #slot: number;
  #poolLength: number;
  // Addresses in the slot, as indexes of 32-bit words.
  #query = 0;
  #ordinals = 0;
  #distances = 0;
  #stats = 0;

  constructor(
    store: VectorStore,
    kind: GraphKind,
    layout: GraphLayout,
    slot?: Pick<GraphHandle, "slot" | "poolLength">,
  ) {
    this.store = store;
    this.kind = kind;
    this.layout = layout;
    this.#poolLength = slot?.poolLength ?? INITIAL_POOL;
    this.#slot = slot?.slot ?? allocateSlot(store, layout, this.#poolLength);
    this.#locate();
  }

  get family(): string {
    return this.kind.family;
  }

  #locate(): void {
    const { kernels } = this.store;
    this.#query = kernels.slotQuery(this.#slot) >>> 2;
    this.#ordinals = kernels.slotOrdinals(this.#slot) >>> 2;
    this.#distances = kernels.slotDistances(this.#slot) >>> 2;
    this.#stats = kernels.slotStats(this.#slot) >>> 2;
  }

  /** A slot of its own for another thread; give it back with `takeBack`. */
  lend(poolLength = INITIAL_POOL): GraphHandle {
    const { store, kind, layout } = this;
    return { kind, layout, slot: allocateSlot(store, layout, poolLength), poolLength };
  }

  takeBack(handle: GraphHandle): void {
    this.store.arena.release(handle.slot);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, arena } = store;
    const placed = placeRequest(store, request);
    if (!placed) return noHits();
    const { k, bits, matching } = placed;
    const ef = Math.min(layout.count, Math.max(k, Math.ceil(request.effort)));
    let width = ef;
    let budget = 0;
    if (bits) {
      width = Math.min(layout.count, Math.ceil((ef * FILTER_MARGIN * layout.count) / matching));
      budget = Math.max(matching * FILTER_BUDGET, 64 * ef);
    }
    if (width > this.#poolLength) this.#enlarge(width);
    arena.f32.set(request.query, this.#query);
    const refine = Math.min(ef, Math.max(REFINE_LEAST, k * REFINE_FACTOR));
    const found = kernels.graphSearch(layout.head, this.#slot, k, ef, refine, bits, width, budget);
    const ordinals = new Uint32Array(found);
    const distances = new Float32Array(found);
    const { u32, f32 } = arena;
    for (let i = 0; i < found; i++) {
      ordinals[i] = u32[this.#ordinals + i];
      distances[i] = f32[this.#distances + i];
    }
    return {
      ordinals,
      distances,
      exhausted: u32[this.#stats + 2] !== 0,
      stats: { scored: u32[this.#stats], visited: u32[this.#stats + 1] },
    };
  }

  #enlarge(poolLength: number): void {
    assert(!this.store.arena.borrowed, "a lent slot has room for what its thread asks");
    const larger = Math.min(this.layout.count, Math.max(poolLength, this.#poolLength * 2));
    const slot = allocateSlot(this.store, this.layout, larger);
    this.store.arena.release(this.#slot);
    this.#slot = slot;
    this.#poolLength = larger;
    this.#locate();
  }

  memoryBytes(): number {
    return this.layout.bytes;
  }

  codeBytes(): number {
    return this.layout.count * this.layout.codeBytes;
  }

  /** The bytes are views of the store's memory: write them out before it is closed. */
  save(): SavedIndex {
    const { layout, kind, store } = this;
    const layered = layout.upperSlots > 0;
    return {
      family: this.family,
      meta: {
        format: GRAPH_FORMAT,
        count: layout.count,
        dimensions: layout.dimensions,
        metric: layout.metric,
        ...kind.parameters,
        encoding: layout.encoding,
        ...(layered ? this.#layers() : { entryCount: layout.entryCount }),
        calibration: this.calibration ?? null,
      },
      sections: graphSections(store.arena, layout),
    };
  }

  #layers(): Record<string, number> {
    const { layout, store } = this;
    return {
      upperBlocks: layout.upperBlocks,
      entry: store.kernels.graphEntry(layout.head) >>> 0,
      top: store.kernels.graphTop(layout.head),
    };
  }

  /** Gives the graph's memory back to the store, which lives on. */
  release(): void {
    this.store.arena.release(this.#slot);
    this.store.arena.release(this.layout.region);
  }
}

/** A graph that another thread lent. */
export function attachGraph(store: VectorStore, handle: unknown): GraphIndex {
  const { kind, layout, ...slot } = handle as GraphHandle;
  return new GraphIndex(store, kind, layout, slot);
}
