/** Analyses that run while their callers do other things: started, looked at, cancelled, and kept for a while. */
import { VicinalError } from "../../runtime/errors.js";
import { type AnalysisJob, type AnalysisRequest, taskNames } from "../schema/index.js";
import type { AnalysisOptions, AnalysisResult } from "./analysis.js";

/** Jobs that are kept; the oldest that have ended go first. */
const KEPT = 100;
/** Jobs that may run at a time: each holds its points' vectors in memory. */
const RUNNING_MAX = 2;

interface Kept {
  job: AnalysisJob;
  collection: string;
  abort: AbortController;
  ended: Promise<void>;
}

export class AnalysisJobs {
  readonly #jobs = new Map<string, Kept>();
  #next = 1;

  /** BUSY when as many run as may. */
  start(
    collection: string,
    request: AnalysisRequest,
    run: (options: AnalysisOptions) => Promise<AnalysisResult>,
  ): AnalysisJob {
    const running = [...this.#jobs.values()].filter(({ job }) => job.status === "running").length;
    if (running >= RUNNING_MAX)
      throw new VicinalError("BUSY", `${running} analyses are running, no more may; wait or cancel one`, {
        running,
      });
    const task = taskNames.find((name) => request[name]) as AnalysisJob["task"];
    const job: AnalysisJob = {
      id: String(this.#next++),
      task,
      status: "running",
      stage: "reading",
      progress: 0,
    };
    const abort = new AbortController();
    const progress = (stage: string, share: number) => Object.assign(job, { stage, progress: share });
    const ended = run({ signal: abort.signal, progress }).then(
      (result) => void Object.assign(job, { status: "done", progress: 1, result }),
      (reason: unknown) => {
        const cancelled = reason instanceof VicinalError && reason.code === "CANCELLED";
        const error = reason instanceof Error ? reason.message : String(reason);
        Object.assign(job, cancelled ? { status: "cancelled" } : { status: "failed", error });
      },
    );
    this.#jobs.set(job.id, { job, collection, abort, ended });
    this.#forget();
    return { ...job };
  }

  #forget(): void {
    for (const [id, { job }] of this.#jobs) {
      if (this.#jobs.size <= KEPT) return;
      if (job.status !== "running") this.#jobs.delete(id);
    }
  }

  /** Without their results. */
  list(collection: string): AnalysisJob[] {
    const own = [...this.#jobs.values()].filter((kept) => kept.collection === collection);
    return own.map(({ job: { result: _, ...job } }) => job);
  }

  /** JOB_NOT_FOUND */
  get(collection: string, id: string): AnalysisJob {
    return { ...this.#find(collection, id).job };
  }

  /** Ends a job that runs, and forgets it. JOB_NOT_FOUND */
  async remove(collection: string, id: string): Promise<void> {
    const { abort, ended } = this.#find(collection, id);
    abort.abort();
    await ended;
    this.#jobs.delete(id);
  }

  /** Ends and forgets all of a collection that is about to go, lest one made anew under its name shows them. */
  async removeAll(collection: string): Promise<void> {
    const own = [...this.#jobs.values()].filter((kept) => kept.collection === collection);
    await Promise.all(own.map(({ job }) => this.remove(collection, job.id)));
  }

  #find(collection: string, id: string): Kept {
    const kept = this.#jobs.get(id);
    if (kept?.collection === collection) return kept;
    throw new VicinalError("JOB_NOT_FOUND", `Not found: No analysis ${id} of collection ${collection}`, {
      id,
    });
  }

  /** Ends all that run. */
  async close(): Promise<void> {
    for (const { abort } of this.#jobs.values()) abort.abort();
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended));
    this.#jobs.clear();
  }
}
