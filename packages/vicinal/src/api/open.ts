/** How a database is opened: in memory, or in a folder of the platform's. */
import { openHome, realFolder } from "#platform/home.js";
import { RECALL_CHECK_SHARE, RecallWatch } from "../query/recall-watch.js";
import { VicinalError } from "../runtime/errors.js";
import { type Directory, isDirectory } from "../storage/directory.js";
import { AnalysisJobs } from "./analysis/jobs.js";
import { Catalogue, type CatalogueOptions } from "./catalogue.js";
import { Database } from "./database.js";
import { Engine } from "./engine.js";
import { openHandle } from "./handles.js";
import { type Hooks, readyHooks } from "./inference/hooks.js";
import { underStrictMode } from "./limits/strict-mode.js";

export interface OpenOptions extends Omit<CatalogueOptions, "now"> {
  /**
   * How much work goes into checking approximate searches against the exact scan, as a share (0..1) of the work of
   * searching: default 0.01, 0 for no checks. Where they find less than was asked, later searches work harder.
   */
  recallCheckShare?: number;
  /** Models of your own: those that turn texts, images and other objects into vectors, and those that rerank. */
  hooks?: Hooks;
}

/** A misspelt option would be passed over, and durability with it. */
const optionNames: ReadonlySet<string> = new Set<keyof OpenOptions>([
  "syncIntervalMs",
  "lazy",
  "recallCheckShare",
  "hooks",
]);

/** What an option is when it is left out, where that is not undefined. */
const defaults: OpenOptions = { syncIntervalMs: 0, lazy: false, recallCheckShare: RECALL_CHECK_SHARE };

/**
 * Opens the database in a folder, made if absent; `":memory:"` keeps everything in memory. A `Directory` is a home of
 * bytes of your own: whoever brings it keeps to one database on it at a time, and closes it after the database.
 *
 * Openings of one folder in one process share it: each gets a handle that is closed by itself, and the last one releases
 * the folder. BAD_REQUEST names an option that contradicts those of the first.
 *
 * FOLDER_IN_USE names the process that holds the folder; FOLDER_NOT_WRITABLE says why. A damaged collection does not
 * keep the others from opening: using it throws CORRUPTION with file and offset.
 */
export async function open(path: string | Directory, options: OpenOptions = {}): Promise<Database> {
  if (path === "" || (typeof path !== "string" && !isDirectory(path)))
    throw new VicinalError(
      "BAD_REQUEST",
      `open: expected a folder, ":memory:" or a Directory, got ${JSON.stringify(path)}`,
    );
  const unknown = Object.keys(options).find((name) => !optionNames.has(name));
  if (unknown !== undefined)
    throw new VicinalError("BAD_REQUEST", `open: there is no option ${unknown}`, { field: unknown });
  const interval = options.syncIntervalMs ?? 0;
  if (!Number.isFinite(interval) || interval < 0)
    throw new VicinalError("BAD_REQUEST", `open: syncIntervalMs must be 0 or more, got ${interval}`);
  if (options.lazy !== undefined && typeof options.lazy !== "boolean")
    throw new VicinalError("BAD_REQUEST", `open: lazy must be true or false, got ${String(options.lazy)}`, {
      field: "lazy",
    });
  const share = options.recallCheckShare ?? RECALL_CHECK_SHARE;
  if (!(share >= 0 && share <= 1))
    throw new VicinalError("BAD_REQUEST", `open: recallCheckShare must be from 0 to 1, got ${share}`, {
      field: "recallCheckShare",
    });
  const hooks = readyHooks(options.hooks);
  const watch = share > 0 ? new RecallWatch(share) : undefined;
  if (path === ":memory:")
    return new Database(await Catalogue.open(undefined, options), async () => {}, watch, hooks);
  if (isDirectory(path))
    return new Database(await Catalogue.open(path, options), async () => {}, watch, hooks);
  return openHandle({ folder: await realFolder(path), options, defaults, hooks }, async () => {
    const home = await openHome(path);
    try {
      const catalogue = await Catalogue.open(home.directory, options);
      const jobs = new AnalysisJobs();
      return {
        engine: (own) => underStrictMode(new Engine(catalogue, watch, own, {}, jobs), catalogue),
        close: () => new Engine(catalogue, watch, hooks, {}, jobs).close().finally(() => home.close()),
      };
    } catch (reason) {
      await home.close();
      throw reason;
    }
  });
}
