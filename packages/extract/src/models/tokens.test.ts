/** DINOv2's way from an image to the token that stands for all, through a network with random weights. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel, registerModel } from "../load.js";
import { Network } from "../onnx-writer.test.helper.js";
import { seeded } from "../stub.test.helper.js";
import { models } from "./catalogue.js";
import { rowsOf } from "./rows.js";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-tokens-"));
  mkdirSync(join(folder, "dinov2_small"));
  const network = new Network(seeded(14));
  const map = network.relu(network.conv("pixel_values", 3, 384, 7, 14), "map");
  network.tokens(map, "last_hidden_state");
  const bytes = network.finish(
    { pixel_values: ["n", 3, 224, 224] },
    { last_hidden_state: ["n", "tokens", 384], map: ["n", 384, "h", "w"] },
  );
  writeFileSync(join(folder, "dinov2_small/dinov2_small.onnx"), bytes);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Noise, of which some rows are others by another seed. */
function image(seed: number, rows: readonly number[] = []): Uint8Array {
  const [before, after] = [seeded(1), seeded(seed)];
  const data = Uint8Array.from({ length: 256 * 256 * 3 }, (_, i) => {
    const [a, b] = [256 * before(), 256 * after()];
    return rows.includes(Math.floor(i / (256 * 3))) ? b : a;
  });
  return encode({ width: 256, height: 256, channels: 3, data });
}

it("takes the first token alone, or the mean of all", async () => {
  const { tokens: _, ...entry } = models["dinov2-small"];
  registerModel("dino-mean", { ...entry, tokens: "mean" });
  registerModel("dino-map", { ...entry, output: "map" });
  // The middle 224 rows are seen; the first token is of the uppermost of them.
  const upper = image(2, [16, 17, 18]);
  const lower = image(2, [200, 201, 202]);
  const vectorsOf = async (id: string) => {
    const model = await loadModel<Uint8Array>(id, { folder });
    const { vectors } = await model.embed([image(1), upper, lower]);
    await model.close();
    return vectors.map((vector) => Array.from(vector as Float32Array));
  };
  const first = await vectorsOf("dinov2-small");
  expect(first[0]).toHaveLength(384);
  expect(first[2]).toEqual(first[0]);
  expect(first[1]).not.toEqual(first[0]);
  const [mean, map] = [await vectorsOf("dino-mean"), await vectorsOf("dino-map")];
  for (let i = 0; i < 3; i++) for (let d = 0; d < 384; d++) expect(mean[i][d]).toBeCloseTo(map[i][d], 4);
  expect(mean[2]).not.toEqual(mean[0]);
}, 30_000);

it("refuses outputs of other shapes, naming both", () => {
  const output = { data: new Float32Array(24), shape: [2, 3, 4] };
  expect(rowsOf("m", output, 2, 4, "first").map((row) => row.length)).toEqual([4, 4]);
  expect(() => rowsOf("m", output, 2, 5, "first")).toThrow("m gives [2, 3, 4] numbers, expected [2, 3, 5]");
  expect(() => rowsOf("m", output, 3, 3)).toThrow("expected [3, 3, 4]");
});
