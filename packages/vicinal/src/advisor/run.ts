/** Run: how far the advisor is, and how long it may go on. */
import type { AdviseStep } from "./contract.js";

export class Run {
  readonly #deadline: number;
  readonly #signal: AbortSignal | undefined;
  readonly #progress: ((step: AdviseStep) => void) | undefined;
  readonly #total: number;
  #done = 0;

  constructor(
    options: { budgetMs: number; signal?: AbortSignal; progress?: (step: AdviseStep) => void },
    steps: number,
  ) {
    this.#deadline = performance.now() + options.budgetMs;
    this.#signal = options.signal;
    this.#progress = options.progress;
    this.#total = steps;
  }

  get leftMs(): number {
    return this.#deadline - performance.now();
  }

  /** Aborts when the caller gives up, or when the time is over. */
  limit(): AbortSignal {
    const over = AbortSignal.timeout(Math.max(0, Math.ceil(this.leftMs)));
    return this.#signal ? AbortSignal.any([this.#signal, over]) : over;
  }

  /** `share` of the step that runs is done. */
  report(kind: AdviseStep["kind"], vectors: number, candidate?: string, share = 0): void {
    const done = Math.min(this.#total, this.#done + share);
    this.#progress?.({ kind, candidate, vectors, done, total: this.#total });
  }

  /** The step that runs is over. */
  next(): void {
    this.#done++;
  }
}
