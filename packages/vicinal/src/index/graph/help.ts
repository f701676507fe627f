/** What a helper's thread runs; see crew.ts and hire.ts. */
import { type StoreHandle, VectorStore } from "../vector-store.js";
import type { GraphJob, GraphMethod } from "./build-steps.js";
import { help } from "./crew.js";

export interface HelpInput<M> {
  store: StoreHandle;
  /** With a slot of the helper's own. */
  job: GraphJob<M>;
}

/** The `run` of a task module: see runtime/tasks.ts. */
export function helpTask<M>(method: GraphMethod<M>): (input: unknown) => void {
  return (input) => {
    const { store, job } = input as HelpInput<M>;
    if (method.perform) help(job.crew, method.perform(VectorStore.attach(store), job));
  };
}
