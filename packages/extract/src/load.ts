/** A model by its name, ready to embed. */
import { ExtractError } from "./errors.js";
import type { DecodeOptions } from "./images/decode.js";
import { type AudioItem, audioModel } from "./models/audio-model.js";
import { modelCards } from "./models/cards.js";
import { models, type OnnxModel, textModels } from "./models/catalogue.js";
import { imageModel } from "./models/image-model.js";
import { type LocateOptions, locateModel } from "./models/locate.js";
import type { Model } from "./models/model.js";
import { speechModel } from "./models/speech-model.js";
import { textModel } from "./models/text-model.js";
import { useLiteModel } from "./models/use-lite.js";
import { openSession, type SessionOptions } from "./session.js";
import { threadedModel } from "./workers/threaded-model.js";

export interface LoadOptions extends LocateOptions, SessionOptions, DecodeOptions {
  /**
   * Threads of the model's own, 0 to 64, that decode, prepare and compute, so that the calling thread stays free; each holds the model
   * once. With them the default of `threads` is 1. Default 0: the calling thread.
   */
  workers?: number;
}

const registered = new Map<string, OnnxModel>();

/** Makes an ONNX model of your own known by a name. */
export function registerModel(id: string, model: OnnxModel): void {
  registered.set(id, model);
}

type ImageId = "mobilenet-v2" | "resnet-50" | "clip-vit-base-patch32" | "dinov2-small";
type AudioId = "yamnet" | "speech-embedding" | "clap-htsat-unfused";
type TextId = keyof typeof textModels | "universal-sentence-encoder-lite";

/** Names of all models. */
export function modelNames(): string[] {
  return [...modelCards().map(({ id }) => id), ...registered.keys()];
}

/**
 * Loads a model; the first time it may have to be downloaded. Close it when it is not needed any more.
 *
 * @throws ExtractError MODEL_NOT_FOUND, MODEL_DAMAGED
 */
export function loadModel(id: ImageId, options?: LoadOptions): Promise<Model<Uint8Array>>;
export function loadModel(id: AudioId, options?: LoadOptions): Promise<Model<AudioItem>>;
export function loadModel(id: TextId, options?: LoadOptions): Promise<Model<string>>;
/** One that was registered: whoever did it knows of what it makes vectors. */
export function loadModel<Item = never>(id: string, options?: LoadOptions): Promise<Model<Item>>;
export async function loadModel(
  id: string,
  options: LoadOptions = {},
): Promise<Model<Uint8Array> | Model<AudioItem> | Model<string>> {
  if (options.workers) return threadedModel(id, registered.get(id), options);
  if (id === "speech-embedding") return speechModel(id, options);
  if (id === "universal-sentence-encoder-lite") return useLiteModel(id);
  if (id in textModels) return textModel(id, textModels[id as keyof typeof textModels], options);
  const entry: OnnxModel | undefined = registered.get(id) ?? models[id as keyof typeof models];
  if (!entry)
    throw new ExtractError(
      "MODEL_NOT_FOUND",
      `There is no model ${id}; known are ${modelNames().join(", ")}`,
    );
  const session = await openSession(id, await locateModel(id, entry.file, options), options);
  if (!session.inputs.includes(entry.input) || !session.outputs.includes(entry.output)) {
    await session.close();
    throw new ExtractError(
      "MODEL_DAMAGED",
      `${id} has inputs ${session.inputs.join(", ")} and outputs ${session.outputs.join(", ")}, expected ${entry.input} and ${entry.output}`,
    );
  }
  if (entry.modality === "image") return imageModel(id, entry, session, options);
  return audioModel(id, entry, session);
}
