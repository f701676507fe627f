import { VicinalError } from "../../runtime/errors.js";
import type { Directory } from "../../storage/directory.js";
import type { Home } from "../node/home.js";

/** Pages have no folders; a database of theirs lives in memory. */
export async function openHome(path: string): Promise<Home> {
  throw new VicinalError("UNSUPPORTED", `Cannot open ${path}: in a page, open(":memory:") is what there is`);
}

export const openReadOnlyHome = openHome;

/** As `openHome`. */
export async function realFolder(path: string): Promise<string> {
  return (await openHome(path)).directory.location;
}

export async function openForReading(path: string): Promise<Directory> {
  throw new VicinalError("UNSUPPORTED", `Cannot read ${path}: pages have no folders`);
}
