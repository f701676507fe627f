/** Hires helpers for a build, as many as there are idle threads, once the build itself runs on one; see crew.ts. */
import { idleWorkers, runTask } from "../../runtime/pool.js";
import type { StoreHandle, VectorStore } from "../vector-store.js";
import { dismiss, hasWork } from "./crew.js";

/** More helpers would wait for each other. */
const MOST_HELPERS = 15;

/** A place for a helper: what it works with, and its run while it is there. */
interface Place {
  input: { store: StoreHandle; job: unknown };
  run: Promise<void> | undefined;
}

export class Helpers {
  readonly #store: VectorStore;
  readonly #task: string;
  readonly #crew: Int32Array;
  readonly #job: () => unknown;
  readonly #places: Place[] = [];

  /** `job` gives what one more helper works with; `task` names a module that runs `help`. */
  constructor(store: VectorStore, task: string, crew: Int32Array, job: () => unknown) {
    this.#store = store;
    this.#task = task;
    this.#crew = crew;
    this.#job = job;
  }

  /** To be called now and then while the build runs: where there is work to share, idle threads are taken. */
  hire(): void {
    if (!hasWork(this.#crew)) return;
    const there = this.#places.filter(({ run }) => run).length;
    const wanted = Math.min(MOST_HELPERS - there, idleWorkers());
    for (let i = 0; i < wanted; i++) {
      const place = this.#places.find(({ run }) => !run) ?? this.#newPlace();
      // Who fails has told the coordinator.
      const run = runTask<void>(this.#task, place.input).catch(() => undefined);
      place.run = run.then(() => {
        place.run = undefined;
      });
    }
  }

  #newPlace(): Place {
    const place: Place = { input: { store: this.#store.lend(), job: this.#job() }, run: undefined };
    this.#places.push(place);
    return place;
  }

  /** The build is over: waits until no helper is at work. */
  async leave(): Promise<void> {
    dismiss(this.#crew);
    for (const { run, input } of this.#places) {
      await run;
      this.#store.takeBack(input.store);
    }
  }
}
