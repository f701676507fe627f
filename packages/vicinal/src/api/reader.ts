/** A database that is read beside its writer, or without one. */
import { openReadOnlyHome } from "#platform/home.js";
import type { RecallWatch } from "../query/recall-watch.js";
import { VicinalError } from "../runtime/errors.js";
import type { Directory } from "../storage/directory.js";
import { Database } from "./database.js";
import { Engine } from "./engine.js";
import { FollowedCatalogue, type FollowOptions } from "./followed-catalogue.js";
import type { ReadyHooks } from "./inference/hooks.js";
import { intercepted } from "./intercept.js";
import { underStrictMode } from "./limits/strict-mode.js";

/** FILE_NOT_FOUND where the folder holds no database. */
export async function openReader(
  path: string,
  options: FollowOptions,
  watch: RecallWatch | undefined,
  hooks: ReadyHooks,
): Promise<Database> {
  const home = await openReadOnlyHome(path);
  try {
    return await readDirectory(home.directory, options, () => home.close(), watch, hooks);
  } catch (reason) {
    await home.close();
    throw reason;
  }
}

export async function readDirectory(
  dir: Directory,
  options: FollowOptions,
  release?: () => Promise<void>,
  watch?: RecallWatch,
  hooks?: ReadyHooks,
): Promise<Database> {
  const catalogue = await FollowedCatalogue.open(dir, options);
  const engine = underStrictMode(new Engine(catalogue, watch, hooks), catalogue);
  return new Database(following(engine, catalogue), release);
}

/** An operation that needs a file which the writer has deleted is done again with the newer ones. */
function following(engine: Engine, catalogue: FollowedCatalogue): Engine {
  const around = async (run: () => Promise<unknown>) => {
    const leave = catalogue.users.enter();
    try {
      return await run();
    } catch (reason) {
      if (!(reason instanceof VicinalError) || reason.code !== "FILE_NOT_FOUND") throw reason;
      await catalogue.refresh();
      return await run();
    } finally {
      leave();
    }
  };
  return intercepted(engine, around, () => engine.close());
}
