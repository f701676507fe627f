/** What is Node's: files, and packages that lie beside this one. */
import { createReadStream } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parentPort as parent, Worker } from "node:worker_threads";
import { ExtractError } from "../../errors.js";

const require = createRequire(import.meta.url);

/** Undefined when there is no such file. */
export async function fileBytes(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return undefined;
    throw reason;
  });
}

/** What a `file:` address names, if that lies below the folder, links followed; undefined if not. */
export async function fileBelow(folder: string, address: string): Promise<Uint8Array | undefined> {
  try {
    const [root, path] = [await realpath(folder), await realpath(fileURLToPath(address))];
    const inside = relative(root, path);
    if (isAbsolute(inside) || inside === ".." || inside.startsWith(`..${sep}`)) return undefined;
    return await readFile(path);
  } catch {
    // Whether there is such a file outside is nobody's business.
    return undefined;
  }
}

export async function fileSize(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

export function fileStream(path: string): AsyncIterable<Uint8Array> {
  return createReadStream(path);
}

/** Lines without their ends. @throws ExtractError MODEL_NOT_FOUND */
export async function* fileLines(path: string): AsyncGenerator<string> {
  const input = createReadStream(path);
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("MODEL_NOT_FOUND", `${path} cannot be read: ${reason}`, { cause });
  } finally {
    input.destroy();
  }
}

/** The folder of an installed package; undefined when it is not installed. */
export function packageFolder(name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

export function joinPath(...parts: string[]): string {
  return join(...parts);
}

export function environment(name: string): string | undefined {
  return process.env[name];
}

export function processors(): number {
  return Math.max(1, cpus().length);
}

/** A folder as a thread has to be told it: threads of a process see the same ones. */
export function placeOf(folder: string | undefined, _otherwise?: string): string | undefined {
  return folder;
}

/** Whether threads can share memory. */
export const sharesMemory = true;

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
  const worker = new Worker(new URL("../../workers/worker.js", import.meta.url));
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => worker.on("message", listener),
    onEnd(listener) {
      worker.on("error", (error) => listener(error.message));
      worker.on("exit", (code) => listener(`its thread ended with code ${code}`));
    },
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    end: () => worker.terminate(),
  };
}

/** In a thread: the way to who started it. */
export function parentPort(): Port {
  const port = parent;
  if (!port) throw new Error("This module runs in a worker thread alone");
  return {
    post: (message) => port.postMessage(message),
    onMessage: (listener) => port.on("message", listener),
  };
}
