/**
 * Where searches work: in the memory of the heads. A slot holds what one search keeps while it waits for reads; the rest is
 * used within one synchronous step and shared by all.
 *
 *   shared:  [ posting: the longest ][ fresh: u32 per member of the longest ][ rows: ROW_BATCH x dimensions f32 ][ mean ]
 *   slot:    [ query: dimensions f32 ][ words: padded i16 ][ tally 64 ][ remaining: count bits ][ heap: pool u64 ]
 *            [ ordinals: pool u32 ][ distances: pool f32 ]     parts 64-byte aligned
 */
import type { Metric } from "../contract.js";
import type { VectorStore } from "../vector-store.js";
import type { PostingEncoding } from "./defaults.js";

/** What decides how postings are read and scored; can be posted. */
export interface PostingShape {
  count: number;
  dimensions: number;
  metric: Metric;
  encoding: PostingEncoding;
  /** Members of each posting. */
  sizes: Uint32Array;
}

export interface PostingLayout extends PostingShape {
  /** Dimensions of codes. */
  padded: number;
  /** Bytes of a member beside its ordinal. */
  stride: number;
  /** Where each posting begins, in bytes, and behind the last where they end. */
  starts: Float64Array;
  /** Addresses. */
  posting: number;
  fresh: number;
  rows: number;
  mean: number;
}

export interface Slot {
  at: number;
  query: number;
  words: number;
  tally: number;
  remaining: number;
  heap: number;
  ordinals: number;
  distances: number;
  /** Places of the heap. */
  pool: number;
}

/** Rows that are measured in one call. */
export const ROW_BATCH = 16;
/** Candidates that the first slots have room for. */
export const LEAST_POOL = 256;

export const paddedDimensions = (dimensions: number) => Math.ceil(dimensions / 8) * 8;

/** Bytes of a member beside its ordinal. */
function strideOf(encoding: PostingEncoding, dimensions: number): number {
  return encoding === "float32" ? dimensions * 4 : 8 + paddedDimensions(dimensions);
}

/** Takes the shared regions. Give them back with `releaseLayout`. */
export function allocateLayout(heads: VectorStore, shape: PostingShape): PostingLayout {
  const { dimensions, sizes } = shape;
  const { arena } = heads;
  const stride = strideOf(shape.encoding, dimensions);
  const starts = new Float64Array(sizes.length + 1);
  let longest = 0;
  for (let i = 0; i < sizes.length; i++) {
    starts[i + 1] = starts[i] + sizes[i] * (4 + stride);
    longest = Math.max(longest, sizes[i]);
  }
  return {
    ...shape,
    stride,
    padded: paddedDimensions(dimensions),
    starts,
    posting: arena.allocate(longest * (4 + stride)),
    fresh: arena.allocate(longest * 4),
    rows: arena.allocate(ROW_BATCH * dimensions * 4),
    mean: arena.allocate(dimensions * 4),
  };
}

export function releaseLayout(heads: VectorStore, layout: PostingLayout): void {
  for (const region of [layout.posting, layout.fresh, layout.rows, layout.mean]) heads.arena.release(region);
}

export function allocateSlot(heads: VectorStore, shape: PostingShape, pool: number): Slot {
  let end = 0;
  const part = (bytes: number) => {
    const start = end;
    end = Math.ceil((end + bytes) / 64) * 64;
    return start;
  };
  const parts = {
    query: part(shape.dimensions * 4),
    words: part(paddedDimensions(shape.dimensions) * 2),
    tally: part(64),
    remaining: part(Math.ceil(shape.count / 32) * 4),
    heap: part(pool * 8),
    ordinals: part(pool * 4),
    distances: part(pool * 4),
  };
  const at = heads.arena.allocate(end);
  for (const name of Object.keys(parts) as (keyof typeof parts)[]) parts[name] += at;
  return { at, pool, ...parts };
}
