/** What segments take, on disk or in memory, and what work on them will take: estimates from what lies in memory. */
import type { Room } from "../runtime/resources.js";
import type { Segment } from "./segment.js";

/** Bytes of a row beside its vectors and payload: id, version, end of its payload. */
const ROW_BYTES = 24;
/** What a graph takes of a vector, of codes too. */
const INDEX_BYTES = 256;
/** How far an estimate may be wrong. */
const MARGIN = 1.15;

function bytesOf(segment: Segment): number {
  const { fields, indexes } = segment.memoryBytes();
  return segment.rowCount * ROW_BYTES + segment.payloads.heapBytes + segment.vectorBytes() + fields + indexes;
}

function liveShare({ liveCount, rowCount }: Segment): number {
  return rowCount === 0 ? 0 : liveCount / rowCount;
}

/** Bytes of the rows that live, indexes included. */
export function liveBytes(segment: Segment): number {
  return Math.ceil(bytesOf(segment) * liveShare(segment));
}

/** What a rewriting of the segments gives back. */
export function deadBytes(segments: readonly Segment[]): number {
  return segments.reduce((sum, segment) => sum + bytesOf(segment) * (1 - liveShare(segment)), 0);
}

/** What the merge of the segments takes until they are gone. */
export function mergeNeed(segments: readonly Segment[]): Room {
  let bytes = 0;
  for (const segment of segments) {
    bytes += liveBytes(segment);
    if (segment.memoryBytes().indexes === 0) bytes += unindexedNeed(segment).disk;
  }
  const need = Math.ceil(bytes * MARGIN);
  return { disk: need, memory: need };
}

/** What so many rows of a segment take that are copied to one of their own, with its indexes. */
export function partNeed(segment: Segment, rows: number): Room {
  const rowBytes = bytesOf(segment) / segment.rowCount + segment.vectors.size * INDEX_BYTES;
  const need = Math.ceil(rows * rowBytes * MARGIN);
  return { disk: need, memory: need };
}

/** What the indexes of a segment that has none will take. */
export function unindexedNeed(segment: Segment): Room {
  let count = 0;
  for (const column of segment.vectors.values()) count += column.store.count;
  const need = Math.ceil(count * INDEX_BYTES * MARGIN);
  return { disk: need, memory: need };
}
