import type { HeldLog, Log } from "../storage/log.js";

/** The log of a database that lives in memory: it numbers writes and keeps nothing. */
export class MemoryLog implements Log {
  next = 1;
  readonly bytes = 0;
  get synced(): number {
    return this.next - 1;
  }

  async append(records: readonly Uint8Array[]): Promise<number> {
    const first = this.next;
    this.next += records.length;
    return first;
  }
  async rotate(): Promise<void> {}
  async truncate(): Promise<void> {}
  async hold(): Promise<HeldLog> {
    return { files: [], synced: this.synced, release: async () => {} };
  }
  async close(): Promise<void> {}
}
