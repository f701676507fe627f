/** What one request says beside its body, and used beside the server's own time: the tokens that models counted. */
import type { EngineApi, InferenceUsage, RequestScope, ScopedEngine } from "vicinal/protocol";

export class Metered {
  /** The engine to serve the request with. */
  readonly engine: EngineApi;
  /** Known once the request is answered; absent where no model counted. */
  inference: InferenceUsage | undefined;

  constructor(engine: EngineApi, scope: Omit<RequestScope, "onUsage"> = {}) {
    const onUsage = (usage: InferenceUsage): void => {
      this.inference = usage;
    };
    this.engine = (engine as Partial<ScopedEngine>).forRequest?.({ ...scope, onUsage }) ?? engine;
  }
}
