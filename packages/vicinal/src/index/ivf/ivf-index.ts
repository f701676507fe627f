/**
 * IVF: vectors in lists by their nearest centroid; a query reads the lists nearest to it.
 *
 * Method: Sivic, Zisserman, "Video Google" (2003); Jegou, Douze, Schmid, "Product quantization for nearest neighbor
 * search" (2011); with RaBitQ codes Gao, Long (SIGMOD 2024). k-means finds the centroids, a list holds codes of
 * the residuals in blocks of 32, estimates come from look-up tables in registers, and a vector is measured on its floats
 * when the bound of its estimate beats the k-th best so far. Effort is the number of lists read.
 * Deviations: large lists are split again; tables are made once per query, not per list; every encoding, not only RaBitQ,
 * has an unbiased estimate and a bound; a search that finds fewer than k reads on.
 * Cost: a distance to every centroid, then the codes of the lists read. See the kernels: ivf.ts, fast-scan.ts, rabitq.ts.
 */
import type {
  Calibration,
  EffortDial,
  SavedIndex,
  SearchRequest,
  SearchResult,
  VectorIndex,
} from "../contract.js";
import { noHits, placeRequest } from "../search-frame.js";
import type { VectorStore } from "../vector-store.js";
import type { IvfParameters } from "./defaults.js";
import { allocateSlot, type ListLayout, listSections } from "./list-memory.js";

/** Version of the saved form. */
export const IVF_FORMAT = 1;
/** Where nothing was measured, that is in small stores: a share of the lists that found 0.99 on vectors without clusters. */
const DEFAULT_SHARE = 1 / 4;
const LEAST_DEFAULT = 8;

/** What another thread needs to search an index; can be posted beside the store's handle. */
export interface IvfHandle {
  layout: ListLayout;
  parameters: IvfParameters;
  slot: number;
}

export class IvfIndex implements VectorIndex {
  readonly family = "ivf";
  readonly exact = false;
  readonly effort: EffortDial;
  readonly store: VectorStore;
  readonly layout: ListLayout;
  readonly parameters: IvfParameters;
  calibration: Calibration | undefined;
  readonly #slot: number;
  readonly #stats: number;

  constructor(store: VectorStore, layout: ListLayout, parameters: IvfParameters, slot?: number) {
    this.store = store;
    this.layout = layout;
    this.parameters = parameters;
    const { lists } = layout;
    const usual = Math.max(LEAST_DEFAULT, Math.ceil(lists * DEFAULT_SHARE));
    this.effort = {
      name: "probes",
      default: usual,
      min: 1,
      max: Math.max(1, lists),
      scored: Math.ceil(layout.count / Math.max(1, lists)),
    };
    this.#slot = slot ?? allocateSlot(store, layout);
    this.#stats = store.kernels.ivfStats(this.#slot) >>> 2;
  }

  /** A slot of its own for another thread; give it back with `takeBack`. */
  lend(): IvfHandle {
    const { store, layout, parameters } = this;
    return { layout, parameters, slot: allocateSlot(store, layout) };
  }

  takeBack(handle: IvfHandle): void {
    this.store.arena.release(handle.slot);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, scratch } = store;
    const placed = placeRequest(store, request);
    if (!placed) return noHits();
    const { k, bits } = placed;
    scratch.ensure(k);
    const probes = Math.min(layout.lists, Math.max(1, Math.ceil(request.effort)));
    const found = kernels.ivfSearch(
      layout.head,
      this.#slot,
      scratch.query,
      k,
      probes,
      bits,
      scratch.keys,
      scratch.ordinals,
      scratch.distances,
    );
    const { u32 } = store.arena;
    return {
      ...scratch.takeHits(found),
      exhausted: u32[this.#stats + 3] !== 0,
      stats: { scored: u32[this.#stats], visited: u32[this.#stats + 1] },
    };
  }

  /** Vectors that the last search measured on their floats. */
  get refined(): number {
    return this.store.arena.u32[this.#stats + 2];
  }

  memoryBytes(): number {
    return this.layout.bytes;
  }

  /** The bytes are views of the store's memory: write them out before it is closed. */
  save(): SavedIndex {
    const { layout, parameters, store } = this;
    return {
      family: this.family,
      meta: {
        format: IVF_FORMAT,
        count: layout.count,
        dimensions: layout.dimensions,
        metric: store.metric,
        encoding: layout.encoding,
        lists: layout.lists,
        blocks: layout.blocks,
        iterations: parameters.iterations,
        epsilon: parameters.epsilon,
        calibration: this.calibration ?? null,
      },
      sections: listSections(store.arena, layout),
    };
  }

  /** Gives the index's memory back to the store, which lives on. */
  release(): void {
    this.store.arena.release(this.#slot);
    this.store.arena.release(this.layout.region);
  }
}

/** Lists that another thread lent. */
export function attachLists(store: VectorStore, handle: unknown): IvfIndex {
  const { layout, parameters, slot } = handle as IvfHandle;
  return new IvfIndex(store, layout, parameters, slot);
}
