/** What one request says beside its body, and used beside the server's own time: the tokens that models counted. */
import type { EngineApi, InferenceUsage, RequestScope, ScopedEngine } from "vicinal/protocol";

/** Of requests and of their answers: what a read must have seen, and where a write was put. */
export const sequenceHeaders = { wanted: "vicinal-min-sequence", given: "vicinal-sequence" } as const;

export class Metered {
  /** The engine to serve the request with. */
  readonly engine: EngineApi;
  /** Known once the request is answered; absent where no model counted. */
  inference: InferenceUsage | undefined;
  /** Known once a write in a cluster is answered. */
  sequence: string | undefined;

  constructor(engine: EngineApi, scope: Omit<RequestScope, "onUsage" | "onSequence"> = {}) {
    const onUsage = (usage: InferenceUsage): void => {
      this.inference = usage;
    };
    const onSequence = (token: string): void => {
      this.sequence = token;
    };
    this.engine = (engine as Partial<ScopedEngine>).forRequest?.({ ...scope, onUsage, onSequence }) ?? engine;
  }
}
