/** What one fresh process does for a measurement: its argument is a task as JSON, its last line of output the result. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type HeldOut, readDataSet, readHeldOut, truthDepth } from "../../data/layout.js";
import { keptStore, type OpenStore } from "../../engines/kept.js";
import { clock, consume, residentBytes } from "../stats.js";
import type { Results, Task } from "./tasks.js";

const queryCount = 200;
const k = 10;
const wantedRecall = 0.95;

/** Bytes that are read at a time. */
const chunk = 4 << 20;
/** The same in pages of WebAssembly. */
const pages = chunk >> 16;

async function build({ store, folder, data }: Task): Promise<Results["build"]> {
  const set = await readDataSet(data);
  const kept = await keptStore(store);
  const elapsed = clock();
  await kept.build(folder, set);
  return elapsed();
}

/** From the call that opens to the first answer; modules are loaded, and files are in the system's memory, if it has kept them. */
async function first({ store, folder, data, mode }: Task): Promise<Results["first"]> {
  const kept = await keptStore(store);
  const { queries, meta } = await readHeldOut(data);
  const query = queries.slice(0, meta.dimensions);
  const elapsed = clock();
  const opened = await kept.open(folder, mode);
  const ids = await opened.search(query, k, kept.efforts[0]);
  const used = elapsed();
  if (ids.length !== k) throw new Error(`${kept.name} found ${ids.length} of ${k}`);
  await opened.close();
  return used;
}

/**
 * Every byte of every file once, checked against nothing or brought to a checksum as the engine's blocks are; `isKept`: into memory
 * that was never used before and stays, as whoever opens a store in memory has to.
 */
async function read({ folder }: Task, isChecked: boolean, isKept = false): Promise<Results["read"]> {
  const { crc32c } = await import("vicinal/shard");
  let buffer = new Uint8Array(chunk);
  const kept: WebAssembly.Memory[] = [];
  const elapsed = clock();
  for (const path of await filesIn(folder)) {
    const file = await open(path);
    for (;;) {
      if (isKept) {
        // The kind of memory that vectors lie in: its pages are cleared when they are first written, and not before.
        const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
        buffer = new Uint8Array(memory.buffer);
        kept.push(memory);
      }
      const { bytesRead } = await file.read(buffer, 0, chunk);
      if (bytesRead === 0) break;
      if (isChecked) consume(crc32c(buffer.subarray(0, bytesRead)));
    }
    await file.close();
  }
  return elapsed();
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Searches at the cheapest effort that finds enough, then rests and says what it holds. */
async function hold({ store, folder, data, mode }: Task): Promise<Results["hold"]> {
  const kept = await keptStore(store);
  const set = await readHeldOut(data);
  const opened = await kept.open(folder, mode);
  for (const effort of kept.efforts) {
    const { recall, cpuSeconds } = await searched(opened, set, effort);
    if (recall < wantedRecall && effort !== kept.efforts.at(-1)) continue;
    const resident = await residentBytes();
    const tree = await opened.explain?.();
    await opened.close();
    return { resident, recall, effort, cpuMsPerQuery: (cpuSeconds / queryCount) * 1000, tree };
  }
  throw new Error(`${kept.name} has no effort`);
}

async function searched(opened: OpenStore, { queries, neighbors, meta }: HeldOut, effort: number) {
  const found: number[][] = [];
  const elapsed = clock();
  for (let i = 0; i < queryCount; i++)
    found.push(await opened.search(queries.slice(i * meta.dimensions, (i + 1) * meta.dimensions), k, effort));
  const { cpuSeconds } = elapsed();
  let hits = 0;
  for (const [i, ids] of found.entries()) {
    const truth = new Set(neighbors.subarray(i * truthDepth, i * truthDepth + k));
    hits += new Set(ids.filter((id) => truth.has(id))).size;
  }
  return { recall: hits / (queryCount * k), cpuSeconds };
}

const tasks = {
  build,
  first,
  read: (task: Task) => read(task, false),
  check: (task: Task) => read(task, true),
  keep: (task: Task) => read(task, true, true),
  hold,
};

const { what, ...task } = JSON.parse(process.argv[2]) as Task & { what: keyof Results };
console.log(JSON.stringify(await tasks[what](task)));
// Engines of native code keep threads.
process.exit();
