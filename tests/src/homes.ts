/** Databases and servers as tests open them, in folders that are gone afterwards. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type ServerOptions } from "@vicinal/server";
import { type Database, type ErrorCode, type OpenOptions, open, VicinalError } from "vicinal";
import { RawRest } from "./raw-rest.js";

/** Runs `work` with an empty folder and deletes it. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "vicinal-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Served {
  database: Database;
  rest: RawRest;
  url: string;
  grpcPort: number;
  close(): Promise<void>;
}

/** A database and a server before it. */
export async function serve(
  path = ":memory:",
  { hooks, ...options }: Partial<ServerOptions> & Pick<OpenOptions, "hooks"> = {},
): Promise<Served> {
  const database = await open(path, { hooks });
  const server = createServer({ ...options, database });
  const { url, grpcPort } = await server.listen({ port: 0 });
  return {
    database,
    rest: new RawRest(url),
    url,
    grpcPort: grpcPort as number,
    async close() {
      await server.close();
      await database.close();
    },
  };
}

/** What the promise is refused with, which must be a VicinalError. */
export async function refusal(promise: Promise<unknown>): Promise<{ code: ErrorCode; message: string }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof VicinalError) return { code: error.code, message: error.message };
    throw new Error(`Expected a VicinalError, got ${error}`, { cause: error });
  }
  throw new Error("Expected a VicinalError, but the call succeeded");
}

/** Everything that a database shows of its collections, for comparing before with after. */
export async function snapshot(database: Database): Promise<Record<string, unknown>> {
  const shown: Record<string, unknown> = {};
  for (const { name } of (await database.getCollections()).collections) {
    const { config, payload_schema } = await database.getCollection(name);
    const { points } = await database.scroll(name, { limit: 10_000, with_vector: true });
    shown[name] = { config, payload_schema, points };
  }
  return shown;
}
