/**
 * Clustered postings: vectors in small clusters whose members lie together on disk; only the centroids are in memory.
 *
 * Method: Chen et al., "SPANN: highly-efficient billion-scale approximate nearest neighbor search" (2021). A graph over the
 * centroids names the nearest postings, these are read side by side, and what they hold is compared with the query. A vector
 * between clusters stands in several of them (assign-steps.ts). Effort is the number of postings read.
 * Deviations: heads are centroids, not vectors, found by k-means that splits again and again; members are 8-bit codes and the
 * best are read again as floats, where SPANN keeps floats in every copy (`encoding: "float32"` does); a search that finds fewer
 * than k reads on; no posting is passed over because its head is so many times as far as the nearest one, which would put a
 * ceiling on recall (ratio 1.2: 0.965 on words, whatever the effort) and save a seventh of the bytes. Segments never change, so that the splits and merges in place of SPFresh (Xu et al., 2023) are not needed:
 * what is new comes with a merge.
 * Cost: a walk over heads, then `effort` reads of some kilobytes and 2 k of a row; memory (5 d + 200) / postingSize bytes
 * per vector, disk replicas x (d + 12) beside the floats.
 */
import type {
  Calibration,
  EffortDial,
  SavedIndex,
  SearchRequest,
  SearchResult,
  VectorIndex,
} from "../contract.js";
import type { VectorStore } from "../vector-store.js";
import { DEFAULT_EFFORT, type PostingsParameters } from "./defaults.js";
import type { Heads } from "./heads.js";
import { allocateSlot, LEAST_POOL, type PostingLayout, releaseLayout, type Slot } from "./posting-memory.js";
import { poolFor, type Read, searchSteps } from "./search-steps.js";

/** Version of the saved form. */
export const POSTINGS_FORMAT = 1;

/** The dial of an index: postings read. */
export function effortOf({ sizes }: PostingLayout): EffortDial {
  const members = sizes.reduce((sum, size) => sum + size, 0);
  return {
    name: "postings",
    default: DEFAULT_EFFORT,
    min: 1,
    max: Math.max(1, sizes.length),
    scored: Math.ceil(members / Math.max(1, sizes.length)),
  };
}

/** Postings in memory: as they are built, and as a database without files keeps them. */
export class PostingsIndex implements VectorIndex {
  readonly family = "postings";
  readonly exact = false;
  readonly effort: EffortDial;
  readonly store: VectorStore;
  readonly heads: Heads;
  readonly layout: PostingLayout;
  readonly parameters: PostingsParameters;
  /** Address of the postings. */
  readonly postings: number;
  calibration: Calibration | undefined;
  #slot: Slot;

  constructor(
    store: VectorStore,
    parts: { heads: Heads; layout: PostingLayout; postings: number },
    parameters: PostingsParameters,
    slot?: Slot,
  ) {
    this.store = store;
    this.heads = parts.heads;
    this.layout = parts.layout;
    this.postings = parts.postings;
    this.parameters = parameters;
    this.effort = effortOf(parts.layout);
    this.#slot = slot ?? allocateSlot(this.heads.store, this.layout, LEAST_POOL);
  }

  search(request: SearchRequest): SearchResult {
    const pool = poolFor(this.layout, request.k);
    if (pool > this.#slot.pool) this.#enlarge(pool);
    const steps = searchSteps(this.heads, this.layout, this.#slot, request);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      this.#read(step.value);
    }
  }

  #read(read: Read): void {
    const { arena, dimensions } = this.store;
    const { starts } = this.layout;
    if (read.kind === "postings") {
      read.bytes = read.wanted.map((head) =>
        arena.u8.subarray(this.postings + starts[head], this.postings + starts[head + 1]),
      );
    } else {
      read.floats = new Float32Array(read.wanted.length * dimensions);
      for (let i = 0; i < read.wanted.length; i++)
        read.floats.set(this.store.view(read.wanted[i]), i * dimensions);
    }
  }

  #enlarge(pool: number): void {
    const larger = Math.min(this.layout.count, Math.max(pool, 2 * this.#slot.pool));
    const slot = allocateSlot(this.heads.store, this.layout, larger);
    this.heads.store.arena.release(this.#slot.at);
    this.#slot = slot;
  }

  memoryBytes(): number {
    return this.heads.memoryBytes() + this.layout.starts[this.heads.count];
  }

  /** The bytes are views of the store's memory: write them out before it is closed. */
  save(): SavedIndex {
    const { layout, parameters, heads } = this;
    const { u8 } = this.store.arena;
    const saved = heads.save();
    const { count, dimensions, metric, encoding, sizes } = layout;
    const { postingSize, replicas, closure, memoryBytes } = parameters;
    return {
      family: this.family,
      meta: {
        ...{ format: POSTINGS_FORMAT, count, dimensions, metric, encoding },
        parameters: { postingSize, replicas, closure, encoding, memoryBytes },
        ...saved.meta,
        calibration: this.calibration ?? null,
      },
      sections: [
        ...saved.sections,
        { name: "mean", bytes: u8.subarray(layout.mean, layout.mean + dimensions * 4) },
        { name: "sizes", bytes: new Uint8Array(sizes.buffer, sizes.byteOffset, sizes.byteLength) },
        {
          name: "postings",
          bytes: u8.subarray(this.postings, this.postings + layout.starts[sizes.length]),
        },
      ],
    };
  }

  release(): void {
    const { arena } = this.store;
    arena.release(this.#slot.at);
    releaseLayout(this.heads.store, this.layout);
    arena.release(this.postings);
    this.heads.close();
  }
}
