/** Tasks of processes of their own, so that each begins with nothing in memory: see child.ts. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { MemoryTree } from "vicinal";
import { runtimeOf } from "../../engines/kept.js";
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
  keep: Elapsed;
  hold: {
    resident: number;
    recall: number;
    effort: number;
    cpuMsPerQuery: number;
    tree?: MemoryTree;
  };
}

const script = fileURLToPath(new URL("./child.js", import.meta.url));

export async function inProcess<K extends keyof Results>(
  what: K,
  task: Partial<Task> & { store: string },
): Promise<Results[K]> {
  const last = await run(task.store, [script, JSON.stringify({ what, ...task })]);
  return JSON.parse(last);
}

/** Resident bytes of a process that runs nothing, and has collected what it can. */
export async function bareBytes(store: string): Promise<number> {
  const code = "gc(); setTimeout(() => { gc(); console.log(process.memoryUsage().rss) }, 3000)";
  return Number(await run(store, ["--eval", code]));
}

/** The last line that the store's runtime writes. */
async function run(store: string, given: string[]): Promise<string> {
  const all = ["--expose-gc", "--no-warnings", ...given];
  const { stdout } = await promisify(execFile)(runtimeOf(store), all, { maxBuffer: 1 << 26 });
  return stdout.trimEnd().split("\n").at(-1) as string;
}
