/** Saved indexes: the same bytes again, and a named error, never a crash or a hang, for what is damaged. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endIdleWorkers } from "../runtime/pool.js";
import { seededRandom } from "../runtime/random.js";
import {
  build,
  type Data,
  fullEffort,
  makeData,
  metrics,
  type Variant,
  variants,
} from "./conformance.test.helper.js";
import type { LoadedIndex, VectorIndex } from "./contract.js";
import { throughFile } from "./fixtures.test.helper.js";

afterAll(endIdleWorkers);

type Saved = ReturnType<typeof throughFile>;

const copy = ({ meta, sections }: Saved): Saved =>
  throughFile({
    family: "",
    meta,
    sections: [...sections].map(([name, bytes]) => ({ name, bytes })),
  });

/** Values that stand where others should. */
const strangers: unknown[] = [null, "x", {}, [], -1, 0.5, 1e12, Number.NaN, true];

const curve = { k: 10, selectivity: 1, efforts: [1, 2], recalls: [0.5, 0.9], errors: [0.1, 0.1] };
/** Calibrations that no measurement gave. */
const calibrations: unknown[] = [
  5,
  {},
  { queries: 100 },
  { queries: 100, curves: {} },
  { queries: 100, curves: [null] },
  { queries: 100, curves: [{ ...curve, efforts: [1] }] },
  { queries: 100, curves: [{ ...curve, recalls: [0.5, "x"] }] },
  { queries: 100, curves: [{ ...curve, efforts: [2, 1] }] },
  { queries: 100, curves: [{ ...curve, efforts: [-1, 1] }] },
  { queries: 100, curves: [{ ...curve, recalls: [0.5, 1.5] }] },
  { queries: 100, curves: [{ ...curve, errors: [-1, 0] }] },
  { queries: 100, curves: [{ ...curve, k: 0 }] },
  { queries: 100, curves: [{ ...curve, selectivity: 2 }] },
  { queries: 100, curves: [curve], reach: [null] },
  { queries: 100, curves: [curve], reach: [{ rank: 1, distance: "far" }] },
];

describe.each(metrics)("%s", (metric) => {
  let data: Data;
  beforeAll(async () => {
    data = await makeData(metric, { count: 400, dimensions: 17, queries: 5, seed: 95 });
  });
  afterAll(() => data.store.close());
  const own = variants.filter((variant) => variant.metric === metric);

  test.each(own)("$name saves and loads byte for byte", async (variant) => {
    const index = await build(variant, data.store);
    if (!index.exact) Object.assign(index, { calibration: { queries: 100, curves: [curve] } });
    const saved = throughFile(index.save());
    const loaded = await variant.family.load(data.store, copy(saved));
    const again = throughFile(loaded.save());
    expect(again.meta).toEqual(saved.meta);
    expect(again.sections).toEqual(saved.sections);
    expect(loaded.calibration).toEqual(index.calibration);
    expect(loaded.memoryBytes()).toBe(index.memoryBytes());
    for (const query of data.queries)
      for (const effort of [1, 20, fullEffort(index)])
        expect(loaded.search({ query, k: 10, effort })).toEqual(index.search({ query, k: 10, effort }));
    loaded.release();
    index.release();
  });

  test.each(own)("$name names what is damaged", async (variant) => {
    const { store } = data;
    const index = await build(variant, store);
    const saved = throughFile(index.save());
    index.release();
    const before = store.arena.reservedBytes;
    for (const name of saved.sections.keys()) await refuses(variant, data, saved, name);
    for (const name of Object.keys(saved.meta)) await survives(variant, data, saved, name);
    for (const calibration of calibrations) {
      const damaged = copy(saved);
      damaged.meta.calibration = calibration;
      if ("calibration" in saved.meta)
        await expect(variant.family.load(store, damaged)).rejects.toMatchObject({ code: "CORRUPTION" });
    }
    for (const name of ["format", "count", "dimensions", "metric"])
      if (name in saved.meta)
        await expect(variant.family.load(store, without(saved, name))).rejects.toMatchObject({
          code: "CORRUPTION",
        });
    await flips(variant, data, saved);
    expect(store.arena.reservedBytes).toBe(before);
  });
});

/** A section that is too short, too long or missing. */
async function refuses({ family }: Variant, { store }: Data, saved: Saved, name: string): Promise<void> {
  const whole = saved.sections.get(name)!;
  if (whole.length === 0) return;
  for (const bytes of [
    whole.slice(1),
    whole.slice(0, -1),
    new Uint8Array(whole.length + 1),
    new Uint8Array(0),
  ]) {
    const damaged = copy(saved);
    damaged.sections.set(name, bytes);
    await expect(family.load(store, damaged), `section ${name}`).rejects.toMatchObject({
      code: "CORRUPTION",
    });
  }
}

function without(saved: Saved, field: string): LoadedIndex {
  const damaged = copy(saved);
  delete damaged.meta[field];
  return damaged;
}

/** A field that is missing or has another value: refused, or such that nothing breaks. */
async function survives(variant: Variant, data: Data, saved: Saved, field: string): Promise<void> {
  await refusedOrSound(variant, data, without(saved, field), `without ${field}`);
  for (const value of strangers) {
    const damaged = copy(saved);
    damaged.meta[field] = value;
    await refusedOrSound(variant, data, damaged, `${field} ${JSON.stringify(value)}`);
  }
}

/** Bytes that a checksum did not guard: whatever they say, a search ends and answers what there is. */
async function flips(variant: Variant, data: Data, saved: Saved): Promise<void> {
  const random = seededRandom(96);
  for (const [name, { length }] of saved.sections) {
    if (length === 0) continue;
    for (let round = 0; round < 8; round++) {
      const damaged = copy(saved);
      const bytes = damaged.sections.get(name)!;
      for (let flip = 0; flip < 1 + round; flip++) bytes[Math.floor(random() * length)] = random() * 256;
      await refusedOrSound(variant, data, damaged, `flips in ${name}`);
    }
  }
}

async function refusedOrSound(
  variant: Variant,
  { store, queries }: Data,
  damaged: LoadedIndex,
  what: string,
) {
  let index: VectorIndex;
  try {
    index = await variant.family.load(store, damaged);
  } catch (error) {
    expect(error, what).toMatchObject({ code: "CORRUPTION" });
    return;
  }
  for (const effort of [1, 100, fullEffort(index)]) {
    const { ordinals } = index.search({ query: queries[0], k: 10, effort });
    expect(new Set(ordinals).size, what).toBe(ordinals.length);
    expect(Math.max(...ordinals, 0), what).toBeLessThan(store.count);
  }
  index.release();
}
