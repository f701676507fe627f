/**
 * CodedIndex: flat over a codec. Every code is compared with the query, without decoding it: 2 to 60 times less memory than
 * the floats, and answers as good as the codec's estimates. With `refine` the floats are kept beside the codes, and the
 * best `refine` x k by their codes are measured again on them.
 *
 * Saved form, version 1: a section file of kind `index`, with the parts of a saved codec (saved-codec.ts) and
 *
 *   meta:      { object: "codes", count, refine }
 *   sections:  codes     count x bytesPerVector
 *              vectors   count x dimensions f32, with refine
 *              removed   bits of labels
 */
import { type BatchCodec, type CodecOptions, loadCodec, makeCodec, mustTrain } from "../codec/index.js";
import type { EffortDial, Metric } from "../index/contract.js";
import { FlatIndex } from "../index/flat/index.js";
import { wholeNumber } from "../index/saved-meta.js";
import { countBits, hasBit } from "../runtime/bits.js";
import type { KernelModule } from "../runtime/kernels.js";
import type { Sections } from "../storage/sections.js";
import {
  badArgument,
  checkedK,
  checkedLabel,
  checkedShare,
  checkedVectors,
  normalised,
} from "./arguments.js";
import { Breath } from "./breath.js";
import { Calls } from "./calls.js";
import { CodeRows } from "./code-rows.js";
import { notTrained } from "./codec-object.js";
import type { BatchHits, Index, RangeHits, SearchOptions, Vectors } from "./contract.js";
import { GrowingVectors } from "./growing-vectors.js";
import { batchHits, type Hits, type PartHits, RangeCollector, shownDistance } from "./hits.js";
import { learnCodec } from "./learn-codec.js";
import { LiveLabels } from "./live-labels.js";
import { codecSections, savedCodecOf } from "./saved-codec.js";
import { readBits, readStore } from "./saved-family.js";
import { bytesOf, damaged } from "./saved-form.js";

/** Largest `refine`: beyond it a scan of the floats is the better choice. */
export const MOST_REFINE = 1000;

/** Vectors encoded between two looks at the clock. */
const ENCODED = 256;

export interface CodedSettings {
  codec: CodecOptions;
  metric: Metric;
  /** How many times k are measured on the floats; 0: no floats are kept. */
  refine: number;
}

export class CodedIndex implements Index {
  readonly family = "flat";
  readonly calibration = undefined;
  readonly #settings: CodedSettings;
  readonly #kernels: KernelModule;
  readonly #calls = new Calls();
  #codec: BatchCodec | undefined;
  #rows: CodeRows | undefined;
  /** With `refine` only. */
  readonly #floats: GrowingVectors | undefined;
  #live = new LiveLabels();

  constructor(kernels: KernelModule, settings: CodedSettings) {
    this.#kernels = kernels;
    this.#settings = settings;
    if (settings.refine > 0) this.#floats = new GrowingVectors(kernels, this.d, this.metric);
    if (!mustTrain(settings.codec.type)) this.#open(makeCodec(kernels, settings.codec, new Float32Array(0)));
  }

  get metric(): Metric {
    return this.#settings.metric;
  }

  get d(): number {
    return this.#settings.codec.dimensions;
  }

  get ntotal(): number {
    return this.#count - this.#live.removedCount;
  }

  get isTrained(): boolean {
    return this.#codec !== undefined;
  }

  get effort(): EffortDial | undefined {
    const { refine } = this.#settings;
    return refine > 0 ? { default: refine, min: 1, max: MOST_REFINE, scored: 1 } : undefined;
  }

  get #count(): number {
    return this.#rows?.count ?? 0;
  }

  /** Forgets what was learned before; BAD_REQUEST once there are vectors. */
  train(vectors: Vectors): Promise<void> {
    return this.#calls.run(async () => {
      const rows = this.#checked("vectors", vectors);
      const { codec: options } = this.#settings;
      if (!mustTrain(options.type)) return;
      if (this.#count > 0)
        throw badArgument("vectors", "given before the first add", `${this.#count} vectors later`);
      const learned = await learnCodec(this.#kernels, options, rows);
      this.#codec?.close();
      this.#open(learned);
    });
  }

  add(vectors: Vectors): Promise<number> {
    return this.#calls.run(async () => {
      const checked = this.#checked("vectors", vectors);
      const rows = this.#ready();
      const first = rows.count;
      rows.reserve(first + checked.length / this.d);
      this.#floats?.append(checked);
      const breath = new Breath(undefined);
      for (let at = 0; at < checked.length; at += ENCODED * this.d) {
        rows.append(checked.subarray(at, at + ENCODED * this.d));
        if (breath.due) await breath.take();
      }
      return first;
    });
  }

  /** There is nothing to build. */
  build(): Promise<void> {
    return this.#calls.run(async () => {});
  }

  search(queries: Vectors, k: number, options: SearchOptions = {}): Promise<BatchHits> {
    return this.#calls.run(async () => {
      checkedK(k);
      const rows = this.#checked("queries", queries);
      const refine = checkedShare("effort", options.effort, 1, MOST_REFINE) ?? this.#settings.refine;
      const recall = checkedShare("recall", options.recall, 0, 1);
      if (recall !== undefined && !this.#floats)
        throw badArgument("recall", "left out where only codes are kept: refine keeps floats", recall);
      const exact = options.exact === true || recall !== undefined;
      const allowed = this.#live.allowed(options.among, this.#count);
      const most = Math.min(k, allowed ? countBits(allowed) : this.#count);
      const part: PartHits = { first: 0, hits: [], scored: 0, visited: 0 };
      const breath = new Breath(options.signal);
      for (let at = 0; at < rows.length; at += this.d) {
        const query = rows.subarray(at, at + this.d);
        const wish = { k: most, refine: exact ? Number.POSITIVE_INFINITY : refine, allowed };
        part.hits.push(await this.#one(query, wish, breath));
        part.scored += this.#count;
      }
      return batchHits(this.metric, rows.length / this.d, k, [part]);
    });
  }

  rangeSearch(
    queries: Vectors,
    radius: number,
    options: Pick<SearchOptions, "among" | "signal"> = {},
  ): Promise<RangeHits> {
    return this.#calls.run(async () => {
      const rows = this.#checked("queries", queries);
      const most = shownDistance(this.metric, checkedShare("radius", radius, -Infinity, Infinity) ?? 0);
      const allowed = this.#live.allowed(options.among, this.#count);
      const found = new RangeCollector(this.metric);
      const breath = new Breath(options.signal);
      for (let at = 0; at < rows.length; at += this.d) {
        const query = rows.subarray(at, at + this.d);
        for (const { from, distances } of this.#rows?.distances(query) ?? []) {
          for (let i = 0; i < distances.length; i++)
            if (distances[i] <= most && (!allowed || hasBit(allowed, from + i)))
              found.offer(from + i, distances[i]);
          if (breath.due) await breath.take();
        }
        found.next();
      }
      return found.finish();
    });
  }

  reconstruct(label: number): Float32Array {
    this.#calls.checkOpen();
    checkedLabel("label", label, this.#count);
    const kept = this.#floats?.store?.get(label);
    return kept ?? this.#codec!.decode(this.#rows!.bytes(label, label + 1));
  }

  removeIds(labels: Iterable<number>): Promise<number> {
    return this.#calls.run(async () => this.#live.remove(labels, this.#count));
  }

  memoryBytes(): number {
    this.#calls.checkOpen();
    return (this.#rows?.bytes().length ?? 0) + (this.#floats?.store?.bytes().length ?? 0);
  }

  save(): Promise<Uint8Array> {
    return this.#calls.run(async () => {
      const { codec, refine } = this.#settings;
      const { meta, sections } = codecSections(codec, this.#codec?.save());
      const removed = this.#live.removed;
      const vectors = this.#floats?.store?.bytes();
      if (this.#rows) sections.push({ name: "codes", bytes: this.#rows.bytes() });
      if (vectors) sections.push({ name: "vectors", bytes: vectors });
      if (removed) sections.push({ name: "removed", bytes: new Uint8Array(removed.buffer) });
      const own = { object: "codes", count: this.#count, refine };
      return bytesOf({ kind: "index", meta: { ...meta, ...own }, sections });
    });
  }

  /** Reads back what `save` gave. */
  static async load(kernels: KernelModule, file: Sections): Promise<CodedIndex> {
    const { options, saved } = await savedCodecOf(file);
    const refine = wholeNumber(file.meta, "refine", 0, MOST_REFINE, damaged);
    const count = wholeNumber(file.meta, "count", 0, saved ? 2 ** 31 - 1 : 0, damaged);
    const metric = options.metric ?? "Euclid";
    const index = new CodedIndex(kernels, { codec: options, metric, refine });
    try {
      if (saved) await index.#restore(loadCodec(kernels, saved), file, count);
      return index;
    } catch (error) {
      await index.close();
      throw error;
    }
  }

  close(): Promise<void> {
    return this.#calls.close(() => {
      this.#codec?.close();
      this.#floats?.close();
    });
  }

  #open(codec: BatchCodec): void {
    this.#codec = codec;
    this.#rows = new CodeRows(codec);
  }

  async #restore(codec: BatchCodec, file: Sections, count: number): Promise<void> {
    this.#codec?.close();
    this.#open(codec);
    const { metric, d: dimensions } = this;
    if (codec.dimensions !== dimensions || codec.metric !== metric) throw damaged("a codec of other vectors");
    if (file.length("codes") !== count * codec.bytesPerVector)
      throw damaged(`${file.length("codes")} bytes of ${count} codes`);
    if (count > 0) this.#rows?.append(await file.read("codes"));
    if (this.#floats) {
      const store = await readStore(this.#kernels, { metric, dimensions }, file, "vectors", count);
      if (store) this.#floats.put(store);
    }
    if (file.has("removed")) this.#live = new LiveLabels(await readBits(file, count));
  }

  async #one(query: Float32Array, wish: Wish, breath: Breath): Promise<Hits> {
    const { k, refine, allowed } = wish;
    const store = this.#floats?.store;
    if (k === 0 || !this.#rows) return { ordinals: new Uint32Array(0), distances: new Float32Array(0) };
    const scan = store && new FlatIndex(store);
    if (scan && refine * k >= this.#count) return scan.search({ query, k, bits: allowed });
    const wanted = scan ? Math.min(this.#count, Math.ceil(refine * k)) : k;
    const steps = this.#rows.nearest(query, wanted, allowed);
    let step = steps.next();
    try {
      for (; !step.done; step = steps.next()) if (breath.due) await breath.take();
    } finally {
      if (!step.done) steps.return({ ordinals: new Uint32Array(0), distances: new Float32Array(0) });
    }
    return scan ? scan.searchAmong(query, k, step.value.ordinals) : step.value;
  }

  /** Checked, and of unit length where the metric asks for it. */
  #checked(field: string, vectors: Vectors): Float32Array {
    const rows = checkedVectors(field, vectors, this.d);
    return this.metric === "Cosine" ? normalised(rows, this.d) : rows;
  }

  #ready(): CodeRows {
    if (this.#rows) return this.#rows;
    throw notTrained(`The codec ${this.#settings.codec.type}`);
  }
}

interface Wish {
  k: number;
  refine: number;
  allowed: Uint32Array | undefined;
}
