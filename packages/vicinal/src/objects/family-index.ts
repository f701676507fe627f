/**
 * FamilyIndex: any index family of index/families.ts as an object.
 *
 *   labels:   [ built: under the family's index          ][ added since: scanned ]
 *
 * Most families cannot take a vector once they are built. So vectors that come later are kept beside the index and scanned,
 * and once they are more than a tenth of it the next search builds anew over all: a family that can, as HNSW, extends the
 * index that there is. While nothing is built, everything is scanned, up to a few thousand vectors. `flat` is the
 * case in which nothing is ever built.
 */
import type { Calibration, EffortDial, IndexFamily, Metric, VectorIndex } from "../index/contract.js";
import { FlatIndex } from "../index/flat/index.js";
import { fillBits, hasBit } from "../runtime/bits.js";
import type { KernelModule } from "../runtime/kernels.js";
import { checkedK, checkedLabel, checkedShare, checkedVectors, normalised } from "./arguments.js";
import { Breath } from "./breath.js";
import { Calls } from "./calls.js";
import type { BatchHits, BuildOptions, Index, RangeHits, SearchOptions, Vectors } from "./contract.js";
import { GrowingVectors, storeOf } from "./growing-vectors.js";
import { batchHits, RangeCollector, shownDistance } from "./hits.js";
import { LiveLabels } from "./live-labels.js";
import { type PartRequest, searchPart } from "./part-search.js";
import { type FamilyParts, type FamilySettings, saveFamily } from "./saved-family.js";

/** Vectors outside the index beyond which a search builds: so many are scanned in less than a millisecond, */
const LEAST_BUILT = 2500;
/** or this share of the index: rebuilding at every tenth costs ten builds in all, however often vectors are added. */
const UNBUILT_SHARE = 0.1;
/** Vectors compared between two looks at the clock. */
const RANGE_SLICE = 16384;

export class FamilyIndex implements Index {
  readonly isTrained = true;
  readonly settings: FamilySettings;
  readonly #family: IndexFamily;
  readonly #kernels: KernelModule;
  readonly #calls = new Calls();
  readonly #added: GrowingVectors;
  #built: VectorIndex | undefined;
  readonly #live: LiveLabels;

  constructor(family: IndexFamily, kernels: KernelModule, settings: FamilySettings, parts?: FamilyParts) {
    this.#family = family;
    this.#kernels = kernels;
    this.settings = settings;
    this.#added = new GrowingVectors(kernels, settings.dimensions, settings.metric);
    if (parts?.added) this.#added.put(parts.added);
    this.#built = parts?.built;
    this.#live = new LiveLabels(parts?.removed);
  }

  get family(): string {
    return this.#family.family;
  }

  get metric(): Metric {
    return this.settings.metric;
  }

  get d(): number {
    return this.settings.dimensions;
  }

  get ntotal(): number {
    return this.#labels - this.#live.removedCount;
  }

  get effort(): EffortDial | undefined {
    return this.#built?.exact ? undefined : this.#built?.effort;
  }

  get calibration(): Calibration | undefined {
    return this.#built?.calibration;
  }

  /** Labels given so far. */
  get #labels(): number {
    return this.#builtCount + this.#added.count;
  }

  get #builtCount(): number {
    return this.#built?.store.count ?? 0;
  }

  train(vectors: Vectors): Promise<void> {
    return this.#calls.run(async () => {
      checkedVectors("vectors", vectors, this.d);
    });
  }

  add(vectors: Vectors): Promise<number> {
    return this.#calls.run(async () => {
      const rows = this.#rows("vectors", vectors);
      const first = this.#labels;
      this.#added.append(rows);
      return first;
    });
  }

  build(options: BuildOptions = {}): Promise<void> {
    return this.#calls.run(() => this.#build(options));
  }

  search(queries: Vectors, k: number, options: SearchOptions = {}): Promise<BatchHits> {
    return this.#calls.run(async () => {
      checkedK(k);
      const rows = this.#rows("queries", queries);
      const { exact = false, signal } = options;
      const effort = checkedShare("effort", options.effort, 1, Number.MAX_SAFE_INTEGER);
      const recall = checkedShare("recall", options.recall, 0, 1);
      const allowed = this.#live.allowed(options.among, this.#labels);
      if (!exact && this.#due) await this.#build({ signal });
      const removed = this.#live.removedCount;
      const filtered = options.among !== undefined;
      const request = { queries: rows, k, effort, recall, exact, filtered, removed, signal };
      const parts = [];
      for (const { index, first } of this.#parts()) {
        const bits = allowed && bitsFrom(allowed, first, index.store.count);
        const part: PartRequest = { ...request, bits };
        parts.push(await searchPart(index, first, part));
      }
      return batchHits(this.metric, rows.length / this.d, k, parts);
    });
  }

  rangeSearch(
    queries: Vectors,
    radius: number,
    options: Pick<SearchOptions, "among" | "signal"> = {},
  ): Promise<RangeHits> {
    return this.#calls.run(async () => {
      const rows = this.#rows("queries", queries);
      const most = shownDistance(this.metric, checkedShare("radius", radius, -Infinity, Infinity) ?? 0);
      const allowed = this.#live.allowed(options.among, this.#labels);
      const found = new RangeCollector(this.metric);
      const breath = new Breath(options.signal);
      for (let at = 0; at < rows.length; at += this.d) {
        const query = rows.subarray(at, at + this.d);
        for (const { index, first } of this.#parts()) {
          const scan = new FlatIndex(index.store);
          for (let from = 0; from < index.store.count; from += RANGE_SLICE) {
            const length = Math.min(RANGE_SLICE, index.store.count - from);
            const ordinals = Uint32Array.from({ length }, (_, i) => from + i);
            scan.distances(query, ordinals).forEach((distance, i) => {
              const label = first + from + i;
              if (distance <= most && (!allowed || hasBit(allowed, label))) found.offer(label, distance);
            });
            if (breath.due) await breath.take();
          }
        }
        found.next();
      }
      return found.finish();
    });
  }

  reconstruct(label: number): Float32Array {
    this.#calls.checkOpen();
    checkedLabel("label", label, this.#labels);
    const built = this.#built?.store;
    if (built && label < built.count) return built.get(label);
    return this.#added.store!.get(label - this.#builtCount);
  }

  removeIds(labels: Iterable<number>): Promise<number> {
    return this.#calls.run(async () => this.#live.remove(labels, this.#labels));
  }

  memoryBytes(): number {
    this.#calls.checkOpen();
    return this.#parts().reduce(
      (sum, { index }) => sum + index.store.bytes().length + index.memoryBytes(),
      0,
    );
  }

  save(): Promise<Uint8Array> {
    return this.#calls.run(() =>
      saveFamily(this.family, this.settings, {
        built: this.#built,
        added: this.#added.store,
        removed: this.#live.removed,
      }),
    );
  }

  close(): Promise<void> {
    return this.#calls.close(() => {
      closeIndex(this.#built);
      this.#built = undefined;
      this.#added.close();
    });
  }

  /** True when a search must build first. */
  get #due(): boolean {
    return (
      this.family !== "flat" && this.#added.count > Math.max(LEAST_BUILT, this.#builtCount * UNBUILT_SHARE)
    );
  }

  async #build({ progress, signal }: BuildOptions): Promise<void> {
    const added = this.#added.store;
    if (this.family === "flat" || !added) return;
    const { seed, calibrate } = this.settings;
    const options = { progress, signal, seed, calibrate };
    const parameters = this.#family.parameters(this.settings.parameters);
    const old = this.#built;
    if (!old) {
      this.#built = await this.#family.build(added, parameters, options);
      this.#added.take();
      return;
    }
    // The old index answers until the new one stands.
    const whole = storeOf(this.#kernels, this.d, this.metric, this.#labels, old.store, added);
    try {
      const oldToNew = Int32Array.from({ length: old.store.count }, (_, i) => i);
      const previous = { index: old, oldToNew };
      this.#built = await this.#family.build(whole, parameters, { ...options, previous });
    } catch (error) {
      whole.close();
      throw error;
    }
    closeIndex(old);
    this.#added.close();
  }

  #parts(): { index: VectorIndex; first: number }[] {
    const parts: { index: VectorIndex; first: number }[] = [];
    if (this.#built) parts.push({ index: this.#built, first: 0 });
    const { store } = this.#added;
    if (store) parts.push({ index: new FlatIndex(store), first: this.#builtCount });
    return parts;
  }

  /** Checked, and of unit length where the metric asks for it. */
  #rows(field: string, vectors: Vectors): Float32Array {
    const rows = checkedVectors(field, vectors, this.d);
    return this.metric === "Cosine" ? normalised(rows, this.d) : rows;
  }
}

/** The bits `first` to `first + count - 1`, moved to the front. */
function bitsFrom(bits: Uint32Array, first: number, count: number): Uint32Array {
  const inside = new Uint32Array((count + 31) >>> 5);
  fillBits(inside, count);
  const shift = first & 31;
  for (let i = 0; i < inside.length; i++) {
    const word = (first >>> 5) + i;
    const next = shift && word + 1 < bits.length ? bits[word + 1] << (32 - shift) : 0;
    inside[i] &= (bits[word] >>> shift) | next;
  }
  return inside;
}

/** An index may hold memory beside its store's. */
function closeIndex(index: VectorIndex | undefined): void {
  index?.release();
  index?.store.close();
}
