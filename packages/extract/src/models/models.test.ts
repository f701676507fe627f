/** Real models on real files: what they give, what fails alone, and what they are to a database. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "vicinal";
import { describe, expect, it } from "vitest";
import { cached } from "../cache/cached.js";
import { hookOf } from "../hook.js";
import { loadModel } from "../load.js";
import type { Model } from "./model.js";
import { SentencePieces } from "./sentence-pieces.js";

const { VICINAL_DATA: data, VICINAL_MODELS: models } = process.env;

function cosine(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (!a || !b) return Number.NaN;
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

const file = (...parts: string[]) => readFileSync(join(data ?? "", ...parts));

async function using<Item, T>(model: Model<Item>, use: (model: Model<Item>) => Promise<T>): Promise<T> {
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

describe.skipIf(!data || !models)("with the files of VICINAL_DATA and VICINAL_MODELS", () => {
  const photos = ["n02123159_tiger_cat.jpg", "n02123045_tabby.jpg", "n03345487_fire_engine.jpg"];

  it("MobileNetV2: decoders agree, cats are alike, and one bad photo fails alone", async () => {
    const [cat, tabby, engine] = photos.map((name) => file("photos", name));
    const bySharp = await using(await loadModel("mobilenet-v2"), (model) =>
      model.embed([cat, tabby, engine, cat.subarray(0, 500)]),
    );
    expect(bySharp.failures.map(({ index, error }) => [index, (error as { code?: string }).code])).toEqual([
      [3, "IMAGE_UNREADABLE"],
    ]);
    const [a, b, c] = bySharp.vectors;
    expect(a).toHaveLength(1280);
    expect(cosine(a, b)).toBeGreaterThan(cosine(a, c) + 0.1);
    const plain = await using(await loadModel("mobilenet-v2", { decoder: "javascript" }), (model) =>
      model.embed([cat]),
    );
    expect(cosine(plain.vectors[0], a)).toBeGreaterThan(0.98);
  }, 60_000);

  it("YAMNet: a rooster is like a rooster, silence and short sounds have a vector", async () => {
    const sounds = ["rooster_1-26806-A.wav", "rooster_1-27724-A.wav", "rain_1-17367-A.wav"];
    const names = file("sounds", "clips.tsv")
      .toString()
      .split("\n")
      .map((line) => line.split("\t")[0]);
    const of = (kind: string) => names.filter((name) => name.startsWith(kind)).slice(0, 2);
    const wanted = [...of("rooster"), ...of("rain")];
    expect(wanted).toHaveLength(sounds.length + 1);
    const { vectors, failures } = await using(await loadModel("yamnet"), (model) =>
      model.embed([
        ...wanted.map((name) => file("sounds", name)),
        { sampleRate: 16_000, samples: new Float32Array(10) },
        { sampleRate: 16_000, samples: new Float32Array(0) },
      ]),
    );
    expect(failures).toMatchObject([{ index: 5, error: { code: "AUDIO_EMPTY" } }]);
    expect(vectors[4]).toHaveLength(1024);
    expect(cosine(vectors[0], vectors[1])).toBeGreaterThan(cosine(vectors[0], vectors[2]));
    expect(cosine(vectors[2], vectors[3])).toBeGreaterThan(cosine(vectors[1], vectors[3]));
  }, 60_000);

  it("the speech embedding: the same digit of two speakers is nearer than another digit", async () => {
    const clips = ["3_jackson_0.wav", "3_theo_0.wav", "8_jackson_0.wav"].map((name) => file("speech", name));
    const { vectors } = await using(await loadModel("speech-embedding"), (model) => model.embed(clips));
    expect(vectors[0]).toHaveLength(96);
    expect(cosine(vectors[0], vectors[1])).toBeGreaterThan(cosine(vectors[0], vectors[2]));
  }, 60_000);

  it("as a hook: points are written and searched by photos", async () => {
    const model = await loadModel("mobilenet-v2");
    const database = await open(":memory:", { hooks: { inference: { mobilenet: hookOf(model) } } });
    try {
      await database.createCollection("photos", { vectors: { size: 1280, distance: "Cosine" } });
      const image = (name: string) => ({
        image: `data:image/jpeg;base64,${file("photos", name).toString("base64")}`,
        model: "mobilenet",
      });
      await database.upsert("photos", {
        points: [1, 2].map((id) => ({ id, vector: image(photos[id]), payload: {} })),
      });
      const { points } = await database.query("photos", { query: image(photos[0]), limit: 2 });
      expect(points.map(({ id }) => id)).toEqual([1, 2]);
      const nothing = database.query("photos", {
        query: { image: "no base64!", model: "mobilenet" },
        limit: 1,
      });
      await expect(nothing).rejects.toMatchObject({
        code: "INPUT_REFUSED",
        details: { path: "query" },
      });
    } finally {
      await database.close();
      await model.close();
    }
  }, 60_000);
});

it("the sentence encoder: like sentences are near, empty ones fail alone", async () => {
  const { vectors, failures } = await using(await loadModel("universal-sentence-encoder-lite"), (model) =>
    model.embed(["How do I reset my password?", "I forgot my login", "", "Whales are mammals of the sea"]),
  );
  expect(failures).toMatchObject([{ index: 2, error: { code: "TEXT_EMPTY" } }]);
  expect(Math.hypot(...(vectors[0] ?? []))).toBeCloseTo(1, 4);
  expect(cosine(vectors[0], vectors[1])).toBeGreaterThan(cosine(vectors[0], vectors[3]) + 0.2);
}, 60_000);

it("pieces are the likeliest split, what is unknown is 0", () => {
  const reserved = Array.from({ length: 6 }, (_, i) => [`<${i}>`, 0] as const);
  const pieces = new SentencePieces([
    ...reserved,
    ...([
      ["\u2581how", -5],
      ["\u2581", -2],
      ["h", -4],
      ["o", -4],
      ["w", -4],
      ["ow", -5],
      ["\u2581ho", -7],
    ] as const),
  ]);
  expect(pieces.ids("how")).toEqual([6]);
  expect(pieces.ids("how ho")).toEqual([6, 12]);
  expect(pieces.ids("w\u2603")).toEqual([7, 10, 0]);
});

it("a cache embeds equal bytes once, and hands out copies", async () => {
  let embedded = 0;
  const model = cached({
    id: "first-byte",
    modality: "image",
    metric: "Cosine",
    dimensions: 2,
    async embed(items: readonly Uint8Array[]) {
      embedded += items.length;
      const failures = items.flatMap((item, index) =>
        item[0] === 9 ? [{ index, error: new Error("nine") }] : [],
      );
      return {
        vectors: items.map((item) => (item[0] === 9 ? undefined : Float32Array.of(item[0], 1))),
        failures,
      };
    },
    close: async () => {},
  });
  const items = [1, 9, 2].map((x) => Uint8Array.of(x));
  const first = await model.embed(items);
  first.vectors[0]?.fill(0);
  const second = await model.embed([...items, Uint8Array.of(1)]);
  expect(embedded).toBe(4);
  expect(second.vectors.map((vector) => vector && Array.from(vector))).toEqual([
    [1, 1],
    undefined,
    [2, 1],
    [1, 1],
  ]);
  expect(second.failures.map(({ index }) => index)).toEqual([1]);
});

it("names what is not there", async () => {
  await expect(loadModel("no-such-model")).rejects.toThrow(
    /There is no model no-such-model; known are mobilenet-v2/,
  );
  const missing = loadModel("mobilenet-v2", { folder: "/nowhere", cache: "/nowhere" });
  await expect(missing).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringMatching(/put mobilenet_v2\/mobilenet_v2\.onnx into \/nowhere$/),
  });
});
