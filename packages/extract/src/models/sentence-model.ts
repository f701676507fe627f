/** Texts through a transformer, by the library @huggingface/transformers, which the user installs: it has the tokenizers. */
import { ExtractError } from "../errors.js";
import type { TextModel } from "./catalogue.js";
import type { LocateOptions } from "./locate.js";
import { embedEach, type Model } from "./model.js";

const BATCH = 16;

interface Library {
  env: { localModelPath: string; cacheDir: string; allowRemoteModels: boolean };
  pipeline(task: "feature-extraction", model: string): Promise<Extractor>;
}

interface Extractor {
  (
    texts: string[],
    options: { pooling: string; normalize: boolean },
  ): Promise<{ data: Float32Array; dims: number[] }>;
  dispose(): Promise<void>;
}

export async function sentenceModel(
  id: string,
  { repository, dimensions, metric, pooling, prefixes }: TextModel,
  options: LocateOptions,
): Promise<Model<string>> {
  const name = "@huggingface/transformers";
  const library = (await import(name).catch((cause: unknown) => {
    throw new ExtractError("MODEL_NOT_FOUND", `${id} needs the package ${name}: npm install ${name}`, {
      cause,
    });
  })) as Library;
  if (options.folder) library.env.localModelPath = options.folder;
  if (options.cache) library.env.cacheDir = options.cache;
  if (options.download === false) library.env.allowRemoteModels = false;
  const extract = await library.pipeline("feature-extraction", repository).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ExtractError("MODEL_NOT_FOUND", `${id} cannot be loaded from ${repository}: ${reason}`, {
      cause,
    });
  });
  return {
    id,
    modality: "text",
    dimensions,
    metric,
    embed: (texts, embedOptions = {}) =>
      embedEach(
        texts,
        embedOptions,
        BATCH,
        async (text) => `${prefixes?.[embedOptions.kind ?? "document"] ?? ""}${wordsOf(text)}`,
        async (batch) => {
          const { data } = await extract(batch, { pooling, normalize: true });
          return batch.map((_, i) => data.slice(i * dimensions, (i + 1) * dimensions));
        },
      ),
    close: () => extract.dispose(),
  };
}

/** @throws ExtractError TEXT_EMPTY */
export function wordsOf(text: string): string {
  if (text.trim() === "") throw new ExtractError("TEXT_EMPTY", "The text has no words");
  return text;
}
