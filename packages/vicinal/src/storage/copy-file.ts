/** Copies a file of a directory within it, piece by piece; durable when it resolves. FILE_EXISTS, FILE_NOT_FOUND. */
import { VicinalError } from "../runtime/errors.js";
import type { Directory } from "./directory.js";

const PIECE = 1 << 20;

export async function copyFile(dir: Directory, from: string, to: string): Promise<void> {
  const size = await dir.size(from);
  if (size === undefined)
    throw new VicinalError("FILE_NOT_FOUND", `There is no file ${from}`, { path: from });
  const writer = await dir.create(to);
  try {
    for (let at = 0; at < size; at += PIECE)
      await writer.append(await dir.read(from, at, Math.min(PIECE, size - at)));
    await writer.sync();
  } finally {
    await writer.close();
  }
}
