/**
 * Merge: copies the live rows of sealed segments into a new one. Writes and searches go on meanwhile; what they
 * changed in the sources is caught up when the new segment takes their place, in one synchronous step.
 */
import { countBits, hasBit } from "../runtime/bits.js";
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import type { StoredPoint } from "./effects.js";
import { IdKey } from "./id-column.js";
import type { Segment } from "./segment.js";
import type { CollectionState } from "./state.js";

/** Rows copied before other work gets its turn. */
const SLICE_ROWS = 2048;

export interface Merged {
  target: Segment;
  sources: Segment[];
  /** Per source: the new row of each old row, -1 for those that were dead. */
  newRows: Int32Array[];
}

/**
 * Copies into a segment that is in no table yet; `sources[0]` keeps its order of rows, so its graph can be extended. Of the last
 * source, rows beyond `most` of them all stay where they are.
 */
export async function copyLive(
  state: CollectionState,
  sources: Segment[],
  options: { signal?: AbortSignal; progress?: (done: number, total: number) => void; most?: number } = {},
): Promise<Merged> {
  const lives = sources.map((source) => source.live.slice());
  const { most = Number.POSITIVE_INFINITY } = options;
  const total = Math.min(
    most,
    lives.reduce((sum, live) => sum + countBits(live), 0),
  );
  const target = state.createSegment(Math.max(1, total), undefined, true);
  target.published = false;
  state.attach(target);
  const newRows = sources.map((source) => new Int32Array(source.rowCount).fill(-1));
  const key = new IdKey();
  let copied = 0;
  try {
    for (let s = 0; s < sources.length; s++) {
      const source = sources[s];
      for (const slice of slices(lives[s])) {
        const rows = slice.slice(0, total - copied);
        if (rows.length === 0) break;
        const vectors = await readVectors(source, rows);
        rows.forEach((row, i) => {
          source.ids.read(row, key);
          const expires = source.expiry?.of(row);
          const payload = source.payloads.bytes(row);
          const point = { id: 0, vectors: vectors[i], payload, expires, blobs: source.blobs?.of(row) };
          newRows[s][row] = target.append(key, point, source.version(row));
        });
        copied += rows.length;
        options.progress?.(copied, total);
        await yieldToOthers();
        throwIfCancelled(options.signal);
      }
    }
  } catch (reason) {
    abandon(state, target);
    throw reason;
  }
  target.sealed = true;
  return { target, sources, newRows };
}

/** Drops the target of a merge that will not be published. */
export function abandon(state: CollectionState, target: Segment): void {
  for (let row = 0; row < target.rowCount; row++) target.kill(row);
  state.detach(target);
}

/** The rows whose bits are set, some at a time. */
function* slices(bits: Uint32Array): Generator<number[]> {
  let slice: number[] = [];
  for (let row = 0; row < bits.length * 32; row++) {
    if (!hasBit(bits, row)) continue;
    slice.push(row);
    if (slice.length < SLICE_ROWS) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** The vectors of each row, from memory or from files. */
async function readVectors(segment: Segment, rows: number[]): Promise<StoredPoint["vectors"][]> {
  const points: StoredPoint["vectors"][] = rows.map(() => []);
  for (const column of segment.columns()) {
    const vectors = await column.getMany(rows);
    vectors.forEach((vector, i) => {
      if (vector) points[i].push({ name: column.name, vector });
    });
  }
  return points;
}

/** The target takes the sources' place in the id map. Synchronous: a reader sees the old segments or the new one. */
export function publish({ target, sources, newRows }: Merged, state: CollectionState): void {
  state.publish(target);
  sources.forEach((source, s) => {
    for (let row = 0; row < newRows[s].length; row++) {
      const newRow = newRows[s][row];
      if (newRow < 0) continue;
      const version = source.version(row);
      if (state.move(source, row, target, newRow) && version !== target.version(newRow)) {
        target.setPayload(newRow, source.payloads.bytes(row), version);
        if (source.blobs) target.setBlobs(newRow, source.blobs.of(row), version);
      }
    }
  });
}
