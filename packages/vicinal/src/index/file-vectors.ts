/**
 * FileVectors: the float vectors of one column that stay in their file: their number and kind are known, rows are read
 * where they are needed. The exact scan streams them through a small store.
 */
import { assert } from "../runtime/assert.js";
import { forEachBit } from "../runtime/bits.js";
import { throwIfCancelled } from "../runtime/cancel.js";
import type { KernelModule } from "../runtime/kernels.js";
import { Turns } from "../runtime/turns.js";
import type { Metric, SearchRequest, SearchResult, SectionFile } from "./contract.js";
import { FlatIndex } from "./flat/index.js";
import { VectorStore } from "./vector-store.js";

/** Section of the file that holds the rows, row-major without padding. */
const SECTION = "floats";
/** Rows that lie at most so far apart are read together: a read costs about as much as copying so many bytes. */
const GAP_BYTES = 16 * 1024;
/** One read at most. */
const READ_BYTES = 2 ** 20;
/** What a scan holds of the vectors at a time. */
const WINDOW_BYTES = 2 ** 20;
/** Scans at a time, of all columns together, each with a window of its own: no more than the platform reads side by side. */
const scans = new Turns(4);

type ScanRequest = Pick<SearchRequest, "query" | "k" | "bits" | "signal">;

export class FileVectors {
  readonly dimensions: number;
  readonly metric: Metric;
  readonly count: number;
  readonly kernels: KernelModule;
  readonly #file: Pick<SectionFile, "read" | "readNow">;

  constructor(
    shape: { dimensions: number; metric: Metric; count: number },
    file: Pick<SectionFile, "read" | "readNow">,
    kernels: KernelModule,
  ) {
    this.dimensions = shape.dimensions;
    this.metric = shape.metric;
    this.count = shape.count;
    this.kernels = kernels;
    this.#file = file;
  }

  /** The vectors of rising ordinals, one after the other. Near ones are read together, and reads run side by side. */
  async read(ordinals: Uint32Array): Promise<Float32Array> {
    const { dimensions } = this;
    const rowBytes = dimensions * 4;
    const target = new Float32Array(ordinals.length * dimensions);
    const bytes = new Uint8Array(target.buffer);
    const reads: Promise<void>[] = [];
    for (let from = 0; from < ordinals.length; ) {
      const first = ordinals[from];
      let to = from + 1;
      while (
        to < ordinals.length &&
        (ordinals[to] - ordinals[to - 1] - 1) * rowBytes <= GAP_BYTES &&
        (ordinals[to] + 1 - first) * rowBytes <= READ_BYTES
      )
        to++;
      const last = ordinals[to - 1];
      assert(last < this.count && last >= first, "ordinals rise and lie below the count");
      const start = from;
      const end = to;
      const reading = this.#file.read(SECTION, first * rowBytes, (last + 1 - first) * rowBytes);
      reads.push(
        reading.then((run) => {
          if (last - first === end - 1 - start) return bytes.set(run, start * rowBytes);
          for (let i = start; i < end; i++) {
            const at = (ordinals[i] - first) * rowBytes;
            bytes.set(run.subarray(at, at + rowBytes), i * rowBytes);
          }
        }),
      );
      from = to;
    }
    await Promise.all(reads);
    return target;
  }

  /** One vector, at once; `target` holds it then. For files that can be read so. */
  readNow(ordinal: number, target: Uint8Array): void {
    assert(this.#file.readNow !== undefined, "the file is read at once");
    this.#file.readNow(SECTION, ordinal * this.dimensions * 4, target);
  }

  /** All vectors in a store in memory; the caller closes it. */
  async load(): Promise<VectorStore> {
    const { dimensions, metric, count, kernels } = this;
    const store = VectorStore.createWith(kernels, { dimensions, metric, capacity: count });
    try {
      for (const ordinals of batches(everyone(count), Math.max(1, Math.floor(READ_BYTES / (dimensions * 4)))))
        store.appendBatch(await this.read(ordinals));
      return store;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** The nearest k of all vectors, or of those whose bits are set: exact, and as slow as reading them. CANCELLED */
  async scan(request: ScanRequest): Promise<SearchResult> {
    return scans.run(() => this.#scan(request));
  }

  async #scan({ query, k, bits, signal }: ScanRequest): Promise<SearchResult> {
    const { dimensions, metric, kernels } = this;
    const capacity = Math.max(1, Math.floor(WINDOW_BYTES / (dimensions * 4)));
    const window = VectorStore.createWith(kernels, { dimensions, metric, capacity });
    try {
      const flat = new FlatIndex(window);
      let best: Hit[] = [];
      let scored = 0;
      const matching = bits ? chosen(bits) : everyone(this.count);
      for (const ordinals of batches(matching, capacity)) {
        throwIfCancelled(signal);
        const floats = await this.read(ordinals);
        window.clear();
        window.appendBatch(floats);
        const found = flat.search({ query, k: Math.min(k, ordinals.length) });
        scored += ordinals.length;
        found.ordinals.forEach((place, i) => {
          best.push({ ordinal: ordinals[place], distance: found.distances[i] });
        });
        best = best.sort((a, b) => a.distance - b.distance || a.ordinal - b.ordinal).slice(0, k);
      }
      return {
        ordinals: Uint32Array.from(best, ({ ordinal }) => ordinal),
        distances: Float32Array.from(best, ({ distance }) => distance),
        exhausted: true,
        stats: { scored, visited: 0, readBytes: scored * dimensions * 4 },
      };
    } finally {
      window.close();
    }
  }
}

interface Hit {
  ordinal: number;
  distance: number;
}

function everyone(count: number): Uint32Array {
  return Uint32Array.from({ length: count }, (_, ordinal) => ordinal);
}

function chosen(bits: Uint32Array): Uint32Array {
  const ordinals: number[] = [];
  forEachBit(bits, (ordinal) => ordinals.push(ordinal));
  return Uint32Array.from(ordinals);
}

function* batches(ordinals: Uint32Array, length: number): Generator<Uint32Array> {
  for (let at = 0; at < ordinals.length; at += length) yield ordinals.subarray(at, at + length);
}
