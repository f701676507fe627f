/**
 * The contract that every index family keeps.
 *
 * An index covers one named vector of one sealed segment. It speaks in *ordinals*: the place of a vector in
 * the segment's `VectorStore`, 0 <= ordinal < count. The segment owns the map of ordinals to rows and turns
 * filters and deletions into bits over ordinals.
 *
 * Scores inside the engine are *distances*, smaller is nearer, whatever the metric: squared Euclid, 1 - cosine,
 * negative dot product, Manhattan. The query layer turns them into what the user sees.
 */
import type { ReadCache } from "../runtime/read-cache.js";
import type { FileVectors } from "./file-vectors.js";
import type { ReachPoint } from "./reach.js";
import type { VectorStore } from "./vector-store.js";

export type Metric = "Cosine" | "Euclid" | "Dot" | "Manhattan";

/** The vectors that an index is to serve. */
export interface VectorKind {
  dimensions: number;
  metric: Metric;
}

/** Progress of long work: `done` of `total` steps, in the family's own unit (vectors inserted, mostly). */
export type Progress = (done: number, total: number) => void;

export interface SearchRequest {
  /** `dimensions` floats; already normalised for Cosine. */
  query: Float32Array;
  /** How many hits are wanted, 1..count. */
  k: number;
  /** The family's one dial (ef, probes, checks, ...). Ignored by exact families. */
  effort: number;
  /**
   * Which ordinals may be answered: bit `ordinal & 31` of word `ordinal >>> 5`. Absent: all of them.
   * An index may walk through others but never returns them.
   */
  bits?: Uint32Array;
  /** Ends a search of files with CANCELLED, between two reads. */
  signal?: AbortSignal;
}

export interface SearchResult {
  /** Hits in order of distance; equal distances in order of ordinal. */
  ordinals: Uint32Array;
  /** Exact distances (refined on the original vectors), as many as `ordinals`. */
  distances: Float32Array;
  /** True when a larger effort could not bring further hits. Fewer than k hits and not exhausted: ask again with more. */
  exhausted: boolean;
  stats: SearchStats;
}

export interface SearchStats {
  /** Distances computed, on codes or on floats. */
  scored: number;
  /** Graph nodes expanded, lists or leaves read; 0 for a scan. */
  visited: number;
  /** Bytes read from files; absent where there are none. */
  readBytes?: number;
}

/** What every index tells of itself, whether it lies in memory or in a file. */
export interface IndexTraits {
  /** `flat`, `hnsw`, ... */
  readonly family: string;
  /** True when results do not depend on effort. */
  readonly exact: boolean;
  /** Effort that a new user gets where nothing was measured; and the range in which the dial means something. */
  readonly effort: EffortDial;
  /** Recall measured after the build; undefined for exact families and before measuring. */
  calibration: Calibration | undefined;
  /** Bytes of the index beyond the float vectors: codes, links, tables. */
  memoryBytes(): number;
  /** Those of them that codes of the vectors take; absent where they lie in one with the rest, or there are none. */
  codeBytes?(): number;
}

export interface VectorIndex extends IndexTraits {
  readonly store: VectorStore;
  /** One query, on the calling thread, synchronously: one call into WebAssembly. */
  search(request: SearchRequest): SearchResult;
  /**
   * What one other thread needs to search this index (`IndexFamily.attach`), posted beside the store's handle: a slot of its
   * own, with room for so many hits or places of a beam; without filters. Absent where only the owner's thread can search.
   */
  lend?(room: number): unknown;
  /** Takes a handle back: its thread no longer searches. */
  takeBack?(handle: unknown): void;
  /** The index as sections of a file (see storage/sections.ts); the floats are not among them. */
  save(): SavedIndex;
  /** Gives the index's memory back to the store, which lives on. The index is not used afterwards. */
  release(): void;
}

/**
 * An index that reads its file as it searches. What a family on disk builds is a `VectorIndex` in memory; once that is
 * saved, the file serves in its place.
 */
export interface FileIndex extends IndexTraits {
  readonly vectors: FileVectors;
  /** One query. The bits are not to be changed before it is answered. CORRUPTION names a damaged file and its offset. */
  search(request: SearchRequest): Promise<SearchResult>;
  /** Gives the memory back. No search may be under way. */
  close(): void;
}

/** What lets a family serve from files. */
export interface DiskFamily<P> {
  /** Bytes of memory that all vectors of that name in a collection may take while they are served and built. */
  memoryBytes(parameters: P): number;
  /** Serves from the file of a saved index; reads into memory only what every search needs. */
  open(vectors: FileVectors, saved: SectionFile, cache: ReadCache): Promise<FileIndex>;
}

export interface EffortDial {
  /** What the literature calls it: `ef`, `probes`, `checks`, ... A caller's `hnsw_ef` sets those named `ef`. */
  name?: string;
  default: number;
  min: number;
  max: number;
  /** About how many distances a search computes per unit: what the planner weighs against a scan. */
  scored: number;
}

/** Sections by name, and a small JSON-able description. Byte order little-endian. */
export interface SavedIndex {
  family: string;
  meta: Record<string, unknown>;
  sections: { name: string; bytes: Uint8Array }[];
}

/** Effort against recall, measured on vectors that were withheld while the index was built. */
export interface Calibration {
  /** How many held-out queries were asked. */
  queries: number;
  /** Vectors in the index when it was measured. */
  count?: number;
  /** Vectors that came or went since, in merges too small to measure again. */
  changed?: number;
  /** One curve per (k, selectivity). */
  curves: CalibrationCurve[];
  /** How far away the neighbours of the queries lay, by rising rank; see reach.ts. */
  reach?: ReachPoint[];
}

export interface CalibrationCurve {
  k: number;
  /** Share of ordinals that the filter let through, 1 for none. */
  selectivity: number;
  /** Rising efforts and the mean recall@k measured at each. */
  efforts: number[];
  recalls: number[];
  /** Standard error of each recall. */
  errors: number[];
}

/** A family: how to make, extend and load its indexes. */
export interface IndexFamily<P = unknown> {
  readonly family: string;
  /**
   * Checks parameters, fills in defaults; throws BAD_REQUEST naming the field and its range. What it gives is plain JSON
   * with every parameter named: an index is built anew when that changes.
   */
  parameters(given: unknown): P;
  /**
   * Refuses, before any work, parameters that cannot serve such vectors: BAD_REQUEST with the `field`. Absent where all
   * parameters serve all vectors.
   */
  check?(parameters: P, vectors: VectorKind): void;
  /**
   * Which of its codes such vectors get: what `encoding: auto` stands for. Refuses as `check` does. Absent where there is
   * no choice.
   */
  encodingOf?(parameters: P, vectors: VectorKind): string;
  /** Bits per component of each code that the parameter `encoding` can name; absent where there is no choice. */
  readonly encodings?: Readonly<Record<string, number>>;
  /**
   * Builds over all vectors of the store, off the calling thread where the platform has workers and the store's
   * memory is shared, else in slices on it. Cancels by rejecting with CANCELLED and leaving the store as it was.
   * `previous`: an index over a store whose vectors are the first ones of `store` under `oldToNew`
   * (new ordinal of each old one, -1 for those gone); a family that can extends it instead of starting anew.
   */
  build(store: VectorStore, parameters: P, options: BuildOptions): Promise<VectorIndex>;
  /** An index that another thread lent, over a store that it lent. */
  attach?(store: VectorStore, handle: unknown): VectorIndex;
  /** Reads back what `save` gave; CORRUPTION when the sections do not fit the store. */
  load(store: VectorStore, saved: LoadedIndex): Promise<VectorIndex>;
  /** Present for families on disk: vectors with a saved index of such a family need not lie in memory. */
  readonly disk?: DiskFamily<P>;
  /**
   * Serves a saved index from its file while that is read into memory: slower, but at once. Both files can be read at once.
   * Absent where nearly all of an index is needed for a search.
   */
  early?(vectors: FileVectors, saved: SectionFile): Promise<FileIndex>;
}

export interface BuildOptions {
  progress?: Progress;
  signal?: AbortSignal;
  previous?: { index: VectorIndex; oldToNew: Int32Array };
  /** Measure recall on withheld vectors (default true). */
  calibrate?: boolean;
  /** Seed of every random choice; the same seed and order of vectors give the same index. Default 42. */
  seed?: number;
}

export interface LoadedIndex {
  meta: Record<string, unknown>;
  /** Length of a section in bytes; 0 when absent. */
  length(name: string): number;
  /** Reads a whole section straight into the target (which may be shared memory), checksums verified. */
  readInto(name: string, target: Uint8Array): Promise<void>;
}

/** A file of sections from which parts are read, checksums verified. */
export interface SectionFile extends LoadedIndex {
  /** `length` bytes of a section from `offset`, in a buffer of their own. */
  read(name: string, offset: number, length: number): Promise<Uint8Array>;
  /** Fills `target` at once. Absent where the file can only be waited for. */
  readNow?(name: string, offset: number, target: Uint8Array): void;
}
