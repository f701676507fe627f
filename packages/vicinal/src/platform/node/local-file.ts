/** What a `file:` URL says of this machine. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The path, and whether there is something; undefined for a URL that names no file of this machine. */
export function localFile(url: URL): { path: string; exists: boolean } | undefined {
  try {
    if (url.host !== "" && url.host !== "localhost") return undefined;
    const path = fileURLToPath(url);
    return { path, exists: existsSync(path) };
  } catch {
    return undefined;
  }
}
