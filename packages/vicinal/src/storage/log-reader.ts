/**
 * Reads a log that another process appends to: each call hands out what was added since the call before.
 *
 * It shows whole batches in their order, which may not be synced yet: the writer acknowledges them a moment later. A batch
 * that is being written ends the call, and the next call looks again.
 */
import { VicinalError } from "../runtime/errors.js";
import type { Directory } from "./directory.js";
import { parseLogFileName } from "./log-format.js";
import { splitByEpoch } from "./log-opening.js";
import { type LogPosition, type LogRecord, replayLogFile } from "./log-replay.js";

export class LogReader {
  /** Sequence number of the record that comes next. */
  #next: number;
  /** Where that is, by the file's path, once the file was looked at. */
  #position: { path: string; at: LogPosition } | undefined;

  /** @param after Reading begins above this sequence number. */
  constructor(
    private readonly dir: Directory,
    after: number,
  ) {
    this.#next = after + 1;
  }

  /** FILE_NOT_FOUND where the writer has deleted what comes next: a newer manifest holds it then. */
  async read(onRecord: (record: LogRecord) => void): Promise<void> {
    const names = (await this.dir.list()).map(parseLogFileName).filter((name) => name !== undefined);
    const { current } = splitByEpoch(names.sort((a, b) => a.first - b.first || a.epoch - b.epoch));
    for (const [i, name] of current.entries()) {
      const before = current[i + 1]?.first ?? Number.POSITIVE_INFINITY;
      if (before <= this.#next) continue;
      if (name.first > this.#next) throw this.#vanished();
      const from = this.#position?.path === name.path ? this.#position.at : undefined;
      const end = await replayLogFile(this.dir, name, { after: this.#next - 1, before }, onRecord, from);
      const next = Math.min(end.next, before);
      if (before < Number.POSITIVE_INFINITY && next < before) throw this.#vanished();
      if (end.length > 0) this.#position = { path: name.path, at: { next: end.next, offset: end.length } };
      this.#next = Math.max(this.#next, next);
    }
  }

  #vanished(): VicinalError {
    const { location } = this.dir;
    return new VicinalError("FILE_NOT_FOUND", `Record ${this.#next} is not in the log in ${location}`, {
      location,
    });
  }
}
