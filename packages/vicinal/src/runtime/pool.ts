/**
 * The worker pool: runs tasks off the calling thread. Workers start when there is work, wait a while for more, and end:
 * a worker keeps every memory that it has seen until then. An idle worker never keeps a process alive.
 */
import { throwIfCancelled } from "./cancel.js";
import { VicinalError } from "./errors.js";
import { errorOf, type TaskReply, type WorkerHandle } from "./tasks.js";

/** How long a worker waits for the next task. */
const IDLE_MS = 2000;

export interface TaskOptions {
  progress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

interface Member {
  handle: WorkerHandle;
  job: Job | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
}

interface Job {
  id: number;
  options: TaskOptions;
  settle(reply: TaskReply): void;
  fail(reason: unknown): void;
}

const members = new Set<Member>();
const waiting: (() => void)[] = [];
let lastId = 0;
/** Tasks that run at a time; known once the platform's part is loaded. */
let most = 0;

/** True where tasks can run elsewhere: shared memory, and a platform with workers. */
export function canRunTasks(): boolean {
  return typeof SharedArrayBuffer !== "undefined" && ("process" in globalThis || "Worker" in globalThis);
}

/** How many tasks run at a time. */
export async function workerCount(): Promise<number> {
  const { parallelism } = await import("#platform/worker-host.js");
  return parallelism;
}

/** How many more tasks could run now; 0 before the first one ran. */
export function idleWorkers(): number {
  return Math.max(0, most - busy());
}

/**
 * Runs a task (see TaskMessage) with a cloned input, as soon as a worker is free.
 * Rejects with the task's own VicinalError; CANCELLED once the task has noticed the signal.
 */
export async function runTask<R>(task: string, input: unknown, options: TaskOptions = {}): Promise<R> {
  throwIfCancelled(options.signal);
  const { parallelism, startWorker } = await import("#platform/worker-host.js");
  most = parallelism;
  while (busy() >= parallelism) await new Promise<void>((resolve) => waiting.push(resolve));
  throwIfCancelled(options.signal);
  const member = [...members].find((candidate) => !candidate.job) ?? start(startWorker);
  clearTimeout(member.timer);
  member.handle.keepAlive(true);
  const cancel = new Int32Array(new SharedArrayBuffer(4));
  const stop = () => Atomics.store(cancel, 0, 1);
  options.signal?.addEventListener("abort", stop);
  try {
    return await new Promise<R>((resolve, reject) => {
      const id = ++lastId;
      member.job = {
        id,
        options,
        settle(reply) {
          if (reply.kind === "result") resolve(reply.result as R);
          else if (reply.kind === "error") reject(errorOf(reply));
        },
        fail: reject,
      };
      member.handle.post({ id, task, input, cancel });
    });
  } finally {
    options.signal?.removeEventListener("abort", stop);
    rest(member);
    waiting.shift()?.();
  }
}

function busy(): number {
  let count = 0;
  for (const member of members) if (member.job) count++;
  return count;
}

function start(startWorker: typeof import("#platform/worker-host.js").startWorker): Member {
  const member: Member = { handle: undefined as unknown as WorkerHandle, job: undefined, timer: undefined };
  member.handle = startWorker(
    (reply) => {
      const { job } = member;
      if (!job || reply.id !== job.id) return;
      if (reply.kind === "progress") job.options.progress?.(reply.done, reply.total);
      else job.settle(reply);
    },
    (cause) => {
      members.delete(member);
      member.job?.fail(
        new VicinalError("INTERNAL", `A worker ended unexpectedly: ${String(cause)}`, {}, { cause }),
      );
    },
  );
  members.add(member);
  return member;
}

/** Lets a worker wait for its next task, for a while. */
function rest(member: Member): void {
  member.job = undefined;
  if (!members.has(member)) return;
  member.handle.keepAlive(false);
  member.timer = setTimeout(() => end(member), IDLE_MS);
  (member.timer as { unref?: () => void }).unref?.();
}

function end(member: Member): void {
  members.delete(member);
  clearTimeout(member.timer);
  member.handle.end();
}

/** Ends all idle workers now. */
export function endIdleWorkers(): void {
  for (const member of [...members]) if (!member.job) end(member);
}
