/** Sizes and thresholds of segments, each with its reason. */

/**
 * Vector bytes of a growing segment. It is searched by scan; at the 20-30 GB/s that a scan reaches, 32 MiB cost
 * about a millisecond, which bounds what unindexed rows can add to a query.
 */
export const GROWING_BYTES = 32 * 2 ** 20;
/** What a sparse vector is taken to need before any is known: 128 elements, as of learned sparse models. */
export const SPARSE_BYTES = 1024;
/** Rows of a growing segment, whatever their size: filters and payload columns are per row. */
export const GROWING_ROWS = { min: 1024, max: 262_144 };
/**
 * Vector bytes below which a segment is scanned rather than indexed; `indexing_threshold` (in kB) of a collection
 * overrides it. A scan of 1 MiB takes about 40 microseconds, no longer than a walk through a graph.
 */
export const INDEXING_BYTES = 2 ** 20;
/** A growing segment that got no write for this long is sealed when scanning it costs more than an index would. */
export const IDLE_SEAL_MS = 500;
/**
 * Vector bytes of a sealed segment at most. A WebAssembly memory addresses 4 GiB; codes and graph lie in it too,
 * and a merge needs both its sources and its result.
 */
export const SEGMENT_BYTES = 1.5 * 2 ** 30;
/**
 * No segment holds more than a quarter of its collection, so that a merge, which needs its sources and its result at a time, takes
 * a quarter more of disk and memory for a while. Up to these vector bytes a collection becomes one segment all the same:
 * a search of one is cheaper than of several.
 */
export const SEGMENT_SHARE = 1 / 4;
export const SMALL_COLLECTION_BYTES = 2 ** 30;
/** Rows of a sealed segment at most: an exact integer in the 32-bit ordinals of every index, with room for marks. */
export const SEGMENT_ROWS = 16_000_000;
/**
 * A merge copies its sources. A byte of vectors that comes in earns this many bytes of merging, which bounds the
 * amplification of writes; the credit at the start lets small collections become one segment at once.
 */
export const MERGE_AMPLIFICATION = 8;
export const MERGE_CREDIT_BYTES = 512 * 2 ** 20;
/** Share of dead rows at which a segment is rewritten (`deleted_threshold`), and rows below which it never is. */
export const DELETED_THRESHOLD = 0.2;
export const VACUUM_MIN_ROWS = 1000;
/** Bytes of dead rows from which on a segment is rewritten, however few its rows are. */
export const VACUUM_MIN_BYTES = 2 ** 20;
/** Share of rows with another payload than in the segment's `rows` file at which that is written anew. */
export const PATCHED_THRESHOLD = 0.2;
/** The log is made shorter by a checkpoint once it holds this much, and this share of the points' bytes. */
export const LOG_MIN_BYTES = 16 * 2 ** 20;
export const LOG_SHARE = 1 / 8;
/** Sealed but unindexed vector bytes beyond which writes wait for the optimizer. */
export const BACKLOG_BYTES = 2 ** 30;
/** The same for dead rows in segments that should be rewritten, as a share of the bytes that live. */
export const WASTE_SHARE = 0.4;
/** Bytes of one group commit at most; a single larger batch goes alone. */
export const GROUP_BYTES = 16 * 2 ** 20;

/** Bytes of blobs that no point names any more from which on their files are looked for. */
export const DEAD_BLOB_BYTES = 64 * 2 ** 20;
