/**
 * Ground: vectors of one number, the queries' exact neighbours among them, and the candidates that are built over them.
 * All of them stay in memory until the ground is closed, so that they can be timed in turns.
 */

import { processCpuMs } from "#platform/clock.js";
import { effortFor } from "../index/calibration.js";
import type { CalibrationCurve, VectorIndex } from "../index/contract.js";
import { familyNamed } from "../index/families.js";
import { FlatIndex } from "../index/flat/index.js";
import { recallCurves } from "../index/recall-curve.js";
import { VectorStore, type VectorStoreOptions } from "../index/vector-store.js";
import { throwIfCancelled, yieldToOthers } from "../runtime/cancel.js";
import { RECALL_SLACK } from "./choose.js";
import type { Candidate } from "./contract.js";
import type { Queries } from "./queries.js";
import { type Timed, timeInTurns } from "./time.js";

/** Milliseconds of work between two breaths. */
const SLICE_MS = 16;
/**
 * An effort at which a query takes longer than so many scans, and than a millisecond, is the last one tried: on a sample
 * a scan is quicker beside an index than it will be on all points.
 */
export const MOST_SCANS = 4;
const PATIENCE_MS = 1;
/** Step from one effort tried to the next, and from one that proved too little. */
const EFFORT_STEP = 1.5;
const EFFORT_RAISE = 1.2;

interface Half {
  queries: readonly Float32Array[];
  /** Distances of the exact neighbours of each query, rising. */
  truth: readonly Float32Array[];
}

export class Ground {
  readonly store: VectorStore;
  readonly #k: number;
  readonly #dial: Half;
  readonly #check: Half;
  readonly #scanMs: number;

  private constructor(store: VectorStore, k: number, dial: Half, check: Half, scanMs: number) {
    this.store = store;
    this.#k = k;
    this.#dial = dial;
    this.#check = check;
    this.#scanMs = scanMs;
  }

  /** @param fill appends vectors to the store */
  static async lay(
    options: VectorStoreOptions,
    queries: Queries,
    { k, signal }: { k: number; signal?: AbortSignal },
    fill: (store: VectorStore) => Promise<void>,
  ): Promise<Ground> {
    const store = await VectorStore.create(options);
    try {
      await fill(store);
      const scan = new FlatIndex(store);
      const breath = breathing(signal);
      let milliseconds = 0;
      const half = async (some: readonly Float32Array[]): Promise<Half> => {
        const truth: Float32Array[] = [];
        for (const query of some) {
          const started = performance.now();
          truth.push(scan.search({ query, k }).distances);
          milliseconds += performance.now() - started;
          await breath();
        }
        return { queries: some, truth };
      };
      const { dial, check } = queries.halves();
      const halves = [await half(dial), await half(check)];
      return new Ground(store, k, halves[0], halves[1], milliseconds / queries.vectors.length);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  get count(): number {
    return this.store.count;
  }

  /** Builds the candidate. Rejects with CANCELLED when the signal says so, leaving the ground as it was. */
  async build(
    { family: name, parameters }: Candidate,
    seed: number,
    progress: (share: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<{ index: VectorIndex; buildSeconds: number }> {
    const family = familyNamed(name);
    const started = processCpuMs();
    const index = await family.build(this.store, family.parameters(parameters), {
      calibrate: false,
      seed,
      signal,
      progress: (done, total) => progress(total > 0 ? done / total : 1),
    });
    return { index, buildSeconds: (processCpuMs() - started) / 1000 };
  }

  /** The least effort that reaches the recall, carefully read, and what the other queries get with it. */
  async tune(
    index: VectorIndex,
    wanted: number,
    signal: AbortSignal | undefined,
  ): Promise<{ effort: number; recall: number; error: number } | { best: number }> {
    if (index.exact) return this.#checked(index, index.effort.default, signal);
    const found = await this.#effortFor(index, wanted, signal);
    if (typeof found === "object") return found;
    let effort = found;
    for (;;) {
      const clock = { ms: 0 };
      const checked = await this.#checked(index, effort, signal, clock);
      const last = effort >= index.effort.max || clock.ms > this.#patienceMs(this.#check);
      if (checked.recall >= wanted - RECALL_SLACK || last) return checked;
      // A miss raises the dial, as it does in a collection.
      effort = Math.min(index.effort.max, Math.ceil(effort * EFFORT_RAISE));
    }
  }

  async #checked(index: VectorIndex, effort: number, signal: AbortSignal | undefined, clock = { ms: 0 }) {
    const [{ recalls, errors }] = await this.#curve(index, this.#check, [effort], 2, signal, clock);
    return { effort, recall: recalls[0], error: errors[0] };
  }

  /** Time that the queries of a half may take at one effort. */
  #patienceMs({ queries }: Half): number {
    return Math.max(PATIENCE_MS, this.#scanMs * MOST_SCANS) * queries.length;
  }

  async #effortFor(
    index: VectorIndex,
    wanted: number,
    signal: AbortSignal | undefined,
  ): Promise<number | { best: number }> {
    const { queries } = this.#dial;
    const limitMs = this.#patienceMs(this.#dial);
    const { min, max } = index.effort;
    const clock = { ms: 0 };
    function* efforts() {
      for (let effort = min; effort < max && clock.ms <= limitMs; effort = Math.ceil(effort * EFFORT_STEP)) {
        clock.ms = 0;
        yield effort;
      }
      if (clock.ms <= limitMs) yield max;
    }
    // Beyond the wish, so that the careful reading of the curve reaches it too.
    const enough = (1 + wanted) / 2;
    const curves = await this.#curve(index, this.#dial, efforts(), enough, signal, clock);
    const effort = effortFor({ queries: queries.length, curves }, { recall: wanted, k: this.#k });
    return effort ?? { best: Math.max(...curves[0].recalls) };
  }

  async #curve(
    index: VectorIndex,
    { queries, truth }: Half,
    efforts: Iterable<number>,
    enough: number,
    signal: AbortSignal | undefined,
    clock = { ms: 0 },
  ): Promise<CalibrationCurve[]> {
    const breath = breathing(signal);
    const query = (i: number) => queries[i];
    const asked = () => queries.length;
    const run = recallCurves({ index, query, truth, progress: 0, asked, enough }, [this.#k], efforts, 1);
    for (;;) {
      const started = performance.now();
      const step = run.next();
      clock.ms += performance.now() - started;
      if (step.done) return step.value;
      await breath();
    }
  }

  /** What searches cost at the dials that were found, all candidates in turns. */
  time(
    trials: readonly { index: VectorIndex; effort: number }[],
    progress: (share: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<Timed[]> {
    const k = this.#k;
    const { queries } = this.#check;
    const searches = trials.map(
      ({ index, effort }) =>
        (i: number) =>
          index.search({ query: queries[i], k, effort }).ordinals.length,
    );
    return timeInTurns(searches, queries.length, progress, signal);
  }

  close(): void {
    this.store.close();
  }
}

/** Lets others have their turn now and then, and stops when the caller gave up. */
function breathing(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < SLICE_MS) return undefined;
    return yieldToOthers().then(() => {
      throwIfCancelled(signal);
      since = performance.now();
    });
  };
}
