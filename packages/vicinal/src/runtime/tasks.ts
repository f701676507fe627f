/**
 * Tasks: work that a worker does. A task is a module that exports `run`; the worker imports it by address, so that
 * this file knows none of them.
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

export interface TaskMessage {
  id: number;
  /** Address of the task's module. */
  module: string;
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
export function serveTasks(reply: (message: TaskReply) => void): (message: TaskMessage) => Promise<void> {
  return async ({ id, module, input, cancel }) => {
    try {
      const task = (await import(/* @vite-ignore */ module)) as TaskModule;
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
