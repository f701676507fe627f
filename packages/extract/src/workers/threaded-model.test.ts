/** Models in threads: the same vectors, failures item by item, cancelling, closing, and a calling thread that stays free. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel, registerModel } from "../load.js";
import type { Model } from "../models/model.js";
import { Network } from "../onnx-writer.test.helper.js";
import { seeded } from "../stub.test.helper.js";

let folder: string;
const SIDE = 48;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vicinal-threads-"));
  const network = new Network(seeded(5));
  let x = network.relu(network.conv("pixels", 3, 32, 3));
  for (let layer = 0; layer < 4; layer++) x = network.relu(network.conv(x, 32, 32, 3));
  network.averagePool(x, "means");
  const bytes = network.finish({ pixels: ["n", 3, SIDE, SIDE] }, { means: ["n", 32, 1, 1] });
  await writeFile(join(folder, "slow.onnx"), bytes);
  registerModel("slow", {
    modality: "image",
    input: "pixels",
    output: "means",
    dimensions: 32,
    metric: "Cosine",
    licence: "none",
    preparation: { width: SIDE, height: SIDE, fit: "fill", mean: [0, 0, 0], deviation: [1, 1, 1] },
    file: { path: "slow.onnx" },
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function images(count: number): Uint8Array[] {
  const random = seeded(9);
  return Array.from({ length: count }, () => {
    const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => 256 * random());
    return encode({ width: SIDE, height: SIDE, channels: 3, data });
  });
}

const load = (workers: number): Promise<Model<Uint8Array>> =>
  loadModel<Uint8Array>("slow", { folder, workers, threads: 1, decoder: "javascript" });

/** Turns of the event loop while something is at work. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0;
  let going = true;
  const turn = (): void => {
    turns++;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  await work;
  going = false;
  return turns;
}

it("gives the vectors of the calling thread, while that one goes on", async () => {
  const items = images(40);
  const [here, there] = [await load(0), await load(2)];
  try {
    const progress: number[] = [];
    const inThreads = there.embed(items, { onProgress: (done) => progress.push(done) });
    const turns = await turnsDuring(inThreads);
    const inThread = here.embed(items);
    const turnsHere = await turnsDuring(inThread);
    // In the calling thread the loop turns a few times an item; beside threads as often as it can.
    expect(turns).toBeGreaterThan(10 * turnsHere);
    expect(progress.at(-1)).toBe(40);
    const [a, b] = [(await inThreads).vectors, (await inThread).vectors];
    expect(a).toHaveLength(40);
    for (let i = 0; i < 40; i++)
      for (let d = 0; d < 32; d++) expect(a[i]?.[d]).toBeCloseTo(b[i]?.[d] as number, 4);
    expect(there).toMatchObject({ id: "slow", modality: "image", dimensions: 32, metric: "Cosine" });
  } finally {
    await Promise.all([here.close(), there.close()]);
  }
}, 30_000);

it("lists what fails by its index, with its code", async () => {
  const model = await load(2);
  try {
    const items = images(20);
    items[3] = Uint8Array.of(1, 2, 3);
    items[17] = new Uint8Array();
    const { vectors, failures } = await model.embed(items);
    expect(failures).toMatchObject([
      { index: 3, error: { code: "IMAGE_UNREADABLE" } },
      { index: 17, error: { code: "IMAGE_UNREADABLE" } },
    ]);
    expect(vectors.flatMap((vector, i) => (vector ? [] : [i]))).toEqual([3, 17]);
  } finally {
    await model.close();
  }
}, 30_000);

it("is cancelled at once and works on; closed, it refuses by name", async () => {
  const model = await load(1);
  const items = images(40);
  const stopping = new AbortController();
  const progress: number[] = [];
  const cancelled = model.embed(items, {
    signal: stopping.signal,
    onProgress: (done) => {
      progress.push(done);
      stopping.abort(new Error("enough"));
    },
  });
  await expect(cancelled).rejects.toThrow("enough");
  expect((await model.embed(items.slice(0, 3))).vectors).toHaveLength(3);
  expect(progress.length).toBeLessThan(5);
  const atWork = model.embed(items);
  const refused = expect(atWork).rejects.toMatchObject({ code: "MODEL_STOPPED" });
  await model.close();
  await refused;
  await expect(model.embed(items)).rejects.toMatchObject({ code: "MODEL_STOPPED" });
}, 30_000);

it("fails to load with the error that it has here", async () => {
  await expect(loadModel("no-such-model", { workers: 2 })).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  await expect(loadModel("slow", { folder, workers: -1 })).rejects.toThrow(/workers: expected/);
  const stopped = loadModel("slow", { folder, workers: 1, signal: AbortSignal.abort(new Error("no")) });
  await expect(stopped).rejects.toThrow("no");
}, 30_000);
