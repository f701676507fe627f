/** What a process grows by while it is filled, with a memory budget and without. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const MIB = 2 ** 20;
/** VICINAL_BUDGET_MIB=64 runs it, for two minutes: less drowns in what a process takes anyway. */
const BUDGET = Number(process.env.VICINAL_BUDGET_MIB ?? 0) * MIB;
const DATA = 6 * BUDGET;
/** Threads, code that is compiled, garbage, and what the C library keeps of memory that was freed. */
const PROCESS = 160 * MIB;

/** Fills a folder with vectors of 128 dimensions and payloads of 1.5 kB; prints the most that it grew by. */
const program = `
const [module, folder, budget, data] = process.argv.slice(1);
const { open } = await import(module);
const database = await open(folder, budget === "none" ? {} : { memoryBudget: Number(budget) });
await database.createCollection("c", { vectors: { size: 128, distance: "Euclid" } });
let seed = 1;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const text = "x".repeat(1536);
let begun = 0;
let most = 0;
for (let from = 0; from < Number(data) / 2048; from += 500) {
  const points = Array.from({ length: 500 }, (_, i) => ({
    id: from + i,
    vector: Float32Array.from({ length: 128 }, (_, d) => ((from + i) % 97) * ((d % 7) + 1) + random() * 20),
    payload: { text },
  }));
  await database.upsert("c", { points });
  begun ||= process.memoryUsage.rss();
  most = Math.max(most, process.memoryUsage.rss());
}
const { bytes } = await database.explainMemory();
console.log(JSON.stringify({ grown: most - begun, bytes }));
process.exit();
`;

async function fill(budget: number | "none"): Promise<{ grown: number; bytes: number }> {
  const folder = await mkdtemp(join(tmpdir(), "vicinal-"));
  try {
    const module = new URL("../index.js", import.meta.url).href;
    const given = ["--input-type=module", "-e", program, module, folder, String(budget), String(DATA)];
    const { stdout } = await promisify(execFile)(process.execPath, given);
    return JSON.parse(stdout);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test.skipIf(BUDGET === 0)(
  "a process grows by its budget and not by its data",
  { timeout: 600_000 },
  async () => {
    const bounded = await fill(BUDGET);
    const free = await fill("none");
    console.log("grown by MiB", bounded.grown / MIB, "without a budget", free.grown / MIB);
    expect(bounded.bytes).toBeLessThanOrEqual(BUDGET);
    expect(free.bytes).toBeGreaterThan(DATA);
    expect(bounded.grown).toBeLessThan(BUDGET + PROCESS);
    expect(bounded.grown).toBeLessThan(free.grown);
  },
);
