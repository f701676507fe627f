/**
 * Where hash functions and tables lie: one region of their store's memory. What a part holds is drawn in the kernels'
 * lsh.ts; the same bytes, part by part, are the sections of a saved index.
 *
 *   [ head ][ directions ][ offsets ][ multipliers ][ starts ][ entries ]     each part 64-byte aligned
 */
import { seededRandom, seededWords } from "../../runtime/random.js";
import type { VectorStore } from "../vector-store.js";
import { type HashName, LSH_EFFORT } from "./defaults.js";

/** What decides the size of the tables. */
export interface TableShape {
  dimensions: number;
  count: number;
  hash: HashName;
  /** 0 when the store is too small to be hashed. */
  tables: number;
  functions: number;
  width: number;
  /** The largest squared norm, for Dot; else 0. */
  largest: number;
  /** Axes that the last function of a table looks at (cross-polytope; else 0). */
  lastAxes: number;
}

/** Addresses and sizes; can be posted to another thread. */
export interface TableLayout extends TableShape {
  region: number;
  cellBits: number;
  padded: number;
  head: number;
  directions: number;
  offsets: number;
  multipliers: number;
  starts: number;
  entries: number;
  bytes: number;
}

const ALIGNMENT = 64;
/** Rounds of signs and transform of a cross-polytope's rotation, as in the kernels. */
const ROUNDS = 3;
const kinds: Record<HashName, number> = { "p-stable": 0, gaussian: 0, hyperplane: 1, "cross-polytope": 2 };

/** Dimensions of a cross-polytope: a power of two with room for the tail. */
export function paddedFor(dimensions: number): number {
  return 2 ** Math.max(2, Math.ceil(Math.log2(dimensions + 1)));
}

/** Takes a region for the tables. Give it back with `arena.release(layout.region)`. */
export function allocateTables(store: VectorStore, shape: TableShape): TableLayout {
  let end = 0;
  const part = (bytes: number) => {
    const start = end;
    end = Math.ceil((end + bytes) / ALIGNMENT) * ALIGNMENT;
    return start;
  };
  const { dimensions, count, tables, functions, hash } = shape;
  // About four vectors per cell.
  const cellBits = Math.max(1, Math.ceil(Math.log2(Math.max(2, count / 4))));
  const padded = paddedFor(dimensions);
  const all = tables * functions;
  const layout: TableLayout = {
    ...shape,
    region: 0,
    cellBits,
    padded,
    head: part(store.kernels.lshBytes()),
    directions: part(all * (hash === "cross-polytope" ? ROUNDS * padded : dimensions + 1) * 4),
    offsets: part(all * 4),
    multipliers: part(all * 4),
    starts: part(tables * (2 ** cellBits + 1) * 4),
    entries: part(tables * count * 8),
    bytes: end,
  };
  layout.bytes = end;
  const region = store.arena.allocate(end);
  for (const name of ["head", "directions", "offsets", "multipliers", "starts", "entries"] as const)
    layout[name] += region;
  return { ...layout, region };
}

/** Draws the functions of all tables. */
export function drawFunctions(store: VectorStore, layout: TableLayout, seed: number): void {
  const { f32, u32 } = store.arena;
  const { tables, functions, dimensions, padded, hash, width } = layout;
  const all = tables * functions;
  const random = seededRandom(seed);
  const directions = layout.directions >>> 2;
  if (hash === "cross-polytope") {
    for (let i = 0; i < all * ROUNDS * padded; i++) f32[directions + i] = random() < 0.5 ? -1 : 1;
  } else {
    const draw = store.metric === "Manhattan" ? () => cauchy(random) : () => gaussian(random);
    for (let i = 0; i < all * (dimensions + 1); i++) f32[directions + i] = draw();
  }
  for (let i = 0; i < all; i++) f32[(layout.offsets >>> 2) + i] = hash === "p-stable" ? random() * width : 0;
  const words = seededWords(seed ^ 0x68e31da4);
  for (let i = 0; i < all; i++) u32[(layout.multipliers >>> 2) + i] = words() | 1;
}

/** Box, Muller 1958. */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** By the inverse of its distribution; an extreme draw is cut off, so that no sum is lost to it. */
function cauchy(random: () => number): number {
  return Math.min(1e6, Math.max(-1e6, Math.tan(Math.PI * (random() - 0.5))));
}

/** Describes the tables to the kernels. */
export function openTables(store: VectorStore, layout: TableLayout): void {
  store.kernels.initLsh(
    layout.head,
    store.metricNumber,
    kinds[layout.hash],
    layout.dimensions,
    store.rows,
    layout.count,
    layout.tables,
    layout.functions,
    layout.cellBits,
    1 / layout.width,
    layout.largest,
    layout.padded,
    layout.lastAxes,
    layout.directions,
    layout.offsets,
    layout.multipliers,
    layout.starts,
    layout.entries,
  );
}

/** A thread's scratch and, at its head, the state of one search. The tables are open. */
export function allocateWork(store: VectorStore, layout: TableLayout): number {
  const { kernels, arena } = store;
  const effort = LSH_EFFORT.max;
  const answer = answerBytes(store);
  const work = arena.allocate(answer + kernels.lshWorkBytes(layout.head, effort));
  kernels.initLshWork(work + answer, layout.head, effort);
  return work;
}

/** Bytes before the scratch proper. */
export function answerBytes(store: VectorStore): number {
  return Math.ceil(store.kernels.lshAnswerBytes() / ALIGNMENT) * ALIGNMENT;
}

/** The saved parts, as they lie in memory. */
export function tableSections(
  store: VectorStore,
  layout: TableLayout,
): { name: string; bytes: Uint8Array }[] {
  const { tables, functions, dimensions, padded, count, hash, cellBits } = layout;
  const all = tables * functions;
  const directionBytes = all * (hash === "cross-polytope" ? ROUNDS * padded : dimensions + 1) * 4;
  const part = (name: string, start: number, length: number) => ({
    name,
    bytes: store.arena.u8.subarray(start, start + length),
  });
  return [
    part("directions", layout.directions, directionBytes),
    part("offsets", layout.offsets, all * 4),
    part("multipliers", layout.multipliers, all * 4),
    part("starts", layout.starts, tables * (2 ** cellBits + 1) * 4),
    part("entries", layout.entries, tables * count * 8),
  ];
}
