/** The one grammar of paths in a Directory: what every home of bytes can name, and nothing that leaves it. */
import { VicinalError } from "../runtime/errors.js";

const partPattern = /^[A-Za-z0-9._-]+$/;

/** True for one part of a path: a file's or folder's own name. */
export function isPathPart(part: string): boolean {
  return partPattern.test(part) && part !== "." && part !== "..";
}

/** Throws BAD_REQUEST unless `path` is of the form `a/b/c`. */
export function checkPath(path: string): void {
  if (!path.split("/").every(isPathPart)) {
    throw new VicinalError(
      "BAD_REQUEST",
      `Bad path ${JSON.stringify(path)}: expected parts of letters, digits, '.', '_', '-', joined by '/'`,
      { path },
    );
  }
}

/** `path` below `prefix`, where an empty prefix is the root. */
export function joinPath(prefix: string, path: string): string {
  return prefix === "" ? path : `${prefix}/${path}`;
}
