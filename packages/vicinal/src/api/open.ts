/** How a database is opened: in memory, or in a folder of the platform's. */
import { type Home, openHome, realFolder } from "#platform/home.js";
import { RECALL_CHECK_SHARE, RecallWatch } from "../query/recall-watch.js";
import { LEAST_BUDGET_BYTES } from "../runtime/budget.js";
import { VicinalError } from "../runtime/errors.js";
import type { OptimizerOptions } from "../runtime/resources.js";
import type { BlobLimits } from "../segment/blob-store.js";
import { type Directory, isDirectory } from "../storage/directory.js";
import { AnalysisJobs } from "./analysis/jobs.js";
import { Catalogue, type CatalogueOptions } from "./catalogue.js";
import { Database } from "./database.js";
import { checkDurability } from "./durability.js";
import { Engine } from "./engine.js";
import { REFRESH_MS } from "./followed-catalogue.js";
import { openHandle } from "./handles.js";
import { type Hooks, type ReadyHooks, readyHooks } from "./inference/hooks.js";
import { underStrictMode } from "./limits/strict-mode.js";
import { openReader, readDirectory } from "./reader.js";
import { Snapshots } from "./snapshots/snapshots.js";

export interface OpenOptions extends Omit<CatalogueOptions, "now"> {
  /**
   * How much work goes into checking approximate searches against the exact scan, as a share (0..1) of the work of
   * searching: default 0.01, 0 for no checks. Where they find less than was asked, later searches work harder.
   */
  recallCheckShare?: number;
  /** Models of your own: those that turn texts, images and other objects into vectors, and those that rerank. */
  hooks?: Hooks;
  /** Folder of the snapshots, which no other database may use. Default: `snapshots` in the database's folder. */
  snapshots?: string;
  /**
   * Reads without a lock, beside a writer or without one, and writes nothing: writes are READ_ONLY. The folder must hold a
   * database (FILE_NOT_FOUND). Default false.
   */
  readOnly?: boolean;
  /** Of `readOnly`: milliseconds from one look at what the writer did to the next; 0 for `refresh()` alone. Default 1000. */
  refreshMs?: number;
}

/** A misspelt option would be passed over, and durability with it. */
const optionNames: ReadonlySet<string> = new Set<keyof OpenOptions>([
  "durability",
  "lazy",
  "recallCheckShare",
  "hooks",
  "snapshots",
  "optimizer",
  "blobs",
  "memoryBudget",
  "readOnly",
  "refreshMs",
]);

/** What an option is when it is left out, where that is not undefined. */
const defaults: OpenOptions = {
  durability: "sync",
  lazy: false,
  recallCheckShare: RECALL_CHECK_SHARE,
  readOnly: false,
};

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
  if (options.durability !== undefined) checkDurability(options.durability);
  const share = options.recallCheckShare ?? RECALL_CHECK_SHARE;
  if (!(share >= 0 && share <= 1))
    throw new VicinalError("BAD_REQUEST", `open: recallCheckShare must be from 0 to 1, got ${share}`, {
      field: "recallCheckShare",
    });
  if (options.snapshots !== undefined && (typeof options.snapshots !== "string" || options.snapshots === ""))
    throw new VicinalError("BAD_REQUEST", "open: snapshots must be a folder", { field: "snapshots" });
  checkOptimizer(options.optimizer);
  checkBlobLimits(options.blobs);
  const { readOnly = false, refreshMs = REFRESH_MS } = options;
  if (typeof readOnly !== "boolean" || (readOnly && path === ":memory:"))
    throw badOption("readOnly", `must be true or false, and only folders can be read so, got ${readOnly}`);
  const { lazy = false } = options;
  if (typeof lazy !== "boolean" || (lazy && readOnly))
    throw badOption("lazy", `must be true or false, and does not go with readOnly, got ${lazy}`);
  if (!(refreshMs >= 0 && refreshMs < 2 ** 31) || (!readOnly && options.refreshMs !== undefined))
    throw badOption("refreshMs", `must be 0 or more, below 2^31, and goes with readOnly, got ${refreshMs}`);
  checkBudget(options.memoryBudget, readOnly);
  const hooks = readyHooks(options.hooks);
  const watch = share > 0 ? new RecallWatch(share) : undefined;
  if (options.snapshots !== undefined && (path === ":memory:" || isDirectory(path)))
    throw new VicinalError("BAD_REQUEST", "open: snapshots goes with a data folder", { field: "snapshots" });
  if (path === ":memory:")
    return new Database(await Catalogue.open(undefined, options), async () => {}, watch, hooks);
  if (readOnly) {
    if (isDirectory(path)) return readDirectory(path, { refreshMs }, async () => {}, watch, hooks);
    return openReader(path, { refreshMs }, watch, hooks);
  }
  if (isDirectory(path))
    return new Database(await Catalogue.open(path, options), async () => {}, watch, hooks);
  return openHandle({ folder: await realFolder(path), options, defaults, hooks }, async () => {
    const home = await openHome(path);
    let kept: Home | undefined;
    const release = async () => {
      await kept?.close();
      await home.close();
    };
    try {
      if (options.snapshots !== undefined) kept = await openHome(options.snapshots);
      const catalogue = await Catalogue.open(home.directory, options);
      const jobs = new AnalysisJobs();
      const snapshots = new Snapshots(catalogue, kept?.directory);
      const engine = (own: ReadyHooks) => new Engine(catalogue, watch, own, {}, jobs, snapshots);
      return {
        engine: (own) => underStrictMode(engine(own), catalogue),
        close: () => engine(hooks).close().finally(release),
      };
    } catch (reason) {
      await release();
      throw reason;
    }
  });
}

/** Greatest value of each. */
const blobLimitsMax: Record<keyof BlobLimits, number> = { maxBytes: 2 ** 40, perPoint: 1024 };

/** Least value of each. */
const optimizerNames: Record<keyof OptimizerOptions, number> = {
  threads: 1,
  memoryBytes: 0,
  diskReserveBytes: 0,
  backlogBytes: 1,
};

function checkOptimizer(options: OptimizerOptions | undefined): void {
  for (const [name, value] of Object.entries(options ?? {})) {
    const field = `optimizer.${name}`;
    if (!Object.hasOwn(optimizerNames, name))
      throw new VicinalError("BAD_REQUEST", `open: there is no option ${field}`, { field });
    const least = optimizerNames[name as keyof OptimizerOptions];
    if (value !== undefined && !(Number.isInteger(value) && value >= least))
      throw new VicinalError(
        "BAD_REQUEST",
        `open: ${field} must be an integer of ${least} or more, got ${value}`,
        {
          field,
        },
      );
  }
}

function checkBlobLimits(limits: BlobLimits | undefined): void {
  for (const [name, value] of Object.entries(limits ?? {})) {
    const field = `blobs.${name}`;
    const most = Object.hasOwn(blobLimitsMax, name) ? blobLimitsMax[name as keyof BlobLimits] : undefined;
    if (most === undefined)
      throw new VicinalError("BAD_REQUEST", `open: there is no option ${field}`, { field });
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= most))
      throw badOption(field, `must be an integer from 0 to ${most}, got ${value}`);
  }
}

function checkBudget(bytes: number | undefined, readOnly: boolean): void {
  if (bytes === undefined) return;
  if (readOnly || !Number.isSafeInteger(bytes) || bytes < LEAST_BUDGET_BYTES)
    throw badOption(
      "memoryBudget",
      `must be an integer of ${LEAST_BUDGET_BYTES} bytes or more, and does not go with readOnly, got ${bytes}`,
    );
}

function badOption(field: string, rule: string): VicinalError {
  return new VicinalError("BAD_REQUEST", `open: ${field} ${rule}`, { field });
}
