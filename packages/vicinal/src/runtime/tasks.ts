/**
 * Tasks: work that a worker does. A task is a module that exports `run`. The worker's entry (src/worker.ts) lists those
 * there are, so that this file knows none of them; one that is not listed is imported by its address.
 */
import { type ErrorCode, errorCatalogue, VicinalError } from "./errors.js";

export interface TaskContext {
  /** Tells the caller how far the work is. */
  report(done: number, total: number): void;
  /** True once the caller gave up; the task should then stop. */
  cancelled(): boolean;
}

/** What a task module exports. */
export interface TaskModule {
  run(input: unknown, context: TaskContext): unknown;
}

/** Loads task modules, by name. */
export type Tasks = Readonly<Record<string, () => Promise<TaskModule>>>;

export interface TaskMessage {
  id: number;
  /** Name of a listed task, or the address of a module. */
  task: string;
  input: unknown;
  /** One i32 in shared memory, not 0 when the task is cancelled. */
  cancel: Int32Array;
}

export type TaskReply =
  | { id: number; kind: "progress"; done: number; total: number }
  | { id: number; kind: "result"; result: unknown }
  | { id: number; kind: "error"; code: ErrorCode; message: string; details: Record<string, unknown> };

/** A running worker, as a platform gives it. */
export interface WorkerHandle {
  post(message: TaskMessage): void;
  /** Whether the process must wait for the worker. */
  keepAlive(wanted: boolean): void;
  end(): void;
}

/** The worker's loop: a function that runs one message's task and replies. */
export function serveTasks(
  reply: (message: TaskReply) => void,
  tasks: Tasks,
): (message: TaskMessage) => Promise<void> {
  return async ({ id, task: name, input, cancel }) => {
    try {
      const task: TaskModule = await (tasks[name]?.() ?? import(/* @vite-ignore */ name));
      const result = await task.run(input, {
        report: (done, total) => reply({ id, kind: "progress", done, total }),
        cancelled: () => Atomics.load(cancel, 0) !== 0,
      });
      reply({ id, kind: "result", result });
    } catch (reason) {
      reply({ id, kind: "error", ...describe(reason) });
    }
  };
}

function describe(reason: unknown): { code: ErrorCode; message: string; details: Record<string, unknown> } {
  if (reason instanceof VicinalError)
    return { code: reason.code, message: reason.message, details: reason.details };
  const message = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
  return { code: "INTERNAL", message: `A worker's task failed: ${message}`, details: {} };
}

/** The error that a reply describes. */
export function errorOf(reply: TaskReply & { kind: "error" }): VicinalError {
  const code = reply.code in errorCatalogue ? reply.code : "INTERNAL";
  return new VicinalError(code, reply.message, reply.details);
}
