/** From an image's bytes to the numbers that a network takes. */
import type { ImagePreparation } from "../models/catalogue.js";
import { type DecodeOptions, decodeImage } from "./decode.js";
import { resize } from "./resize.js";

/** Writes 3 x height x width numbers, channel by channel, to `target`. */
export async function prepareImage(
  bytes: Uint8Array,
  preparation: ImagePreparation,
  target: Float32Array,
  options: DecodeOptions,
): Promise<void> {
  const { data, width, height } = resize(await decodeImage(bytes, options), preparation);
  const size = width * height;
  for (let channel = 0; channel < 3; channel++) {
    const scale = 1 / (255 * preparation.deviation[channel]);
    const shift = preparation.mean[channel] / preparation.deviation[channel];
    for (let i = 0; i < size; i++) target[channel * size + i] = data[3 * i + channel] * scale - shift;
  }
}
