/** A node as a process of its own, for tests that kill it: `node node-process.test.helper.js <options as JSON>`. */
import { joinCluster } from "../join.js";
import { type Faults, FaultyStore, seededRandom } from "../store/faulty-store.test.helper.js";
import { FullDisk } from "../store/full-directory.test.helper.js";
import { openStore } from "../store/open-store.js";

export interface NodeProcessOptions {
  node: string;
  etcd: string[];
  store: string;
  folder: string;
  /** Where it listens, and where the others find it. */
  port: number;
  advertise: string;
  /** What the store does wrong, until the process is told otherwise. */
  faults: Faults;
  seed: number;
}

if (process.argv[2]) {
  const { node, etcd, store, folder, port, advertise, faults, seed } = JSON.parse(
    process.argv[2],
  ) as NodeProcessOptions;
  const disk = new FullDisk();
  const objects = new FaultyStore(openStore(store), faults, seededRandom(seed));
  // What is refused while it is being ended is nobody's any more.
  const joined = await joinCluster({
    node,
    etcd: { hosts: etcd, timeoutMs: 1000 },
    store: objects,
    cache: { folder, over: (directory) => disk.over(directory) },
    listen: { port },
    advertise,
    janitor: { rebalance: 0, roundMs: 300 },
    recallCheckShare: 0,
    log: process.env.VICINAL_LOG
      ? (message, { reason, ...details }: { reason?: unknown } = {}) =>
          console.error(
            new Date().toISOString().slice(14, 23),
            message,
            details,
            reason instanceof Error ? reason.message : (reason ?? ""),
          )
      : undefined,
  });
  process.send?.("ready");
  const now = Date.now;
  process.on("message", (message: { faults?: Faults; offsetMs?: number; isFull?: boolean }) => {
    if (message.faults) objects.faults = message.faults;
    const { offsetMs } = message;
    disk.isFull = message.isFull ?? disk.isFull;
    if (offsetMs !== undefined) Date.now = () => now() + offsetMs;
  });
  process.on("SIGTERM", () => {
    joined.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  // Whoever started it has gone.
  process.on("disconnect", () => process.exit(1));
}
