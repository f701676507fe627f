/**
 * LSH: hash functions under which near vectors collide more often than far ones; the colliding ones are measured.
 *
 * Methods: Datar, Immorlica, Indyk, Mirrokni, "Locality-sensitive hashing scheme based on p-stable distributions" (2004);
 * Charikar, "Similarity estimation techniques from rounding algorithms" (2002), hyperplanes; Andoni, Indyk, Laarhoven,
 * Razenshteyn, Schmidt, "Practical and optimal LSH for angular distance" (2015), cross-polytope; Lv, Josephson, Wang,
 * Charikar, Li, "Multi-probe LSH" (2007), query-directed probes; Neyshabur, Srebro (2015), inner product by angle.
 * Idea: L tables of k concatenated functions; a query looks into its own bucket of each table, then into those that
 * its neighbours most likely fell into, by how near the query lies to each function's boundaries.
 * Parameters: see defaults.ts; k and w are chosen from a sample (choose.ts). Effort: buckets probed, over all tables.
 * Deviations: probes of all tables share one order instead of a number per table; buckets are not capped, so that
 * identical vectors are all found; effort beyond the number of buckets is a scan.
 * Cost: L k d multiplications for a query (cross-polytope: L k d log d), then d per candidate; 8 L bytes per vector
 * and about 2 L for the cells.
 */
import type {
  Calibration,
  EffortDial,
  SavedIndex,
  SearchRequest,
  SearchResult,
  VectorIndex,
} from "../contract.js";
import { FlatIndex } from "../flat/index.js";
import { noHits, placeRequest } from "../search-frame.js";
import type { VectorStore } from "../vector-store.js";
import { LSH_EFFORT } from "./defaults.js";
import { allocateWork, answerBytes, type TableLayout, tableSections } from "./table-memory.js";

/** Version of the saved form. */
export const LSH_FORMAT = 1;

/** Probes beyond this share of the buckets read so many vectors, one by one, that a scan is faster. */
const MOST_PROBED = 0.5;

export class LshIndex implements VectorIndex {
  readonly family = "lsh";
  readonly exact = false;
  readonly effort: EffortDial;
  readonly store: VectorStore;
  readonly layout: TableLayout;
  /** Different buckets of the first table; 0 for a store that is not hashed. */
  readonly buckets: number;
  calibration: Calibration | undefined;
  readonly #scan: FlatIndex;
  readonly #answer: number;
  readonly #work: number;

  /** `work`: a scratch of the calling thread; by default it takes one. */
  constructor(store: VectorStore, layout: TableLayout, buckets: number, work?: number) {
    this.store = store;
    this.layout = layout;
    this.buckets = buckets;
    const max = Math.max(1, Math.min(LSH_EFFORT.max, Math.ceil(buckets * MOST_PROBED)));
    this.effort = {
      name: "probes",
      default: Math.min(LSH_EFFORT.default, max),
      min: LSH_EFFORT.min,
      max,
      scored: Math.ceil(store.count / Math.max(1, buckets)),
    };
    this.#scan = new FlatIndex(store);
    this.#answer = layout.tables > 0 ? (work ?? allocateWork(store, layout)) : 0;
    this.#work = this.#answer + answerBytes(store);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, scratch } = store;
    const placed = placeRequest(store, request);
    if (!placed) return noHits();
    const { k, bits, matching } = placed;
    // As many matching vectors as an open search would see; they are counted before they are measured.
    const effort = Math.ceil((Math.max(1, Math.ceil(request.effort)) * layout.count) / matching);
    if (effort >= this.buckets) return this.#scan.search({ ...request, k });
    scratch.ensure(k);
    const found = kernels.lshSearch(
      layout.head,
      this.#work,
      this.#answer,
      scratch.query,
      bits,
      effort,
      k,
      scratch.keys,
      scratch.ordinals,
      scratch.distances,
    );
    const { u32 } = store.arena;
    const stats = this.#work >>> 2;
    return {
      ...scratch.takeHits(found),
      // The probes have an end before all buckets are read; only a scan answers more then.
      exhausted: effort >= LSH_EFFORT.max || u32[stats + 2] !== 0,
      stats: { scored: u32[stats + 1], visited: u32[stats] },
    };
  }

  memoryBytes(): number {
    return this.layout.bytes;
  }

  /** The bytes are views of the store's memory: write them out before it is closed. */
  save(): SavedIndex {
    const { layout, store } = this;
    const { count, dimensions, hash, tables, functions, width, largest, lastAxes } = layout;
    return {
      family: this.family,
      meta: {
        format: LSH_FORMAT,
        count,
        dimensions,
        metric: store.metric,
        ...{ hash, tables, functions, width, largest, lastAxes },
        buckets: this.buckets,
        calibration: this.calibration ?? null,
      },
      sections: tableSections(store, layout),
    };
  }

  /** Gives the tables' memory back to the store, which lives on. */
  release(): void {
    if (this.#answer) this.store.arena.release(this.#answer);
    this.store.arena.release(this.layout.region);
  }
}
