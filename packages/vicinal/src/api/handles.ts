/**
 * Handles: several openings of one folder in this process share one engine, each through a handle of its own. A handle that is
 * closed refuses what is asked of it afterwards; the folder is released when the last one is.
 *
 * The registry hangs on `globalThis`, so that a second copy of this module (bundlers and frameworks that reload make them) finds
 * the database that the first has open. What it gets is an object of the first copy.
 */
import { VicinalError } from "../runtime/errors.js";
import { Readers } from "../runtime/readers.js";
import { Database } from "./database.js";
import type { Engine } from "./engine.js";
import type { ReadyHooks } from "./inference/hooks.js";
import { intercepted } from "./intercept.js";

/** What handles share. */
export interface Shared {
  /** The same database with the hooks of one opening. */
  engine(hooks: ReadyHooks): Engine;
  close(): Promise<void>;
}

interface Opening {
  options: Readonly<Record<string, unknown>>;
  shared: Promise<Shared>;
  handles: number;
  /** Present once the last handle was closed: until then nobody else can open the folder. */
  closed?: Promise<void>;
}

/** To be renamed when the form of an entry changes: copies of other versions do not find it then, and meet the folder's lock. */
const registryKey = Symbol.for("vicinal.openings.1");

function registry(): Map<string, Opening> {
  const home = globalThis as { [registryKey]?: Map<string, Opening> };
  home[registryKey] ??= new Map();
  return home[registryKey];
}

/** One opening of a folder, as it was asked for. */
export interface Asked {
  /** The folder's real path. */
  folder: string;
  /** Options as they were given, which later openings are held against. */
  options: object;
  /** What options are when they are not given; undefined where not listed. */
  defaults: object;
  hooks: ReadyHooks;
}

/**
 * A handle on the folder's database, which the first who asks opens. BAD_REQUEST names an option that contradicts the first
 * opening's; one that is left out contradicts nothing, and hooks are each handle's own.
 */
export async function openHandle(
  { folder, options, defaults, hooks }: Asked,
  open: () => Promise<Shared>,
): Promise<Database> {
  const openings = registry();
  let found = openings.get(folder);
  while (found?.closed) {
    await found.closed.catch(() => {});
    found = openings.get(folder);
  }
  if (found) refuseContradiction(folder, found.options, options);
  const opening = found ?? { options: { ...defaults, ...options }, shared: open(), handles: 0 };
  openings.set(folder, opening);
  opening.handles++;
  const forget = () => {
    if (openings.get(folder) === opening) openings.delete(folder);
  };
  let shared: Shared;
  try {
    shared = await opening.shared;
  } catch (reason) {
    forget();
    throw reason;
  }
  const running = new Readers();
  return new Database(
    handleOn(shared.engine(hooks), running, async () => {
      if (--opening.handles > 0) return running.drained();
      opening.closed = shared.close().finally(forget);
      return opening.closed;
    }),
  );
}

function refuseContradiction(folder: string, first: Opening["options"], given: object): void {
  for (const [name, value] of Object.entries(given)) {
    const [before, asked] = [JSON.stringify(first[name]), JSON.stringify(value)];
    if (name === "hooks" || value === undefined || asked === before) continue;
    throw new VicinalError(
      "BAD_REQUEST",
      `open: ${folder} is open in this process, with ${name} ${before}; it cannot be ${asked} as well`,
      { field: name, path: folder },
    );
  }
}

/** The engine until it is closed, which comes to `release`; notes in `running` what has been asked and not answered. */
function handleOn(engine: Engine, running: Readers, release: () => Promise<void>): Engine {
  let closing: Promise<void> | undefined;
  const around = (run: () => Promise<unknown>) => {
    if (closing) return Promise.reject(new VicinalError("CLOSED", "The database is closed"));
    const leave = running.enter();
    const result = run();
    result.then(leave, leave);
    return result;
  };
  return intercepted(engine, around, () => {
    closing ??= release();
    return closing;
  });
}
