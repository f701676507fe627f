/** What is Node's: files, and packages that lie beside this one. */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { cpus } from "node:os";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);

/** Undefined when there is no such file. */
export async function fileBytes(path: string): Promise<Uint8Array | undefined> {
  return readFile(path).catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return undefined;
    throw reason;
  });
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
