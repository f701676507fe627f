/** What a page has in the place of files and threads: addresses and workers. */
import { ExtractError } from "../../errors.js";

/** Undefined when nothing lies there. */
export async function fileBytes(address: string): Promise<Uint8Array | undefined> {
  const answer = await fetch(address);
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`${address} answers ${answer.status} ${answer.statusText}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** Undefined when nothing lies there. Unknown sizes are 0. */
export async function fileSize(address: string): Promise<number | undefined> {
  const answer = await fetch(address, { method: "HEAD" });
  return answer.ok ? Number(answer.headers.get("content-length") ?? 0) : undefined;
}

export async function* fileStream(address: string): AsyncGenerator<Uint8Array> {
  const { ok, body, status, statusText } = await fetch(address);
  if (!ok || !body) throw new Error(`${address} answers ${status} ${statusText}`);
  const reader = body.getReader();
  for (let { value } = await reader.read(); value; { value } = await reader.read()) yield value;
}

/** A page has no files, so none lies below a folder. */
export async function fileBelow(_folder: string, _address: string): Promise<Uint8Array | undefined> {
  return undefined;
}

/** Lines of what lies at an address, without their ends. @throws ExtractError MODEL_NOT_FOUND */
export async function* fileLines(address: string): AsyncGenerator<string> {
  let rest = "";
  try {
    const { ok, body, status, statusText } = await fetch(address);
    if (!ok || !body) throw new Error(`it answers ${status} ${statusText}`);
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      const lines = (rest + part.value).split(/\r?\n/);
      rest = lines.pop() as string;
      yield* lines;
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("MODEL_NOT_FOUND", `${address} cannot be read: ${reason}`, { cause });
  }
  if (rest) yield rest;
}

/** @throws ExtractError MODEL_NOT_FOUND: a page has no packages beside it */
export function packageFolder(name: string): string | undefined {
  throw new ExtractError(
    "MODEL_NOT_FOUND",
    `The model is in the npm package ${name}, which a page cannot read`,
  );
}

export function joinPath(...parts: string[]): string {
  return parts.join("/");
}

export function processors(): number {
  return navigator.hardwareConcurrency || 1;
}

/** A folder as a worker has to be told it: its own addresses are relative to its program's, not to the page's. */
export function placeOf(folder: string | undefined, otherwise = ""): string {
  return new URL(folder ?? otherwise, globalThis.document?.baseURI ?? globalThis.location.href).href;
}

/** Whether threads can share memory. */
export const sharesMemory: boolean = globalThis.crossOriginIsolated === true;

/** One end of a way for messages. */
export interface Port {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** A thread that runs `workers/worker`. */
export interface Thread extends Port {
  /** Called when it ends, whatever the reason. */
  onEnd(listener: (why: string) => void): void;
  /** Whether the process has to wait for it. */
  hold(busy: boolean): void;
  end(): Promise<unknown>;
}

export function startThread(): Thread {
  const worker = new Worker(new URL("../../workers/worker.js", import.meta.url), { type: "module" });
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.addEventListener("message", ({ data }) => listener(data)),
    onEnd: (listener) =>
      worker.addEventListener("error", ({ message }) => listener(message || "its worker cannot be started")),
    // A page does not wait.
    hold: () => {},
    end: async () => worker.terminate(),
  };
}

/** In a worker: the way to who started it. */
export function parentPort(): Port {
  return {
    post: (message) => globalThis.postMessage(message),
    onMessage: (listener) => globalThis.addEventListener("message", ({ data }) => listener(data)),
  };
}
