/** `vicinal serve`: a server in front of a data folder, until it is told to stop. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Durability, Hooks } from "vicinal";
import { UserError } from "../errors.js";
import { type NodeOptions, serveNode } from "./serve-cluster.js";
import { serveModels } from "./serve-models.js";

export interface ServeOptions {
  host: string;
  port: number;
  /** False for none; by default the port after the other. */
  grpcPort?: number | false;
  data: string;
  /** Serves what another process writes, or nobody. */
  readOnly?: boolean;
  durability?: Durability;
  /** Bytes of memory that the collections may hold together; no bound where absent. */
  memoryBudget?: number;
  /** A module whose default export are the database's hooks. */
  hooks?: string;
  /** Models of the catalogue that requests may name. */
  model?: string[];
  /** Folder below which requests may name files for the models. */
  modelFiles?: string;
  /** Folder of the snapshots; by default in the data folder. */
  snapshots?: string;
}

export async function serve(options: ServeOptions & Partial<NodeOptions>): Promise<void> {
  const own = options.hooks === undefined ? undefined : await hooksOf(options.hooks);
  const models = await serveModels(options.model ?? [], own, options.modelFiles);
  try {
    if (options.cluster === undefined) await serveFolder(options, models.hooks);
    else await serveNode(options as NodeOptions, models.hooks);
  } finally {
    await models.close();
  }
}

async function serveFolder(options: ServeOptions, hooks: Hooks): Promise<void> {
  const { host, port, grpcPort, data } = options;
  const { open } = await import("vicinal");
  const { createServer, damageLines } = await import("@vicinal/server");
  const stop = stopSignal();
  const { snapshots, readOnly = false } = options;
  const database = await open(data, {
    readOnly,
    ...(options.memoryBudget === undefined ? {} : { memoryBudget: options.memoryBudget }),
    ...(options.durability ? { durability: options.durability } : {}),
    hooks,
    ...(snapshots ? { snapshots } : {}),
  });
  try {
    const server = createServer({ database });
    try {
      const address = await server.listen({ host, port, grpcPort });
      const grpc = address.grpcPort === undefined ? "" : `, gRPC at port ${address.grpcPort}`;
      for (const line of await damageLines(database.engine)) console.error(line);
      console.log(`Vicinal serves ${data} at ${address.url}${grpc}`);
      await stop;
    } finally {
      await server.close();
    }
  } finally {
    await database.close();
  }
}

/** The default export of a file, relative to the working folder. */
async function hooksOf(file: string): Promise<Hooks> {
  const address = pathToFileURL(resolve(file)).href;
  let module: { default?: Hooks };
  try {
    module = (await import(address)) as { default?: Hooks };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`--hooks ${file} cannot be loaded: ${why}`, { cause });
  }
  if (module.default === undefined)
    throw new UserError(
      `--hooks ${file} has no default export, expected \`export default { inference: {...} }\``,
    );
  return module.default;
}

/** Resolves at the first signal to stop; a second one ends the process at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
