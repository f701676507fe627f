/**
 * The regions of a store's memory that the making of an index takes: scratch, which is given back at the end
 * whatever happens, and the index's own, which is given back if the making fails.
 */
import { throwIfCancelled } from "../runtime/cancel.js";
import type { BuildOptions, VectorIndex } from "./contract.js";
import type { VectorStore } from "./vector-store.js";

export class BuildMemory {
  readonly #store: VectorStore;
  readonly #scratch: number[] = [];
  readonly #undo: (() => void)[] = [];

  constructor(store: VectorStore) {
    this.#store = store;
  }

  /** Scratch of that many bytes; its address. */
  take(bytes: number): number {
    return this.scratch(this.#store.arena.allocate(bytes));
  }

  /** A region that was allocated already becomes scratch. */
  scratch(region: number): number {
    this.#scratch.push(region);
    return region;
  }

  /** Gives the scratch back now: a later phase needs the room. */
  releaseScratch(): void {
    for (const region of this.#scratch.splice(0)) this.#store.arena.release(region);
  }

  /** What the index keeps: gives it back if the making fails. */
  keep<T extends { region: number }>(layout: T): T {
    this.onFailure(() => this.#store.arena.release(layout.region));
    return layout;
  }

  /** As `keep`, for an index whose regions may change while it is made. */
  onFailure(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** The making failed. */
  undo(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/** Runs a build: not at all when it is cancelled already; all memory goes back but that of an index that came to be. */
export async function building<I extends VectorIndex>(
  store: VectorStore,
  options: BuildOptions,
  build: (memory: BuildMemory) => Promise<I>,
): Promise<I> {
  throwIfCancelled(options.signal);
  const index = await inMemory(store, build);
  options.progress?.(store.count, store.count);
  return index;
}

/** Runs what makes an index, a build or a load. */
export async function inMemory<I extends VectorIndex>(
  store: VectorStore,
  make: (memory: BuildMemory) => Promise<I>,
): Promise<I> {
  const memory = new BuildMemory(store);
  try {
    return await make(memory);
  } catch (error) {
    memory.undo();
    throw error;
  } finally {
    memory.releaseScratch();
  }
}
