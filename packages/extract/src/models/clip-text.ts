/** CLIP's texts (Radford et al. 2021): vectors that lie beside those of images by the same model, so that words find pictures. */
import { ExtractError } from "../errors.js";
import { openSession, type SessionOptions } from "../session.js";
import { clipText } from "./catalogue.js";
import { ClipTokens } from "./clip-tokens.js";
import { type LocateOptions, locateModel } from "./locate.js";
import { embedEach, type Model } from "./model.js";
import { rowsOf } from "./rows.js";
import { wordsOf } from "./sentence-model.js";

const BATCH = 16;
/** Tokens that the network has places for. */
const MOST_TOKENS = 77;

export async function clipTextModel(
  id: string,
  options: LocateOptions & SessionOptions,
): Promise<Model<string>> {
  const { dimensions, metric, output, file, tokenizer } = clipText;
  const json = new TextDecoder().decode(await locateModel(id, tokenizer, options));
  const tokens = new ClipTokens(tokenizer.path, json);
  const session = await openSession(id, await locateModel(id, file, options), options);
  if (!session.inputs.includes("input_ids") || !session.outputs.includes(output)) {
    await session.close();
    throw new ExtractError(
      "MODEL_DAMAGED",
      `${id} has inputs ${session.inputs.join(", ")} and outputs ${session.outputs.join(", ")}, expected input_ids and ${output}`,
    );
  }

  async function run(batch: number[][]): Promise<Float32Array[]> {
    const length = Math.max(...batch.map((ids) => ids.length));
    const shape = [batch.length, length];
    // The network reads up to the first end: what is behind makes no difference.
    const ids = new BigInt64Array(batch.length * length).fill(BigInt(tokens.end));
    const mask = new BigInt64Array(ids.length);
    for (const [i, row] of batch.entries()) {
      ids.set(row.map(BigInt), i * length);
      mask.fill(1n, i * length, i * length + row.length);
    }
    const feeds = {
      input_ids: { data: ids, shape },
      ...(session.inputs.includes("attention_mask") ? { attention_mask: { data: mask, shape } } : {}),
    };
    return rowsOf(id, (await session.run(feeds, [output]))[output], batch.length, dimensions);
  }

  return {
    id,
    modality: "text",
    dimensions,
    metric,
    embed: (texts, embedOptions = {}) =>
      embedEach(texts, embedOptions, BATCH, async (text) => tokens.ids(wordsOf(text), MOST_TOKENS), run),
    close: () => session.close(),
  };
}
