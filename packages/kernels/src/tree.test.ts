/** The search of trees against its twin, on random trees whose numbers are small integers. */
import { expect, test } from "vitest";
import { type MetricName, metricNames, nearest } from "./float-twins.js";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { ball, leastDistance, searchTree, type TwinNode } from "./tree-twins.js";

const QUERY = 64;
const TREE = 1024;
const ROWS = 16 * 1024;
const NODES = 256 * 1024;
const PIVOTS = 320 * 1024;
const ORDER = 480 * 1024;
const BITS = 500 * 1024;
const HEAP = 510 * 1024;
const ORDINALS = 520 * 1024;
const DISTANCES = 530 * 1024;
const SLOT = 540 * 1024;

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

type Row = (ordinal: number) => ArrayLike<number>;

/** A tree of which each node has up to five children, its pivots being rows. */
function grow(metric: MetricName, row: Row, ordinals: number[], next: () => number): TwinNode {
  const pivot = Array.from(row(ordinals[0]));
  const node = { id: 0, pivot, ordinals, children: [], ...ball(metric, pivot, ordinals.map(row)) };
  if (ordinals.length <= 5) return node;
  const parts = 2 + Math.floor(next() * 4);
  const size = Math.ceil(ordinals.length / parts);
  // Neighbours along the first component lie together, so that bounds have something to say.
  const sorted = [...ordinals].sort((a, b) => row(a)[0] - row(b)[0]);
  const children: TwinNode[] = [];
  for (let i = 0; i < sorted.length; i += size)
    children.push(grow(metric, row, sorted.slice(i, i + size), next));
  return children.length > 1 ? { ...node, children } : node;
}

/** Writes the tree as the kernels read it; returns the number of nodes. */
function put({ u32, f32 }: Instance, root: TwinNode): number {
  const nodes = [root];
  const order: number[] = [];
  const starts = new Map<TwinNode, number>();
  const place = (node: TwinNode) => {
    starts.set(node, order.length);
    if (node.children.length === 0) order.push(...node.ordinals);
    for (const child of node.children) place(child);
  };
  place(root);
  for (let i = 0; i < nodes.length; i++) {
    nodes[i].id = i;
    const { children, pivot, ordinals, radius, spread, reach } = nodes[i];
    const at = NODES / 4 + i * 8;
    u32.set([nodes.length, children.length, starts.get(nodes[i])!, ordinals.length], at);
    const norm = Array.from(pivot).reduce((sum, x) => sum + x * x, 0);
    f32.set([radius, spread, norm, reach], at + 4);
    f32.set(pivot, PIVOTS / 4 + i * pivot.length);
    nodes.push(...children);
  }
  u32.set(order, ORDER / 4);
  return nodes.length;
}

test.each(buildNames)("searches as the twin does, build %s", async (build) => {
  if (!(await runnable(build))) return;
  const kernels = await instance(build, 32);
  const { exports, f32, u32 } = kernels;
  for (const dimensions of [1, 2, 3, 4, 7, 20]) {
    for (const [number, metric] of metricNames.entries()) {
      for (const seed of [1, 2, 3]) {
        const next = random(seed * 1000 + dimensions);
        const count = [1, 5, 6, 150][(seed + dimensions) % 4];
        const numbers = (length: number) => Array.from({ length }, () => Math.floor(next() * 41) - 20);
        // Unit vectors for Cosine, the last of them zero, as a zero vector stays.
        const unit = (vector: number[], zero: boolean) => {
          const length = Math.hypot(...vector) || 1;
          return metric === "Cosine" ? vector.map((x) => (zero ? 0 : x / length)) : vector;
        };
        for (let i = 0; i < count; i++)
          f32.set(unit(numbers(dimensions), i === 149), ROWS / 4 + i * dimensions);
        const row = (i: number) => f32.subarray(ROWS / 4 + i * dimensions, ROWS / 4 + (i + 1) * dimensions);
        const all = Array.from({ length: count }, (_, i) => i);
        const root = grow(metric, row, all, next);
        const nodeCount = put(kernels, root);
        exports.initTree(...[TREE, number, dimensions, ROWS, NODES, PIVOTS, ORDER, nodeCount, 0, 0, 0]);
        f32.set(unit(numbers(dimensions), false), QUERY / 4);
        const query = f32.subarray(QUERY / 4, QUERY / 4 + dimensions);
        const chosen = new Set(all.filter(() => next() < 0.4));
        u32.fill(0, BITS / 4, BITS / 4 + 8);
        for (const i of chosen) u32[BITS / 4 + (i >>> 5)] |= 1 << (i & 31);
        for (const filtered of [false, true]) {
          const among = filtered ? [...chosen] : all;
          const k = Math.min(among.length, 1 + Math.floor(next() * 9));
          if (k === 0) continue;
          for (const factor of [-1, 0, 0.25]) {
            for (const effort of [1, 20, 60, count]) {
              const found = exports.treeSearch(
                ...[TREE, QUERY, k, effort, filtered ? BITS : 0, 0, factor, HEAP, ORDINALS, DISTANCES, SLOT],
              );
              const where = `${metric}, ${dimensions} dimensions, seed ${seed}, effort ${effort}, factor ${factor}`;
              expect(found, where).toBe(k);
              const ordinals = [...u32.subarray(ORDINALS / 4, ORDINALS / 4 + k)];
              const distances = f32.subarray(DISTANCES / 4, DISTANCES / 4 + k);
              const passes = (ordinal: number) => !filtered || chosen.has(ordinal);
              const twin = searchTree(metric, root, row, query, { k, effort, factor, passes });
              const expected = effort >= count ? nearest(metric, query, row, among, k) : twin.hits;
              expected.forEach((hit, i) => {
                expect(Math.abs(distances[i] - hit.distance), where).toBeLessThan(1e-4);
              });
              if (metric !== "Cosine") expect(ordinals, where).toEqual(expected.map((hit) => hit.ordinal));
              const visited = u32[exports.treeSlotStats(SLOT) / 4 + 1];
              if (metric !== "Cosine") expect(visited, where).toBe(twin.leaves);
            }
          }
        }
      }
    }
  }
});

test("the twin's bounds hold for every row of a ball", () => {
  const next = random(77);
  for (let round = 0; round < 300; round++) {
    const dimensions = 1 + Math.floor(next() * 6);
    const vector = () => Array.from({ length: dimensions }, () => (next() - 0.5) * 8);
    const rows = Array.from({ length: 12 }, vector);
    for (const metric of metricNames) {
      const root = { id: 0, pivot: vector(), ordinals: [], children: [] };
      const node = { ...root, ...ball(metric, root.pivot, rows) };
      const query = vector();
      const least = nearest(metric, query, (i) => rows[i], rows.keys(), 1)[0].distance;
      expect(leastDistance(metric, query, node)).toBeLessThanOrEqual(least + 1e-9);
    }
  }
});
