/** Tasks of processes of their own, so that each begins with nothing in memory: see child.ts. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { MemoryTree } from "vicinal";
import type { Elapsed } from "../stats.js";

export interface Task {
  /** Name of the store. */
  store: string;
  folder: string;
  /** Name of the data set. */
  data: string;
  /** How the store is opened. */
  mode: string;
}

export interface Results {
  build: Elapsed;
  first: Elapsed;
  read: Elapsed;
  check: Elapsed;
  hold: {
    resident: number;
    recall: number;
    effort: number;
    cpuMsPerQuery: number;
    tree?: MemoryTree;
  };
  nothing: { resident: number };
}

const script = fileURLToPath(new URL("./child.js", import.meta.url));

export async function inProcess<K extends keyof Results>(what: K, task: Partial<Task>): Promise<Results[K]> {
  const argument = JSON.stringify({ what, ...task });
  const options = { maxBuffer: 1 << 26 };
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", "--no-warnings", script, argument],
    options,
  );
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
}
