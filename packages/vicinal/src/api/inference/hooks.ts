/**
 * Hooks: functions of the user's own that the database calls, by the names under which requests ask for them: models that make
 * vectors, models that rerank. They run in the database's process and are trusted; what they answer is checked.
 */
import { throwIfCancelled } from "../../runtime/cancel.js";
import { VicinalError } from "../../runtime/errors.js";
import { isBm25 } from "./bm25-model.js";

/** What a model is given: exactly one of `text`, `image` and `object`, and the request's options for the model. */
export interface InferenceInput {
  text?: string;
  image?: unknown;
  object?: unknown;
  options: Readonly<Record<string, unknown>>;
}

/** A vector as a model answers it: dense, sparse, or many in one. */
export type InferredVector =
  | Float32Array
  | number[]
  | { indices: number[]; values: number[] }
  | (Float32Array | number[])[];

export interface HookContext {
  /** Aborted once nobody waits for the answer: it took too long, or another hook of the request failed. */
  signal: AbortSignal;
}

export interface InferenceContext extends HookContext {
  /** Whether the vectors are to be stored, or to be searched by: some models treat the two differently. */
  kind: "document" | "query";
}

/** One vector for each input, in order; with how many tokens the model counted, where that is to be reported. */
export type InferenceAnswer =
  | readonly InferredVector[]
  | { vectors: readonly InferredVector[]; tokens?: number };

/**
 * An `Error` with these members, thrown by an inference hook, blames one of its inputs: the request is refused with INPUT_REFUSED and
 * the input's place, where any other error is the hook's own failure.
 */
export interface RefusedInput {
  /** Position in the array that the hook was called with, from 0. */
  input: number;
  /** The hook's own name of the fault, such as `IMAGE_UNREADABLE`; it is passed on. */
  code?: string;
  /** What is wrong with the input. */
  message: string;
}

/** @param inputs All different; at most `batchSize`. @throws RefusedInput */
export type InferenceFunction = (
  inputs: InferenceInput[],
  context: InferenceContext,
) => InferenceAnswer | Promise<InferenceAnswer>;

export interface HookLimits {
  /** Inputs of one call at most; larger requests call again. Default 256. */
  batchSize?: number;
  /** How long one call may take. Default 60 000. */
  timeoutMs?: number;
}

/** A point that waits for a place in the answer. */
export interface RerankCandidate {
  id: number | bigint | string;
  /** Of the search that found it. */
  score: number;
  /** What the request asked to show the model of it. */
  payload: Readonly<Record<string, unknown>>;
}

/** One score for each candidate, in order; larger is better. */
export type RerankFunction = (
  query: unknown,
  candidates: RerankCandidate[],
  context: HookContext,
) => readonly number[] | Promise<readonly number[]>;

/** A function, or a function and its limits. */
export type Hook<F> = F | (HookLimits & { run: F });

export interface Hooks {
  /** Models that make vectors, by the name that `model` says in requests. */
  inference?: Readonly<Record<string, Hook<InferenceFunction>>>;
  /** Models that rerank, by the name that `rerank.model` says. */
  rerank?: Readonly<Record<string, Hook<RerankFunction>>>;
}

/** A hook with its limits. */
export interface ReadyHook<F> {
  /** `inference hook "minilm"`, for messages. */
  label: string;
  run: F;
  batchSize: number;
  timeoutMs: number;
}

export type ReadyHooks = {
  readonly inference: ReadonlyMap<string, ReadyHook<InferenceFunction>>;
  readonly rerank: ReadonlyMap<string, ReadyHook<RerankFunction>>;
};

/** Enough for a model to be busy, few enough for its memory. */
const BATCH_SIZE = 256;
/** A remote model's patience, and no more than a writer's. */
const TIMEOUT_MS = 60_000;
/** Timers hold no longer time. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

const hookKinds = ["inference", "rerank"] as const satisfies readonly (keyof Hooks)[];

/** The hooks with their defaults. BAD_REQUEST naming what is no hook. */
export function readyHooks(given: Hooks = {}): ReadyHooks {
  if (typeof given !== "object" || given === null) throw refused("hooks", "expected an object");
  for (const kind of Object.keys(given))
    if (!(hookKinds as readonly string[]).includes(kind))
      throw refused(`hooks.${kind}`, `is not known, expected ${hookKinds.join(" or ")}`);
  const builtIn = Object.keys(given.inference ?? {}).find(isBm25);
  if (builtIn !== undefined)
    throw refused(`hooks.inference[${JSON.stringify(builtIn)}]`, "is the name of a model that is built in");
  return { inference: readyKind("inference", given.inference), rerank: readyKind("rerank", given.rerank) };
}

function readyKind<F>(
  kind: string,
  given: Readonly<Record<string, Hook<F>>> = {},
): Map<string, ReadyHook<F>> {
  if (typeof given !== "object" || given === null)
    throw refused(`hooks.${kind}`, "expected an object of functions");
  return new Map(Object.entries(given).map(([name, hook]) => [name, readyHook(kind, name, hook)]));
}

function readyHook<F>(kind: string, name: string, given: Hook<F>): ReadyHook<F> {
  const at = `hooks.${kind}[${JSON.stringify(name)}]`;
  const hook = typeof given === "function" ? { run: given } : (given as HookLimits & { run: F });
  if (typeof hook?.run !== "function") throw refused(at, "expected a function, or an object with `run`");
  const { batchSize = BATCH_SIZE, timeoutMs = TIMEOUT_MS } = hook as HookLimits;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1)
    throw refused(`${at}.batchSize`, "expected 1 or more");
  if (!(timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS))
    throw refused(`${at}.timeoutMs`, `expected more than 0 and at most ${TIMEOUT_MAX_MS}`);
  return { label: `${kind} hook ${JSON.stringify(name)}`, run: hook.run, batchSize, timeoutMs };
}

function refused(field: string, why: string): VicinalError {
  return new VicinalError("BAD_REQUEST", `${field}: ${why}`, { field });
}

/** HOOK_FAILED: the hook's name and what it did. */
export function hookFailed({ label }: ReadyHook<unknown>, why: string, cause?: unknown): VicinalError {
  return new VicinalError("HOOK_FAILED", `The ${label} ${why}`, { hook: label }, { cause });
}

/**
 * Calls a hook and waits no longer than it may take.
 * @param signal Aborted when the answer is not wanted any more.
 * @throws HOOK_FAILED when the hook throws or takes too long; CANCELLED.
 */
export async function callHook<F, R>(
  hook: ReadyHook<F>,
  call: (run: F, context: HookContext) => R | Promise<R>,
  signal?: AbortSignal,
): Promise<R> {
  throwIfCancelled(signal);
  const ending = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let onAbort = (): void => {};
  const end = new Promise<never>((_, reject) => {
    const stop = (reason: VicinalError) => {
      ending.abort(reason);
      reject(reason);
    };
    timer = setTimeout(() => stop(hookFailed(hook, `took more than ${hook.timeoutMs} ms`)), hook.timeoutMs);
    onAbort = () =>
      stop(new VicinalError("CANCELLED", "The operation was cancelled", {}, { cause: signal?.reason }));
    signal?.addEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([end, answerOf(hook, call, { signal: ending.signal })]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

async function answerOf<F, R>(
  hook: ReadyHook<F>,
  call: (run: F, context: HookContext) => R | Promise<R>,
  context: HookContext,
): Promise<R> {
  try {
    return await call(hook.run, context);
  } catch (cause) {
    throw hookFailed(hook, `failed: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}
