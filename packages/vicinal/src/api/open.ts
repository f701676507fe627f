/** How a database is opened: in memory, or in a folder of the platform's. */
import { openHome } from "#platform/home.js";
import { VicinalError } from "../runtime/errors.js";
import { Catalogue, type CatalogueOptions } from "./catalogue.js";
import { Database } from "./database.js";

export type OpenOptions = CatalogueOptions;

/** A misspelt option would be passed over, and durability with it. */
const optionNames: ReadonlySet<string> = new Set<keyof OpenOptions>(["syncIntervalMs"]);

/**
 * Opens the database in a folder, made if absent; `":memory:"` keeps everything in memory.
 *
 * FOLDER_IN_USE names the process that holds the folder; FOLDER_NOT_WRITABLE says why. A damaged collection does not
 * keep the others from opening: using it throws CORRUPTION with file and offset.
 */
export async function open(path: string, options: OpenOptions = {}): Promise<Database> {
  if (typeof path !== "string" || path === "")
    throw new VicinalError(
      "BAD_REQUEST",
      `open: expected a folder or ":memory:", got ${JSON.stringify(path)}`,
    );
  const unknown = Object.keys(options).find((name) => !optionNames.has(name));
  if (unknown !== undefined)
    throw new VicinalError("BAD_REQUEST", `open: there is no option ${unknown}`, { field: unknown });
  const interval = options.syncIntervalMs ?? 0;
  if (!Number.isFinite(interval) || interval < 0)
    throw new VicinalError("BAD_REQUEST", `open: syncIntervalMs must be 0 or more, got ${interval}`);
  if (path === ":memory:") return new Database(await Catalogue.open(undefined, options), async () => {});
  const home = await openHome(path);
  try {
    const catalogue = await Catalogue.open(home.directory, options);
    return new Database(catalogue, () => home.close());
  } catch (reason) {
    await home.close();
    throw reason;
  }
}
