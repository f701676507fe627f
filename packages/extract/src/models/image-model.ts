/** Images through an ONNX network. */
import type { DecodeOptions } from "../images/decode.js";
import { prepareImage } from "../images/prepare.js";
import type { Session } from "../session.js";
import type { OnnxModel } from "./catalogue.js";
import { embedEach, type Model } from "./model.js";
import { rowsOf } from "./rows.js";

/** Images that go through the network at a time: more bring nothing without a graphics card. */
const BATCH = 8;

export function imageModel(
  id: string,
  entry: OnnxModel & { modality: "image" },
  session: Session,
  options: DecodeOptions,
): Model<Uint8Array> {
  const { preparation, input, output, tokens, dimensions, metric } = entry;
  const { width, height } = preparation;
  const size = 3 * width * height;
  return {
    id,
    modality: "image",
    dimensions,
    metric,
    embed: (images, embedOptions = {}) =>
      embedEach(
        images,
        embedOptions,
        BATCH,
        async (bytes) => {
          const pixels = new Float32Array(size);
          await prepareImage(bytes, preparation, pixels, options);
          return pixels;
        },
        async (batch) => {
          const data = new Float32Array(batch.length * size);
          for (const [i, pixels] of batch.entries()) data.set(pixels, i * size);
          const feeds = { [input]: { data, shape: [batch.length, 3, height, width] } };
          const found = await session.run(feeds, [output]);
          return rowsOf(id, found[output], batch.length, dimensions, tokens);
        },
      ),
    close: () => session.close(),
  };
}
