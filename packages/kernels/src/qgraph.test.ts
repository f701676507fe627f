/** The quantized graph against its twins: codes of edges, what they estimate, links and reachability. */
import { describe, expect, test } from "vitest";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { edgeOf, estimate, halfSquare } from "./qgraph-twins.js";
import { seededRandom } from "./test-data.test.helper.js";

const COUNT = 300;
const DIMENSIONS = 40;
const DEGREE = 32;
const PADDED = 64;
const NONE = 0xffffffff;
const HEAD = 256;
const BLOCK_BYTES = HEAD + PADDED * 4;
const RECORD_BYTES = Math.ceil((BLOCK_BYTES + 8 + PADDED) / 64) * 64;
const EUCLID = 0;

const GRAPH = 1024;
const MEAN = 2048;
const ZEROS = 4096;
const SIGNS = 8192;
const ROOT = 16384;
const ROWS = 65536;
const RECORDS = ROWS + COUNT * DIMENSIONS * 4;
const ROTATED = RECORDS + COUNT * RECORD_BYTES;
const LINKS = ROTATED + COUNT * PADDED * 4;
const LIST = LINKS + COUNT * DEGREE * 8;
const PARENTS = LIST + COUNT * 4;
const STACK = PARENTS + COUNT * 4;
const QUERY = STACK + COUNT * 4;
const SLOT = Math.ceil((QUERY + DIMENSIONS * 4) / 64) * 64;

/** Clustered rows, rotated, with empty records; the entries are the first 32. */
function begin(kernels: Instance, seed: number): void {
  const { exports, f32, u32 } = kernels;
  const next = seededRandom(seed);
  for (let i = 0; i < COUNT * DIMENSIONS; i++)
    f32[ROWS / 4 + i] = ((Math.floor(i / DIMENSIONS) % 7) - 3) * 0.3 + next() - 0.5;
  for (let i = 0; i < 4 * PADDED; i++) u32[SIGNS / 4 + i] = next() < 0.5 ? 0x80000000 : 0;
  f32.fill(0, ZEROS / 4, ZEROS / 4 + PADDED);
  f32.fill(0.1, MEAN / 4, MEAN / 4 + DIMENSIONS + 1);
  const shape = [EUCLID, DIMENSIONS, PADDED, DEGREE, COUNT, ROWS, RECORDS, MEAN, SIGNS, ROOT, 1, 0, 1];
  exports.initQgraph(GRAPH, ...shape, ROTATED, LINKS);
  exports.initQgraphSlot(SLOT, GRAPH, COUNT);
  for (let i = 0; i < COUNT; i++) u32[LIST / 4 + i] = i;
  exports.qgraphTurn(GRAPH, 0, COUNT, ZEROS);
  exports.qgraphClear(GRAPH, LIST, 32);
}

describe.each(buildNames)("quantized graph, build %s", (build) => {
  async function open(skip: (why: string) => void): Promise<Instance> {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const kernels = await instance(build, 64);
    begin(kernels, 5);
    return kernels;
  }
  const turned = ({ f32 }: Instance, node: number) =>
    f32.subarray(ROTATED / 4 + node * PADDED, ROTATED / 4 + (node + 1) * PADDED);
  const row = ({ f32 }: Instance, node: number) =>
    f32.subarray(ROWS / 4 + node * DIMENSIONS, ROWS / 4 + (node + 1) * DIMENSIONS);
  const record = (node: number) => RECORDS + node * RECORD_BYTES;
  const idOf = ({ u32 }: Instance, start: number, lane: number) => u32[start / 4 + lane];

  /** The edge in a lane, read as qgraph.ts draws it. */
  function edgeIn({ u8, u32 }: Instance, start: number, lane: number) {
    const factors = u32[(start + 128) / 4 + lane];
    const words = Uint32Array.of(factors << 16, factors & 0xffff0000);
    const [add, scale] = new Float32Array(words.buffer);
    const signs = Array.from({ length: PADDED }, (_, i) => {
      const byte = u8[start + HEAD + (i >> 2) * 16 + (lane & 15)];
      return (((lane < 16 ? byte : byte >> 4) >> (i & 3)) & 1) === 1;
    });
    return { signs, add, scale };
  }

  test("turning keeps distances", async ({ skip }) => {
    const kernels = await open(skip);
    for (let i = 1; i < 40; i++) {
      const exact = halfSquare(row(kernels, i), row(kernels, i - 1));
      expect(halfSquare(turned(kernels, i), turned(kernels, i - 1))).toBeCloseTo(exact, 3);
    }
  });

  test("edges are the twin's, and their estimates unbiased", async ({ skip }) => {
    const kernels = await open(skip);
    kernels.exports.qgraphLink(GRAPH, SLOT, LIST, COUNT, 64);
    const query = turned(kernels, COUNT - 1);
    let errors = 0;
    let squares = 0;
    let edges = 0;
    for (let node = 0; node < COUNT - 1; node++) {
      const base = halfSquare(turned(kernels, node), query);
      for (let lane = 0; lane < DEGREE; lane++) {
        const other = idOf(kernels, record(node), lane);
        if (other === NONE) continue;
        const kept = edgeIn(kernels, record(node), lane);
        const twin = edgeOf(turned(kernels, other), turned(kernels, node), () => -kept.scale);
        expect(kept.signs).toEqual(twin.signs);
        expect(
          Math.abs(kept.scale - edgeOf(turned(kernels, other), turned(kernels, node)).scale),
        ).toBeLessThan(Math.abs(kept.scale) / 256);
        expect(Math.abs(kept.add - twin.add)).toBeLessThan(Math.abs(twin.add) / 256 + 1e-4);
        const exact = halfSquare(turned(kernels, other), query);
        const error = (estimate(kept, base, query) - exact) / (exact + base);
        errors += error;
        squares += error * error;
        edges++;
      }
    }
    expect(edges).toBeGreaterThan(COUNT * 20);
    // Of a few vectors and one rotation: the mean error lies far below the scatter of a single one.
    expect(Math.abs(errors / edges)).toBeLessThan(0.01);
    expect(Math.sqrt(squares / edges)).toBeLessThan(0.2);
  });

  test("every vertex has other, different neighbours, and the root leads to it", async ({ skip }) => {
    const kernels = await open(skip);
    const { exports } = kernels;
    exports.qgraphLink(GRAPH, SLOT, LIST, COUNT, 64);
    exports.qgraphLink(GRAPH, SLOT, LIST, COUNT, 64);
    exports.qgraphRepair(GRAPH, SLOT, 64, PARENTS, STACK);
    const reached = new Set<number>();
    const waiting = Array.from({ length: 32 }, (_, lane) => idOf(kernels, ROOT, lane));
    expect(waiting).toEqual(Array.from({ length: 32 }, (_, i) => i));
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (reached.has(node)) continue;
      reached.add(node);
      const ids = Array.from({ length: DEGREE }, (_, lane) => idOf(kernels, record(node!), lane));
      expect(new Set(ids).size).toBe(DEGREE);
      expect(ids).not.toContain(node);
      expect(Math.max(...ids)).toBeLessThan(COUNT);
      waiting.push(...ids);
    }
    expect(reached.size).toBe(COUNT);
  });

  test("a beam with room for all finds the nearest, also of those whose bits are set", async ({ skip }) => {
    const kernels = await open(skip);
    const { exports, f32, u32 } = kernels;
    exports.qgraphLink(GRAPH, SLOT, LIST, COUNT, 64);
    exports.qgraphRepair(GRAPH, SLOT, 64, PARENTS, STACK);
    const next = seededRandom(6);
    const bits = PARENTS;
    for (let round = 0; round < 20; round++) {
      const query = Float32Array.from({ length: DIMENSIONS }, () => next() * 2 - 1);
      f32.set(query, QUERY / 4);
      for (let word = 0; word < Math.ceil(COUNT / 32); word++) u32[bits / 4 + word] = 0x21212121;
      for (const mask of [0, bits]) {
        const found = exports.qgraphSearch(GRAPH, SLOT, QUERY, 10, COUNT, COUNT, COUNT, mask, 1e9);
        const passing = Array.from({ length: COUNT }, (_, i) => i).filter(
          (i) => !mask || (0x21 >> (i & 7)) & 1,
        );
        const nearest = passing
          .sort((a, b) => halfSquare(row(kernels, a), query) - halfSquare(row(kernels, b), query))
          .slice(0, 10);
        const ordinals = exports.qgraphOrdinals(SLOT) / 4;
        expect([...u32.subarray(ordinals, ordinals + found)]).toEqual(nearest);
        const distances = exports.qgraphDistances(SLOT) / 4;
        nearest.forEach((node, i) => {
          expect(f32[distances + i]).toBeCloseTo(2 * halfSquare(row(kernels, node), query), 3);
        });
      }
    }
  });
});
