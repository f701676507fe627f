/**
 * IndexWork: which indexes the columns of a collection should have, and their building.
 *
 * A column remembers what its index was built as. Where the collection's configuration says something else by now, the
 * index is stale: it answers searches until its successor is built beside it, over the same vectors, and takes its place.
 */
import { carriedOver, isExpired } from "../index/calibration.js";
import { type IndexChoice, sameChoice } from "../index/choice.js";
import type { BuildOptions, Progress, VectorIndex } from "../index/contract.js";
import { familyNamed } from "../index/families.js";
import { buildEncoded, EncodedIndex, LEAST_DOCUMENTS, MaxSimScan } from "../index/multi/index.js";
import { LEAST_MEASURED } from "../index/withheld.js";
import { throwIfCancelled } from "../runtime/cancel.js";
import { INDEXING_BYTES } from "./defaults.js";
import { segmentBytes } from "./memory-budget.js";
import type { Segment } from "./segment.js";
import type { CollectionState } from "./state.js";
import type { MemoryHome, VectorColumn } from "./vector-column.js";

/** Where segments are bounded by a budget of memory, those that hold this share of the bound are indexed, so that files serve. */
const INDEXED_SHARE = 1 / 4;

/** The rows of an older segment, and which rows of a newer one they became (-1: gone). */
export interface Previous {
  source: Segment;
  newRows: Int32Array;
}

/** An index that can be extended, and the new ordinals of its vectors (-1: gone). */
type Older = NonNullable<BuildOptions["previous"]>;

export class IndexWork {
  readonly #state: CollectionState;
  readonly #stop: AbortSignal;
  /** The build that runs. */
  #building: { name: string; wanted: IndexChoice; abort: AbortController } | undefined;

  constructor(state: CollectionState, stop: AbortSignal) {
    this.#state = state;
    this.#stop = stop;
  }

  /** Vector bytes of a segment from which on it is indexed. */
  get leastBytes(): number {
    const thresholdKb = this.#state.config.optimizers.indexing_threshold;
    if (typeof thresholdKb !== "number")
      return Math.min(INDEXING_BYTES, segmentBytes(this.#state.config, this.#state.budget) * INDEXED_SHARE);
    return thresholdKb === 0 ? Number.POSITIVE_INFINITY : thresholdKb * 1024;
  }

  /** Whether a column of the segment is scanned that should have an index. */
  isBare(segment: Segment): boolean {
    return this.#some(segment, (column) => !column.choice && this.#wanted(column) !== undefined);
  }

  /** Whether a column of the segment has another index than it should have, or a sparse one postings in several runs. */
  isStale(segment: Segment): boolean {
    if (this.#some(segment, (column) => !this.#isRight(column))) return true;
    for (const { index } of segment.sparse.values()) if (!index.consolidated) return true;
    return false;
  }

  /** Whether so much was deleted since a column's index was measured that it is not trusted any more. */
  isExpired(segment: Segment): boolean {
    return this.#some(segment, ({ index: { calibration } }) =>
      calibration ? isExpired(calibration, segment.deadCount) : false,
    );
  }

  #some(segment: Segment, condition: (column: VectorColumn) => boolean): boolean {
    for (const column of segment.vectors.values()) if (condition(column)) return true;
    return false;
  }

  #isRight(column: VectorColumn): boolean {
    const wanted = this.#wanted(column);
    return wanted ? sameChoice(column.choice, wanted) : !column.choice;
  }

  /** What a column should be searched by; undefined for a scan. An index that is right stays, however small its segment. */
  #wanted(column: VectorColumn): IndexChoice | undefined {
    const { count, dimensions } = column.store;
    const many = !column.multi || column.count >= LEAST_DOCUMENTS;
    const large = many && count * dimensions * 4 >= this.leastBytes;
    if (!large && !column.choice) return undefined;
    const choice = this.#state.choiceOf(column.name);
    if (choice.family === "flat") return undefined;
    return large || sameChoice(column.choice, choice) ? choice : undefined;
  }

  /** Gives every column of a sealed segment the index that it should have. */
  async build(segment: Segment, previous: Previous | undefined, progress: Progress): Promise<void> {
    await this.consolidate(segment, progress);
    for (const column of segment.vectors.values()) {
      while (!this.#isRight(column)) {
        const wanted = this.#wanted(column);
        const older = wanted && previous && extendable(previous, column, wanted);
        const home = await inMemory(segment, column);
        if (!wanted) column.replaceIndex(undefined, undefined);
        else {
          const index = await this.#buildOne(column.name, home, wanted, older, progress);
          if (index) column.replaceIndex(index, wanted);
        }
      }
    }
  }

  /** Makes one run of the postings of each sparse column of a sealed segment. */
  async consolidate(segment: Segment, progress: Progress): Promise<void> {
    for (const { index } of segment.sparse.values())
      await index.consolidate({ signal: this.#stop, progress });
  }

  /** Undefined when the configuration changed meanwhile, so that nobody wants the result. */
  async #buildOne(
    name: string,
    home: MemoryHome,
    wanted: IndexChoice,
    previous: Older | undefined,
    progress: Progress,
  ): Promise<VectorIndex | undefined> {
    const abort = new AbortController();
    this.#building = { name, wanted, abort };
    try {
      const options = { signal: AbortSignal.any([this.#stop, abort.signal]), progress };
      let index = await buildOver(home, wanted, { ...options, previous });
      noteCalibration(index, previous);
      if (previous && !isMeasured(index)) {
        index.release();
        index = await buildOver(home, wanted, options);
        noteCalibration(index, undefined);
      }
      throwIfCancelled(this.#stop);
      return index;
    } catch (reason) {
      if (abort.signal.aborted && !this.#stop.aborted) return undefined;
      throw reason;
    } finally {
      this.#building = undefined;
    }
  }

  /** To be called after the configuration changed: ends a build whose result is not wanted any more. */
  reconsider(): void {
    const building = this.#building;
    if (building && !sameChoice(building.wanted, this.#state.choiceOf(building.name))) building.abort.abort();
  }
}

/**
 * An index is built over vectors in memory: those that files served are read, and scanned there meanwhile. Their segments are
 * small enough for that (memory-budget.ts).
 */
async function inMemory(segment: Segment, column: VectorColumn): Promise<MemoryHome> {
  const old = await column.moveToMemory();
  if (old) void segment.readers.left().then(() => old.index.close());
  return column.memory as MemoryHome;
}

function buildOver(
  { store, scan }: MemoryHome,
  wanted: IndexChoice,
  options: BuildOptions,
): Promise<VectorIndex> {
  if (scan instanceof MaxSimScan) return buildEncoded(scan, wanted, options);
  return familyNamed(wanted.family).build(store, wanted.parameters, options);
}

/** How many ordinals an index has. */
function countOf(index: VectorIndex): number {
  return index instanceof EncodedIndex ? index.scan.documents.count : index.store.count;
}

/** Says how many vectors a measurement was made on, or how many came and went since one that was carried over. */
function noteCalibration(index: VectorIndex, previous: Older | undefined): void {
  const { calibration } = index;
  if (!calibration) return;
  const count = countOf(index);
  if (calibration !== previous?.index.calibration) index.calibration = { ...calibration, count };
  else index.calibration = carriedOver(calibration, changedBy(previous, count));
}

/** Vectors of the older index that are gone, and new ones. */
function changedBy({ oldToNew }: Older, count: number): number {
  let kept = 0;
  for (const ordinal of oldToNew) if (ordinal >= 0) kept++;
  return oldToNew.length + count - 2 * kept;
}

/** Whether the planner may go by what was measured, or need not, because a scan of so few vectors is cheap. */
function isMeasured({ store, exact, calibration }: VectorIndex): boolean {
  return exact || store.count < LEAST_MEASURED || (calibration !== undefined && !isExpired(calibration, 0));
}

/** The older index with the map of its ordinals, if it was built as the wanted one is to be. */
function extendable(
  { source, newRows }: Previous,
  column: VectorColumn,
  wanted: IndexChoice,
): Older | undefined {
  const old = source.vectors.get(column.name);
  // The encodings of multi-vectors are made anew.
  if (!old?.memory || old.multi || !sameChoice(old.choice, wanted)) return undefined;
  const oldToNew = new Int32Array(old.store.count);
  for (let ordinal = 0; ordinal < oldToNew.length; ordinal++) {
    const row = newRows[old.row(ordinal)];
    oldToNew[ordinal] = row < 0 ? -1 : column.ordinal(row);
  }
  return { index: old.memory.index, oldToNew };
}
