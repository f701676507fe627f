/** CLAP's way from a sound to 512 numbers, through a network of its shape with random weights. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { loadModel } from "../load.js";
import { Network } from "../onnx-writer.test.helper.js";
import { seeded } from "../stub.test.helper.js";

const RATE = 48_000;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "vicinal-clap-"));
  mkdirSync(join(folder, "clap_htsat_unfused"));
  const network = new Network(seeded(48));
  // A small filter, then one as large as a patch of HTS-AT's.
  const patches = network.relu(network.conv(network.conv("input_features", 1, 4, 3, 2), 4, 512, 7, 8));
  network.averagePool(patches, "audio_embeds");
  const bytes = network.finish({ input_features: ["n", 1, 1001, 64] }, { audio_embeds: ["n", 512, 1, 1] });
  writeFileSync(join(folder, "clap_htsat_unfused/audio_model.onnx"), bytes);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function noise(seconds: number, seed: number): Float32Array {
  const random = seeded(seed);
  return Float32Array.from({ length: Math.round(seconds * RATE) }, () => random() - 0.5);
}

function joined(...parts: Float32Array[]): Float32Array {
  const samples = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return samples;
}

it("hears 10 s at a time, half over half; shorter sounds as often as they fit, then silence", async () => {
  const model = await loadModel("clap-htsat-unfused", { folder, download: false });
  const short = noise(3, 1);
  const half = noise(5, 2);
  const [a, b, c] = [noise(5, 3), noise(5, 4), noise(5, 5)];
  const sounds = [
    short,
    joined(short, short, short, new Float32Array(RATE)),
    half,
    joined(half, half),
    joined(a, b),
    joined(b, c),
    joined(a, b, c, noise(2, 6)),
    new Float32Array(0),
  ];
  const { vectors, failures } = await model.embed(sounds.map((samples) => ({ samples, sampleRate: RATE })));
  await model.close();
  expect(failures).toMatchObject([{ index: 7, error: { code: "AUDIO_EMPTY" } }]);
  expect(vectors.slice(0, 7).map((vector) => vector?.length)).toEqual(new Array(7).fill(512));
  expect(vectors[0]).toEqual(vectors[1]);
  expect(vectors[2]).toEqual(vectors[3]);
  expect(vectors[0]).not.toEqual(vectors[2]);
  const [first, second, both] = vectors.slice(4) as Float32Array[];
  const scale = Math.max(...both);
  for (const [d, x] of both.entries())
    expect(Math.abs(x - (first[d] + second[d]) / 2)).toBeLessThan(1e-5 * scale);
}, 60_000);
