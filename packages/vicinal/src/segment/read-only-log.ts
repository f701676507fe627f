/** A log that takes nothing: of a collection that another process writes. */
import { VicinalError } from "../runtime/errors.js";
import type { Log } from "../storage/log.js";

export class ReadOnlyLog implements Log {
  readonly next = 1;
  readonly synced = 0;
  readonly bytes = 0;

  async append(): Promise<number> {
    throw readOnly();
  }
  async rotate(): Promise<void> {}
  async truncate(): Promise<void> {}
  async hold(): Promise<never> {
    throw readOnly();
  }
  async close(): Promise<void> {}
}

export function readOnly(): VicinalError {
  return new VicinalError("READ_ONLY", "The database was opened for reading only");
}
