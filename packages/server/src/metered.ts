/** What one request says beside its body, and used beside the server's own time: the tokens that models counted. */
import type { EngineApi, InferenceUsage, ScopedEngine } from "vicinal/protocol";

export class Metered {
  /** The engine to serve the request with. */
  readonly engine: EngineApi;
  /** Known once the request is answered; absent where no model counted. */
  inference: InferenceUsage | undefined;

  /** @param operationId What the client calls its write (header `idempotency-key`); see RequestScope. */
  constructor(engine: EngineApi, operationId?: string) {
    const onUsage = (usage: InferenceUsage): void => {
      this.inference = usage;
    };
    this.engine = (engine as Partial<ScopedEngine>).forRequest?.({ onUsage, operationId }) ?? engine;
  }
}
