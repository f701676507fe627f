/** ResNet-50's way from a photo to 2048 numbers, through a network of its shape with random weights. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import jpeg from "jpeg-js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeImage } from "./images/decode.js";
import { prepareImage } from "./images/prepare.js";
import { resize } from "./images/resize.js";
import { loadModel, registerModel } from "./load.js";
import { models } from "./models/catalogue.js";
import { randomResNet50 } from "./onnx-writer.test.helper.js";
import { seeded } from "./stub.test.helper.js";

let folder: string;
let photo: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "vicinal-resnet-"));
  await mkdir(join(folder, "resnet_50"));
  await writeFile(join(folder, "resnet_50/resnet_50.onnx"), randomResNet50(seeded(50)));
  const [width, height] = [400, 300];
  const random = seeded(3);
  const data = Buffer.from(
    Uint8Array.from({ length: width * height * 4 }, (_, i) => (i >> 6) + 40 * random()),
  );
  photo = jpeg.encode({ width, height, data }, 90).data;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("gives the 2048 pooled features, the mean of the last map", async () => {
  registerModel("resnet-50-map", { ...models["resnet-50"], output: "last_hidden_state" });
  const pooled = await loadModel("resnet-50", { folder });
  const map = await loadModel("resnet-50-map", { folder });
  try {
    const embed = (model: typeof pooled) => model.embed([photo, new Uint8Array([1, 2, 3]), photo]);
    const [one, two] = [await embed(pooled), await embed(map as typeof pooled)];
    expect(one.vectors.map((vector) => vector?.length)).toEqual([2048, undefined, 2048]);
    expect(one.failures.map(({ index }) => index)).toEqual([1]);
    expect(one.vectors[0]).toEqual(one.vectors[2]);
    const [a, b] = [one.vectors[0] as Float32Array, two.vectors[0] as Float32Array];
    expect(a.filter((x) => x > 0).length).toBeGreaterThan(200);
    const largest = Math.max(...a);
    for (let i = 0; i < 2048; i++) expect(Math.abs(a[i] - b[i])).toBeLessThan(1e-4 * largest);
  } finally {
    await Promise.all([pooled.close(), map.close()]);
  }
}, 60_000);

it("prepares photos as ResNet was trained: shorter side 256, the middle 224, normalised by channel", async () => {
  const { preparation } = models["resnet-50"];
  const prepared = new Float32Array(3 * 224 * 224);
  await prepareImage(photo, preparation, prepared, { decoder: "javascript" });
  const pixels = await decodeImage(photo, { decoder: "javascript" });
  // 400 x 300 becomes 341.33 x 256, of which the middle is 224 x 224: 262.5 pixels of the original, from 68.75 and 18.75 on.
  const middle = resize(pixels, { width: 224, height: 224, fit: "cover", shorter: 256 });
  for (const [x, y] of [
    [0, 0],
    [100, 17],
    [223, 223],
  ])
    for (let c = 0; c < 3; c++) {
      const value = middle.data[3 * (y * 224 + x) + c] / 255;
      const expected = (value - [0.485, 0.456, 0.406][c]) / [0.229, 0.224, 0.225][c];
      expect(prepared[c * 224 * 224 + y * 224 + x]).toBeCloseTo(expected, 5);
    }
});
