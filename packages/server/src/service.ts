/** What operators ask of a server: who it is, whether it lives. */
import { type EngineApi, VicinalError } from "vicinal/protocol";
import { apiVersion, productVersion } from "./version.js";

/** Answer of `/`. Clients read `title` and `version`. */
export const versionInfo = {
  title: "vicinal - vector database",
  version: apiVersion,
  vicinal_version: productVersion,
};

/**
 * What `/readyz` says; throws unless the engine answers. Ready with damaged collections too, since the others are served; how
 * many there are is said, but not which: this needs no key.
 */
export async function readiness(engine: EngineApi): Promise<string> {
  try {
    await engine.getCollections();
    const { damaged } = await engine.getNodeReport();
    return damaged.length === 0
      ? "all shards are ready"
      : `ready, but ${damaged.length} of the collections cannot be opened: see /issues`;
  } catch (cause) {
    throw new VicinalError("CLOSED", "The database does not answer", {}, { cause });
  }
}
