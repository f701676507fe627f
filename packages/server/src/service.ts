/** What operators ask of a server: who it is, whether it lives. */
import { type EngineApi, VicinalError } from "vicinal/protocol";
import { apiVersion, productVersion } from "./version.js";

/** Answer of `/`. Clients read `title` and `version`. */
export const versionInfo = {
  title: "vicinal - vector database",
  version: apiVersion,
  vicinal_version: productVersion,
};

/** Throws unless the engine answers: what `/readyz` asks. */
export async function assertReady(engine: EngineApi): Promise<void> {
  try {
    await engine.getCollections();
  } catch (cause) {
    throw new VicinalError("CLOSED", "The database does not answer", {}, { cause });
  }
}
