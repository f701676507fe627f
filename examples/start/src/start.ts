/**
 * `npm start`: a server on this machine with a sample of real word vectors.
 *
 * The first start loads the sample while the server answers already, then builds the index in the background;
 * what a stop interrupted, the next start goes on with. Later starts find everything in the data folder.
 */
import { parseArgs } from "node:util";
import { createServer } from "@vicinal/server";
import { open } from "vicinal";
import { loadSample, sampleSize, waitForIndex } from "./sample.js";
import { printSearches, printUsage } from "./searches.js";

const host = "127.0.0.1";

/** Runs until Ctrl-C; resolves to the exit code: 0, or 1 after one line that says what is in the way. */
export async function start(argv: readonly string[]): Promise<number> {
  const started = performance.now();
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => {
    stop.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  try {
    const { data, port } = options(argv);
    await run(data, port, started, stop.signal, stopped);
    return 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    console.error(`npm start: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function options(argv: readonly string[]): { data: string; port: number } {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      data: { type: "string", default: "./data" },
      port: { type: "string", default: "6333" },
    },
  });
  const port = /^\d+$/.test(values.port) ? Number(values.port) : Number.NaN;
  if (!(port <= 65_535)) throw new Error(`--port ${values.port}: it must be an integer from 0 to 65535`);
  return { data: values.data, port };
}

async function run(
  data: string,
  port: number,
  started: number,
  signal: AbortSignal,
  stopped: Promise<void>,
): Promise<void> {
  const database = await open(data);
  try {
    const server = createServer({ database });
    try {
      const { url: address } = await server.listen({ host, port });
      const seconds = () => ((performance.now() - started) / 1000).toFixed(2);
      const before = await loadSample(database, signal, () => {
        console.log(`Vicinal answers at ${address}; the sample can be searched while it is loaded.`);
      });
      if (before === sampleSize)
        console.log(`${sampleSize.toLocaleString("en")} words, ready in ${seconds()} s`);
      await waitForIndex(database, signal);
      if (!signal.aborted) await printSearches(database);
      if (!signal.aborted) printUsage(address, data);
      await stopped;
      console.log("\nclosing");
    } finally {
      await server.close();
    }
  } finally {
    await database.close();
  }
}
