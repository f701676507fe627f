/**
 * Multi-index hashing over float vectors: the nearest binary codes are found exactly and measured on the floats.
 *
 * Method: Norouzi, Punjani, Fleet, "Fast exact search in Hamming space with multi-index hashing" (2014), over codes of random
 * planes (codec/binary). Idea: two codes that differ in at most r bits agree within floor(r / m) bits in one of m
 * substrings; so values near the query's substrings are looked up, farther and farther, until k codes are proven
 * nearest. Parameters: defaults.ts. Effort: how many of the nearest codes are measured on the floats.
 * Deviations: a search that would cost more than comparing all codes does that instead; tables are kept only where
 * sampled searches gain by them; bits are spread over the substrings by their measured dependence.
 * Cost: bits x d multiplications per query; a scan reads bits / 8 bytes per vector, tables add 4 m bytes and more.
 */

import { type BinaryCodec, encodeBinary } from "../../codec/binary/index.js";
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
import { allocateWork, type CodeLayout, releaseCodes } from "./code-tables.js";
import { MIH_EFFORT } from "./defaults.js";

/** Version of the saved form. */
export const MIH_FORMAT = 1;

/** Refining more than this share of the vectors, one by one, takes as long as a scan. */
const MOST_REFINED = 0.125;

/** Where everything of an index lies; can be posted. */
export interface MihLayout {
  codec: BinaryCodec;
  /** The region of planes and thresholds. */
  codecRegion: number;
  codecBytes: number;
  codes: CodeLayout;
}

export class MihIndex implements VectorIndex {
  readonly family = "mih";
  readonly exact = false;
  readonly effort: EffortDial;
  readonly store: VectorStore;
  readonly layout: MihLayout;
  calibration: Calibration | undefined;
  readonly #scan: FlatIndex;
  readonly #work: number;

  /** `work`: a scratch of the calling thread; by default it takes one. The codes are open. */
  constructor(store: VectorStore, layout: MihLayout, work?: number) {
    this.store = store;
    this.layout = layout;
    const max = Math.max(1, Math.min(MIH_EFFORT.max, Math.ceil(layout.codes.count * MOST_REFINED)));
    this.effort = {
      name: "candidates",
      default: Math.min(MIH_EFFORT.default, max),
      min: MIH_EFFORT.min,
      max,
      scored: 1,
    };
    this.#scan = new FlatIndex(store);
    this.#work = work ?? allocateWork(store, layout.codes);
  }

  search(request: SearchRequest): SearchResult {
    const { store, layout } = this;
    const { kernels, scratch, arena, dimensions } = store;
    const { codes, codec } = layout;
    const placed = placeRequest(store, request);
    if (!placed) return noHits();
    const { k, bits } = placed;
    const effort = Math.max(k, Math.ceil(request.effort));
    if (effort >= codes.count) return this.#scan.search({ ...request, k });
    // As in FlatIndex.searchAmong: the keys' own room holds the list's distances behind the heap.
    scratch.ensure(2 * effort);
    const code = this.#work + codec.stride;
    const rows = { arena, kernels, rows: scratch.query, dimensions, count: 1 };
    encodeBinary(rows, { ...codec, largest: 0 }, { from: 0, to: 1 }, this.#work);
    kernels.binaryReorder(this.#work, code, 1, codec.stride, codec.bits, codes.order);
    const work = this.#work + 2 * codec.stride;
    const near = kernels.mihSearch(codes.head, work, code, bits, effort, scratch.keys, 0);
    const { u32 } = arena;
    const list = scratch.list >>> 2;
    const keys = scratch.keys >>> 2;
    for (let i = 0; i < near; i++) u32[list + i] = u32[keys + 2 * i];
    const found = kernels.scanList(
      store.metricNumber,
      scratch.query,
      store.rows,
      dimensions,
      scratch.list,
      near,
      scratch.keys + near * 8,
      Math.min(k, near),
      scratch.keys,
      scratch.ordinals,
      scratch.distances,
    );
    const stats = work >>> 2;
    return {
      ...scratch.takeHits(found),
      // Fewer codes than asked: those are all that pass the filter.
      exhausted: near < effort,
      stats: { scored: u32[stats] + near, visited: u32[stats + 1] },
    };
  }

  memoryBytes(): number {
    const { codecBytes, codes } = this.layout;
    return codecBytes + codes.codeBytes + codes.tableBytes;
  }

  /** The bytes are views of the store's memory: write them out before it is closed. Tables are filled anew on load. */
  save(): SavedIndex {
    const { store, layout } = this;
    const { codec, codes } = layout;
    return {
      family: this.family,
      meta: {
        format: MIH_FORMAT,
        count: codes.count,
        dimensions: store.dimensions,
        metric: store.metric,
        bits: codec.bits,
        largest: codec.largest,
        parts: codes.parts,
        calibration: this.calibration ?? null,
      },
      sections: mihSections(store, layout),
    };
  }

  /** Gives the index's memory back to the store, which lives on. */
  release(): void {
    this.store.arena.release(this.#work);
    releaseMih(this.store, this.layout);
  }
}

/** Gives back what an index keeps. */
export function releaseMih(store: VectorStore, layout: MihLayout): void {
  releaseCodes(store, layout.codes);
  store.arena.release(layout.codecRegion);
}

/** The saved parts, as they lie in memory. */
export function mihSections(store: VectorStore, layout: MihLayout): { name: string; bytes: Uint8Array }[] {
  const { codec, codes } = layout;
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: store.arena.u8.subarray(start, start + length),
  });
  return [
    part("planes", codec.planes, codec.bits * (store.dimensions + 1) * 4),
    part("thresholds", codec.thresholds, codec.bits * 4),
    part("order", codes.order, codec.bits * 4),
    part("codes", codes.codes, codes.count * codec.stride),
  ];
}
