/**
 * A searchable tree of balls over a store's vectors; the ball tree and the k-means tree differ in how their nodes are
 * parted (split.ts) and in the order in which a search visits them (`factor`, see the kernels' tree.ts).
 *
 * Effort counts vectors that are compared with the query (a leaf is always finished), not pivots. At effort >= count, or
 * >= the number of those that pass the filter, floats are compared, only bounds end a search, and the answer is that of
 * the exact scan.
 * Below that, where the tree has 8-bit codes, these are compared and the best are measured again on the floats.
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
import type { SplitRule } from "./split.js";
import { type Encoding, type TreeLayout, treeSections } from "./tree-memory.js";

/** Version of the saved form. */
export const TREE_FORMAT = 1;

/**
 * An exact search visits nodes in the order of their bounds, which is the fewest; under a budget the order of centres
 * finds more (100,000 words, ball tree, effort 1,024: recall 0.78 against 0.68).
 */
const BY_BOUND = -1;

/** Of the codes compared, this many times k, and at least so many, are measured on the floats. */
const REFINE_FACTOR = 2;
const REFINE_LEAST = 20;

/** What makes a tree one of its family. Can be posted. */
export interface TreeKind {
  family: string;
  rule: SplitRule;
  encoding: Encoding;
  /** Under a budget, nodes are visited in the order of their centres, wide ones nearer by this share of their spread. */
  factor: number;
  /** Effort where nothing was measured; undefined for all vectors, which is exact. */
  defaultEffort: number | undefined;
}

/** What another thread needs to search a tree; can be posted beside the store's handle. */
export interface TreeHandle {
  kind: TreeKind;
  layout: TreeLayout;
  slot: number;
}

export class TreeIndex implements VectorIndex {
  readonly exact = false;
  readonly store: VectorStore;
  readonly kind: TreeKind;
  readonly layout: TreeLayout;
  calibration: Calibration | undefined;
  readonly #slot: number;
  readonly #stats: number;

  constructor(store: VectorStore, kind: TreeKind, layout: TreeLayout, slot?: number) {
    this.store = store;
    this.kind = kind;
    this.layout = layout;
    this.#slot = slot ?? allocateTreeSlot(store, layout);
    this.#stats = store.kernels.treeSlotStats(this.#slot) >>> 2;
  }

  get family(): string {
    return this.kind.family;
  }

  get effort(): EffortDial {
    const max = Math.max(1, this.layout.count);
    return { name: "checks", default: Math.min(max, this.kind.defaultEffort ?? max), min: 1, max, scored: 1 };
  }

  /** A slot of its own for another thread; give it back with `takeBack`. */
  lend(): TreeHandle {
    const { store, kind, layout } = this;
    return { kind, layout, slot: allocateTreeSlot(store, layout) };
  }

  takeBack(handle: TreeHandle): void {
    this.store.arena.release(handle.slot);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, scratch } = store;
    const placed = placeRequest(store, request);
    if (!placed) return noHits();
    const { bits, matching } = placed;
    const k = Math.min(placed.k, matching);
    const exact = request.effort >= matching;
    const coded = layout.codeBytes > 0 && !exact;
    const width = coded ? Math.min(matching, refinedFor(k)) : 0;
    scratch.ensure(Math.max(k, width));
    const effort = Math.max(1, Math.min(layout.count, Math.ceil(request.effort)));
    const found = kernels.treeSearch(
      layout.head,
      scratch.query,
      k,
      effort,
      bits,
      width,
      exact ? BY_BOUND : this.kind.factor,
      scratch.keys,
      scratch.ordinals,
      scratch.distances,
      this.#slot,
    );
    const { u32 } = store.arena;
    return {
      ...scratch.takeHits(found),
      exhausted: u32[this.#stats + 2] !== 0,
      stats: { scored: u32[this.#stats], visited: u32[this.#stats + 1] },
    };
  }

  memoryBytes(): number {
    return this.layout.bytes;
  }

  /** The bytes are views of the store's memory: write them out before it is closed. */
  save(): SavedIndex {
    const { kind, layout, store } = this;
    return {
      family: this.family,
      meta: {
        format: TREE_FORMAT,
        count: layout.count,
        dimensions: layout.dimensions,
        metric: store.metric,
        nodeCount: layout.nodeCount,
        rule: kind.rule,
        factor: kind.factor,
        encoding: kind.encoding,
        calibration: this.calibration ?? null,
      },
      sections: treeSections(store, layout),
    };
  }

  /** Gives the tree's memory back to the store, which lives on. */
  release(): void {
    this.store.arena.release(this.#slot);
    this.store.arena.release(this.layout.region);
  }
}

/** How many of the nearest codes a search for k measures on the floats; so many vectors it compares at least. */
export const refinedFor = (k: number) => Math.max(REFINE_LEAST, k * REFINE_FACTOR);

/** A thread's scratch for searches. */
export function allocateTreeSlot(store: VectorStore, layout: TreeLayout): number {
  return store.arena.allocate(store.kernels.treeSlotBytes(layout.nodeCount, layout.dimensions));
}

/** A tree that another thread lent. */
export function attachTree(store: VectorStore, handle: unknown): TreeIndex {
  const { kind, layout, slot } = handle as TreeHandle;
  return new TreeIndex(store, kind, layout, slot);
}
