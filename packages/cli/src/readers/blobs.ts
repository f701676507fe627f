/** What a point's blobs are in JSON lines: bytes as base64, or the name of a file that holds them. */
import { readFile, realpath } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import type { Point } from "../client.js";
import { systemError, UserError } from "../errors.js";
import { isRecord } from "./vectors.js";

/**
 * Files are seen from the folder of the JSON lines, and lie in it: lines that came from elsewhere cannot send what else this machine has.
 * @param path of the JSON lines @param place for messages
 */
export async function pointBlobs(value: unknown, path: string, place: string): Promise<Point["blobs"]> {
  if (value === undefined || value === null) return undefined;
  if (!isRecord(value)) throw new UserError(`${place}: "blobs" is no object`);
  const blobs: NonNullable<Point["blobs"]> = {};
  for (const [name, blob] of Object.entries(value)) {
    const at = `${place}: blob ${JSON.stringify(name)}`;
    if (!isRecord(blob) || typeof blob.type !== "string") throw new UserError(`${at} has no "type"`);
    const { type, base64, file } = blob;
    if ((typeof base64 === "string") === (typeof file === "string"))
      throw new UserError(`${at}: expected "base64" or "file", a string`);
    blobs[name] = { type, base64: typeof file === "string" ? await fileOf(file, path, at) : String(base64) };
  }
  return blobs;
}

async function fileOf(file: string, path: string, at: string): Promise<string> {
  try {
    const folder = await realpath(dirname(path));
    const found = await realpath(resolve(folder, file));
    const within = relative(folder, found);
    if (within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within))
      throw new UserError(`${at}: ${file} does not lie in the folder of ${path}`);
    return (await readFile(found)).toString("base64");
  } catch (error) {
    throw systemError(error, `${at}: ${file}`);
  }
}
