/** Follows the logs of shards from outside, and counts how often each named operation stands in them. */
import { decodeRecord, VicinalError } from "vicinal/shard";
import type { Etcd } from "../etcd/etcd.js";
import { pause } from "../etcd/etcd.js";
import { LogTail } from "../log/log-tail.js";
import type { ObjectStore } from "../store/object-store.js";

export class LogWatch {
  readonly counts = new Map<string, number>();
  readonly #running: Promise<void>[];
  #ended = false;
  /** Records that a checkpoint cut off before they were seen. */
  missed = 0;

  constructor(source: { etcd: Etcd; store: ObjectStore }, shards: readonly string[]) {
    this.#running = shards.map((shard) => this.#follow({ ...source, shard }));
  }

  async #follow(source: { etcd: Etcd; store: ObjectStore; shard: string }): Promise<void> {
    let tail = new LogTail(source, 0);
    for (let last = false; !last; ) {
      last = this.#ended;
      try {
        await tail.read(({ bytes }) => {
          for (const effect of decodeRecord(bytes, source.shard).effects)
            if (effect.kind === "operation")
              this.counts.set(effect.id, (this.counts.get(effect.id) ?? 0) + 1);
        });
      } catch (reason) {
        if (!(reason instanceof VicinalError) || reason.code === "DIVERGED") throw reason;
        if (reason.code === "FILE_NOT_FOUND") {
          const [first] = await source.etcd.list(`shards/${source.shard}/log/`, { limit: 1 }).catch(() => []);
          if (first) {
            const next = (JSON.parse(first.value) as { first: number }).first;
            this.missed += next - tail.next;
            tail = new LogTail(source, next - 1);
          }
        }
        last = false;
      }
      if (!last) await pause(100);
    }
  }

  /** After the last write. */
  async end(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.#running);
  }
}
