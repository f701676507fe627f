/**
 * A model's own tokenizer, from the `tokenizer.json` beside it: WordPiece, byte pair encoding or unigram pieces, with the
 * normalisation and the marks that the model was trained with.
 */
import { ExtractError } from "../errors.js";
import type { TextModel } from "./catalogue.js";

export interface TextTokens {
  /** With the marks of beginning and end; of what is too long the end is cut off, but not its mark. */
  ids(text: string): number[];
  /** What fills up shorter texts. */
  readonly pad: number;
}

/** @throws ExtractError MODEL_DAMAGED */
export async function textTokens(
  { tokenizer: { path }, mostTokens, pad: padToken }: TextModel,
  bytes: Uint8Array,
): Promise<TextTokens> {
  const { Tokenizer } = await import("@huggingface/tokenizers");
  let tokenizer: InstanceType<typeof Tokenizer>;
  try {
    tokenizer = new Tokenizer(JSON.parse(new TextDecoder().decode(bytes)), {});
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("MODEL_DAMAGED", `${path} is no tokenizer: ${reason}`, { cause });
  }
  const pad = tokenizer.token_to_id(padToken);
  if (pad === undefined)
    throw new ExtractError("MODEL_DAMAGED", `${path} is not the model's tokenizer: it has no ${padToken}`);
  const end = tokenizer.encode("").ids.at(-1);
  return {
    pad,
    ids: (text) => {
      const { ids } = tokenizer.encode(text);
      if (ids.length <= mostTokens) return ids;
      return end === undefined ? ids.slice(0, mostTokens) : [...ids.slice(0, mostTokens - 1), end];
    },
  };
}
