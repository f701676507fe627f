/** Reads saved tables back, trusting nothing that could lead a search out of its memory. */
import { VicinalError } from "../../runtime/errors.js";
import { inMemory } from "../build-memory.js";
import type { LoadedIndex } from "../contract.js";
import { checkedCalibration, expectStore, readSections, wholeNumber } from "../saved-meta.js";
import type { VectorStore } from "../vector-store.js";
import { hashFor, lshParameters } from "./defaults.js";
import { LSH_FORMAT, LshIndex } from "./lsh-index.js";
import {
  allocateTables,
  openTables,
  paddedFor,
  type TableLayout,
  type TableShape,
  tableSections,
} from "./table-memory.js";

export async function loadTables(store: VectorStore, saved: LoadedIndex): Promise<LshIndex> {
  const { meta } = saved;
  const shape = checkedShape(store, meta);
  const buckets = wholeNumber(meta, "buckets", shape.tables > 0 ? 1 : 0, store.count, damaged);
  const calibration = checkedCalibration(meta.calibration, damaged);
  return inMemory(store, async (memory) => {
    const layout = memory.keep(allocateTables(store, shape));
    await readSections(saved, tableSections(store, layout), damaged);
    checkTables(store, layout);
    openTables(store, layout);
    const index = new LshIndex(store, layout, buckets);
    index.calibration = calibration;
    return index;
  });
}

function damaged(what: string): VicinalError {
  return new VicinalError("CORRUPTION", `Corrupted LSH index: ${what}`, { what });
}

function checkedShape(store: VectorStore, meta: Record<string, unknown>): TableShape {
  const { count, dimensions, metric } = store;
  expectStore(meta, store, LSH_FORMAT, damaged);
  const tables = wholeNumber(meta, "tables", 0, 128, damaged);
  const functions = wholeNumber(meta, "functions", tables > 0 ? 1 : 0, tables > 0 ? 32 : 0, damaged);
  const real = (name: string, low: number): number => {
    const value = meta[name];
    if (typeof value !== "number" || !Number.isFinite(value) || value < low)
      throw damaged(`${name} is ${String(value)}`);
    return value;
  };
  let hash: TableShape["hash"];
  try {
    const given = lshParameters({ hash: meta.hash, functions: tables > 0 ? functions : "auto" });
    hash = hashFor(given, metric);
  } catch (cause) {
    throw damaged((cause as Error).message);
  }
  if (hash !== meta.hash) throw damaged(`hash is ${String(meta.hash)}`);
  const polytope = hash === "cross-polytope" && tables > 0;
  return {
    dimensions,
    count,
    hash,
    tables,
    functions,
    width: real("width", Number.MIN_VALUE),
    largest: real("largest", 0),
    lastAxes: wholeNumber(meta, "lastAxes", polytope ? 1 : 0, polytope ? paddedFor(dimensions) : 0, damaged),
  };
}

/** Starts must rise from 0 to the count, and every table must hold every vector once. */
function checkTables(store: VectorStore, layout: TableLayout): void {
  const { u32 } = store.arena;
  const { tables, count, cellBits } = layout;
  const cells = 2 ** cellBits;
  const seen = new Uint8Array(count);
  for (let table = 0; table < tables; table++) {
    const starts = (layout.starts >>> 2) + table * (cells + 1);
    if (u32[starts] !== 0 || u32[starts + cells] !== count)
      throw damaged(`table ${table} does not hold ${count} vectors`);
    for (let cell = 0; cell < cells; cell++)
      if (u32[starts + cell] > u32[starts + cell + 1])
        throw damaged(`cell ${cell} of table ${table} ends before it starts`);
    const entries = (layout.entries >>> 2) + table * count * 2;
    for (let i = 0; i < count; i++) {
      const ordinal = u32[entries + 2 * i + 1];
      if (ordinal >= count || seen[ordinal] !== table)
        throw damaged(`table ${table} names vector ${ordinal} of ${count}, or names it twice`);
      seen[ordinal] = table + 1;
    }
  }
}
