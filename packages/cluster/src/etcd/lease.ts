/**
 * Lease: a node's sign of life. What it puts under its lease goes when it dies.
 *
 * It is kept on a thread of its own, so that long work on the main thread does not look like death; and given up when the main
 * thread has not moved for `stalledMs`, so that a process that hangs does not look alive.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { type EtcdOptions, unavailable } from "./etcd.js";

export interface LeaseOptions {
  /** After the node's death its keys stay so long. At least 2, which is what etcd makes of less. Default 2. */
  ttlSeconds?: number;
  /** Default 30,000. */
  stalledMs?: number;
}

export interface LeaseTask {
  etcd: EtcdOptions;
  ttlSeconds: number;
  stalledMs: number;
  /** One number, which the main thread counts up. */
  beat: SharedArrayBuffer;
}

const BEAT_MS = 500;

export class Lease {
  readonly #worker: Worker;
  readonly #ended: Promise<unknown>;
  readonly #timer: ReturnType<typeof setInterval>;
  #id = "";
  /** Called when the lease has gone: everything under it has gone, too. */
  onLost: (reason: string) => void = () => {};

  private constructor(worker: Worker, beat: Int32Array) {
    this.#worker = worker;
    this.#ended = new Promise((resolve) => worker.once("exit", resolve));
    this.#timer = setInterval(() => Atomics.add(beat, 0, 1), BEAT_MS);
    this.#timer.unref();
  }

  /** CLUSTER_UNAVAILABLE where etcd does not grant it within `timeoutMs` of a call. */
  static async grant(
    etcd: EtcdOptions,
    { ttlSeconds = 2, stalledMs = 30_000 }: LeaseOptions = {},
  ): Promise<Lease> {
    const beat = new SharedArrayBuffer(4);
    const workerData: LeaseTask = { etcd, ttlSeconds, stalledMs, beat };
    const worker = new Worker(new URL("./lease-thread.js", import.meta.url), { workerData });
    const lease = new Lease(worker, new Int32Array(beat));
    try {
      const [message] = (await once(worker, "message")) as [{ id?: string; error?: string }];
      if (message.id === undefined) throw unavailable(etcd.hosts.join(), message.error);
      lease.#id = message.id;
    } catch (reason) {
      await lease.close();
      throw reason;
    }
    worker.on("message", ({ lost }: { lost?: string }) => {
      if (lost !== undefined) lease.onLost(lost);
    });
    worker.on("error", (reason: Error) => lease.onLost(reason.message));
    return lease;
  }

  get id(): string {
    return this.#id;
  }

  /** Gives the lease back: what is under it goes at once. Any number of times, also when the lease has gone. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.onLost = () => {};
    this.#worker.removeAllListeners("message");
    this.#worker.postMessage("revoke");
    const timer = setTimeout(() => void this.#worker.terminate(), 3000);
    await this.#ended;
    clearTimeout(timer);
  }
}
