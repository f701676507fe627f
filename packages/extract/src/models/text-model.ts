/** Texts through a transformer: its tokenizer makes tokens of them, the network vectors of these, of unit length. */
import { ExtractError } from "../errors.js";
import { openSession, type Session, type SessionOptions } from "../session.js";
import type { TextModel } from "./catalogue.js";
import { type LocateOptions, locateModel } from "./locate.js";
import { embedEach, type Model } from "./model.js";
import { rowsOf } from "./rows.js";
import { type TextTokens, textTokens } from "./text-tokens.js";

const BATCH = 16;

export async function textModel(
  id: string,
  entry: TextModel,
  options: LocateOptions & SessionOptions,
): Promise<Model<string>> {
  const { dimensions, metric, prefixes, output } = entry;
  const tokens = await textTokens(entry, await locateModel(id, entry.tokenizer, options));
  const session = await openSession(id, await locateModel(id, entry.file, options), options);
  if (!session.inputs.includes("input_ids") || !session.outputs.includes(output)) {
    await session.close();
    throw new ExtractError(
      "MODEL_DAMAGED",
      `${id} has inputs ${session.inputs.join(", ")} and outputs ${session.outputs.join(", ")}, expected input_ids and ${output}`,
    );
  }
  const run = async (batch: number[][]) => {
    const found = (await session.run(feedsOf(batch, tokens, session), [output]))[output];
    const lengths = batch.map((ids) => ids.length);
    return rowsOf(id, found, batch.length, dimensions, entry.tokens, lengths).map(unit);
  };
  return {
    id,
    modality: "text",
    dimensions,
    metric,
    embed: (texts, embedOptions = {}) => {
      const prefix = prefixes?.[embedOptions.kind ?? "document"] ?? "";
      return embedEach(texts, embedOptions, BATCH, async (text) => tokens.ids(prefix + wordsOf(text)), run);
    },
    close: () => session.close(),
  };
}

/** What the network wants of: the tokens, which of them are no filling, and which are of a text's other half. */
function feedsOf(batch: readonly number[][], { pad }: TextTokens, { inputs }: Session) {
  const length = Math.max(...batch.map((ids) => ids.length));
  const shape = [batch.length, length];
  const ids = new BigInt64Array(batch.length * length).fill(BigInt(pad));
  const mask = new BigInt64Array(ids.length);
  for (const [i, row] of batch.entries()) {
    ids.set(row.map(BigInt), i * length);
    mask.fill(1n, i * length, i * length + row.length);
  }
  const known = { input_ids: ids, attention_mask: mask, token_type_ids: new BigInt64Array(ids.length) };
  return Object.fromEntries(
    Object.entries(known)
      .filter(([name]) => inputs.includes(name))
      .map(([name, data]) => [name, { data, shape }]),
  );
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return length > 0 ? vector.map((x) => x / length) : vector;
}

/** @throws ExtractError TEXT_EMPTY */
export function wordsOf(text: string): string {
  if (text.trim() === "") throw new ExtractError("TEXT_EMPTY", "The text has no words");
  return text;
}
