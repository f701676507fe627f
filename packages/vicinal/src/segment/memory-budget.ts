/**
 * MemoryBudget: what a collection may hold of vectors in memory at a time. Where they are served from files, their index
 * says how much memory they may take; what is written, merged and built has to pass through it in parts. Beside these
 * shares lie the heads of all segments.
 *
 * A budget of the whole database bounds the same for vectors that would stay in memory otherwise: a share of it is what
 * each collection's pass through, and beyond another share they are served from files whatever index was asked for.
 *
 *   1/16 growing | 1/4 sealed, waiting for their index | 1/4 one segment that is built, and 1/4 its postings | 1/8 read lately
 */
import { chooseIndex, type IndexChoice } from "../index/choice.js";
import { familyNamed } from "../index/families.js";
import type { Budget } from "../runtime/budget.js";
import { type CollectionConfig, choiceOf } from "./config.js";
import { BACKLOG_BYTES, GROWING_BYTES, GROWING_ROWS, SEGMENT_BYTES, SPARSE_BYTES } from "./defaults.js";

const GROWING_SHARE = 1 / 16;
const BACKLOG_SHARE = 1 / 4;
/** Where segments are given a size, so many of them may wait for their index. */
const BACKLOG_SEGMENTS = 4;
const SEGMENT_SHARE = 1 / 4;
const CACHE_SHARE = 1 / 8;

/** Bytes that the vectors of a name may take, with their index; infinite where they stay in memory. */
function memoryBytes(config: CollectionConfig, name: string): number {
  const { family, parameters } = choiceOf(config, name);
  return familyNamed(family).disk?.memoryBytes(parameters) ?? Number.POSITIVE_INFINITY;
}

function leastBudget(config: CollectionConfig, budget: Budget | undefined): number {
  const bytes = Object.keys(config.vectors).map((name) => memoryBytes(config, name));
  return Math.min(budget?.vectorBytes ?? Number.POSITIVE_INFINITY, ...bytes);
}

/** What serves a vector where memory does not suffice for the index that it was given; undefined where nothing on disk can. */
export function choiceOnDisk(config: CollectionConfig, name: string): IndexChoice | undefined {
  const { size, distance, multi } = config.vectors[name];
  const { family } = choiceOf(config, name);
  // A scan was asked for by name.
  if (multi || family === "flat" || familyNamed(family).disk) return undefined;
  return chooseIndex("postings", {}, { dimensions: size, metric: distance });
}

/** Bytes of the vectors of a row. */
function rowBytesOf(config: CollectionConfig): number {
  let bytes = Object.keys(config.sparse ?? {}).length * SPARSE_BYTES;
  for (const vector of Object.values(config.vectors)) bytes += vector.size * 4;
  return bytes;
}

/** Vector bytes of a growing segment at most, or of as many rows as one has at least. */
export function growingBytes(config: CollectionConfig, budget?: Budget): number {
  const bytes = leastBudget(config, budget) * GROWING_SHARE;
  return Math.max(
    GROWING_ROWS.min * rowBytesOf(config),
    Math.min(GROWING_BYTES, bytes, givenSegmentBytes(config)),
  );
}

/** Rows that fit a growing segment of this collection. */
export function growingCapacity(config: CollectionConfig, budget?: Budget): number {
  const rowBytes = rowBytesOf(config);
  const rows = rowBytes === 0 ? GROWING_ROWS.max : Math.floor(growingBytes(config, budget) / rowBytes);
  return Math.min(GROWING_ROWS.max, Math.max(GROWING_ROWS.min, rows));
}

/**
 * Vectors that a store of multi-vectors has room for: nobody knows how many a row will bring. Address space alone, but for a bit each.
 * Enough for a segment (SEGMENT_BYTES), or a growing one and the largest multi-vector.
 */
export function multiCapacity(dimensions: number): number {
  return Math.min(2 ** 26, Math.floor(2 ** 31 / (dimensions * 4)));
}

/** `max_segment_size`, which is in kB. */
function givenSegmentBytes(config: CollectionConfig): number {
  const size = config.optimizers.max_segment_size;
  return typeof size === "number" ? size * 1024 : Number.POSITIVE_INFINITY;
}

/** Vector bytes of a sealed segment at most. */
export function segmentBytes(config: CollectionConfig, budget?: Budget): number {
  return Math.min(SEGMENT_BYTES, leastBudget(config, budget) * SEGMENT_SHARE, givenSegmentBytes(config));
}

/** Sealed but unindexed vector bytes beyond which writes wait for the optimizer. */
export function backlogBytes(config: CollectionConfig, budget?: Budget): number {
  return Math.min(
    BACKLOG_BYTES,
    leastBudget(config, budget) * BACKLOG_SHARE,
    givenSegmentBytes(config) * BACKLOG_SEGMENTS,
  );
}

/** Bytes of postings of that vector that are kept after they were read. */
export function cacheBytes(config: CollectionConfig, name: string): number {
  const bytes = memoryBytes(config, name);
  return Number.isFinite(bytes) ? Math.floor(bytes * CACHE_SHARE) : 0;
}
