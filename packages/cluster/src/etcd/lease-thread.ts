/** The thread that keeps a node's lease; see lease.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { connect, TIMEOUT_MS } from "./etcd.js";
import type { LeaseTask } from "./lease.js";

const { etcd, ttlSeconds, stalledMs, beat } = workerData as LeaseTask;
const port = parentPort as NonNullable<typeof parentPort>;
const client = connect(etcd);
// A member that hangs would keep it waiting, and the node out of the cluster.
const lease = client.lease(ttlSeconds, { deadline: Date.now() + (etcd.timeoutMs ?? TIMEOUT_MS) });

const count = new Int32Array(beat);
let seen = Atomics.load(count, 0);
let movedAt = performance.now();
const timer = setInterval(() => {
  const now = Atomics.load(count, 0);
  if (now !== seen) {
    seen = now;
    movedAt = performance.now();
  } else if (performance.now() - movedAt > stalledMs) {
    end();
    port.postMessage({ lost: `the process has not moved for ${stalledMs} ms` });
  }
}, 1000);

function end(): void {
  clearInterval(timer);
  void Promise.race([
    lease.revoke().catch(() => {}),
    new Promise((resolve) => setTimeout(resolve, 2000)),
  ]).then(() => {
    client.close();
    port.close();
  });
}

port.on("message", end);
lease.grant().then(
  (id) => {
    lease.on("lost", (reason) => port.postMessage({ lost: reason.message }));
    port.postMessage({ id });
  },
  (reason: Error) => {
    port.postMessage({ error: reason.message });
    end();
  },
);
