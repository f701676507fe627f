/** Choosing neighbours, linking, repairing and NN-Descent, against their twins, on vectors of small integers. */
import { expect, test } from "vitest";
import { type MetricName, metricNames, nearest } from "./float-twins.js";
import { chooseNeighbours, reachable } from "./graph-twins.js";
import { buildNames, type Instance, instance, runnable } from "./load.js";
import { seededRandom } from "./test-data.test.helper.js";

const GRAPH = 1024;
const OTHER = 2048;
const NN = 3072;
const NODES = 4096;
const ROWS = 64 * 1024;
const LINKS = 512 * 1024;
const OTHER_LINKS = 1024 * 1024;
const SLOT = 2 * 1024 * 1024;
const REACHED = 4 * 1024 * 1024;
const STACK = REACHED + 64 * 1024;
const LISTS = 5 * 1024 * 1024;
const SAMPLES = 8 * 1024 * 1024;
const PAGES = 256;
const NONE = 0xffffffff;

interface Setting {
  metric: MetricName;
  dimensions: number;
  count: number;
  /** Components are whole numbers below this. */
  range: number;
  seed: number;
}

/** Random rows, a list of all nodes, and a slot. */
async function laidOut(build: (typeof buildNames)[number], setting: Setting) {
  const made = await instance(build, PAGES);
  const { count, dimensions, range, seed } = setting;
  const random = seededRandom(seed);
  for (let i = 0; i < count * dimensions; i++)
    made.f32[ROWS / 4 + i] = Math.floor(random() * range) - Math.floor(range / 2);
  for (let i = 0; i < count; i++) made.u32[NODES / 4 + i] = i;
  made.exports.initSlot(SLOT, dimensions, count, 512);
  const row = (node: number) => {
    const start = ROWS / 4 + node * dimensions;
    return made.f32.subarray(start, start + dimensions);
  };
  return { made, row, random };
}

/** A flat graph whose lists are empty and whose walks start at node 0. */
function openGraph({ exports, u32 }: Instance, at: number, links: number, slots: number, setting: Setting) {
  const { metric, dimensions, count } = setting;
  u32.fill(NONE, links / 4, links / 4 + count * slots);
  exports.initGraph(
    ...[at, metricNames.indexOf(metric), dimensions, ROWS, 0, 0, 0, links, slots * 4, slots],
    ...[0, 0, 0, 0, 0, count, 0, 0, NODES, 1],
  );
  const list = (node: number) => {
    const start = links / 4 + node * slots;
    const all = [...u32.subarray(start, start + slots)];
    const end = all.indexOf(NONE);
    return end < 0 ? all : all.slice(0, end);
  };
  const write = (node: number, neighbours: number[]) => u32.set(neighbours, links / 4 + node * slots);
  return { list, write };
}

const settings: Setting[] = (["Euclid", "Dot", "Manhattan"] as const).flatMap((metric) => [
  { metric, dimensions: 3, count: 60, range: 4, seed: 11 },
  { metric, dimensions: 13, count: 200, range: 30, seed: 12 },
]);

for (const build of buildNames) {
  const runs = await runnable(build);

  test.runIf(runs)(`${build}: lists are trimmed by the rule of occlusion`, async () => {
    for (const setting of settings) {
      const { made, row, random } = await laidOut(build, setting);
      for (const [slots, factor] of [
        [8, 1],
        [16, 0.5],
        [6, 0.75],
        [8, 2],
      ]) {
        const wide = openGraph(made, GRAPH, LINKS, 40, setting);
        const narrow = openGraph(made, OTHER, OTHER_LINKS, slots, setting);
        const expected = Array.from({ length: setting.count }, (_, node) => {
          const others = new Set<number>();
          const wanted = Math.floor(random() * 41);
          while (others.size < wanted) others.add(Math.floor(random() * setting.count));
          others.delete(node);
          wide.write(node, [...others]);
          if (others.size <= slots) return [...others];
          return chooseNeighbours(setting.metric, row, node, [...others], slots, factor);
        });
        made.exports.graphTrim(GRAPH, OTHER, SLOT, NODES, setting.count, factor);
        expect(expected.map((_, node) => narrow.list(node))).toEqual(expected);
      }
    }
  });

  test.runIf(runs)(`${build}: every link gets its link back where there is room`, async () => {
    for (const setting of settings) {
      const { made, random } = await laidOut(build, setting);
      const graph = openGraph(made, GRAPH, LINKS, 64, setting);
      const wanted: [number, number][] = [];
      for (let node = 0; node < setting.count; node++) {
        const other = (node + 1 + Math.floor(random() * (setting.count - 1))) % setting.count;
        graph.write(node, [other]);
        wanted.push([other, node]);
      }
      made.exports.graphLinkBack(GRAPH, SLOT, NODES, setting.count, 64, 1);
      for (const [owner, node] of wanted) expect(graph.list(owner)).toContain(node);
      for (let node = 0; node < setting.count; node++)
        expect(new Set(graph.list(node)).size).toBe(graph.list(node).length);
    }
  });

  test.runIf(runs)(`${build}: repair leads to every node`, async () => {
    for (const setting of settings) {
      const { made, random } = await laidOut(build, setting);
      const { count } = setting;
      const graph = openGraph(made, GRAPH, LINKS, 4, setting);
      // Rings of a few nodes each, with no way from one to another.
      const size = 2 + Math.floor(random() * 9);
      for (let node = 0; node < count; node++) {
        const start = node - (node % size);
        graph.write(node, [start + ((node + 1) % Math.min(size, count - start))]);
      }
      const before = reachable(0, graph.list).size;
      const attached = made.exports.graphRepair(GRAPH, SLOT, count, 32, REACHED, STACK);
      expect(before).toBeLessThan(count);
      expect(attached).toBeGreaterThan(0);
      expect(reachable(0, graph.list).size).toBe(count);
      expect(made.exports.graphRepair(GRAPH, SLOT, count, 32, REACHED, STACK)).toBe(0);
    }
  });

  test.runIf(runs)(`${build}: NN-Descent finds most of the nearest neighbours`, async () => {
    const k = 20;
    const sample = 10;
    for (const metric of ["Euclid", "Dot", "Manhattan"] as const) {
      const setting: Setting = { metric, dimensions: 8, count: 400, range: 1000, seed: 5 };
      const { made, row } = await laidOut(build, setting);
      const { exports } = made;
      const graph = openGraph(made, GRAPH, LINKS, k, setting);
      exports.initNn(NN, GRAPH, NODES, setting.count, k, LISTS, sample, SAMPLES, 3);
      exports.nnFill(NN, SLOT, 0, setting.count);
      let changed = Number.POSITIVE_INFINITY;
      for (let round = 0; round < 15 && changed > 0; round++) {
        exports.nnClear(NN, 0, setting.count);
        exports.nnSample(NN, 0, setting.count);
        exports.nnOffer(NN, 0, setting.count);
        changed = exports.nnJoin(NN, SLOT, 0, setting.count);
      }
      exports.nnLinks(NN, GRAPH, 0, setting.count);
      let found = 0;
      for (let node = 0; node < setting.count; node++) {
        const others = Array.from({ length: setting.count }, (_, other) => other).filter((o) => o !== node);
        const truth = new Set(nearest(metric, row(node), row, others, k).map(({ ordinal }) => ordinal));
        const list = graph.list(node);
        expect(new Set(list).size).toBe(k);
        expect(list).not.toContain(node);
        found += list.filter((other) => truth.has(other)).length;
      }
      expect(found / (setting.count * k), metric).toBeGreaterThan(metric === "Dot" ? 0.9 : 0.97);
    }
  });
}
