/** From files to points: models make vectors of images, sounds and texts; a pipeline stores them. */
export { resample } from "./audio/resample.js";
export { readWav, type Sound } from "./audio/wav.js";
export { type CacheOptions, cached } from "./cache/cached.js";
export { lessMean, type MeanOptions, meanVector } from "./centred.js";
export { ExtractError, type ExtractErrorCode, extractErrors } from "./errors.js";
export { type HookOptions, hookOf } from "./hook.js";
export { type DecodeOptions, decodeImage, type Pixels } from "./images/decode.js";
export { type Fit, resize } from "./images/resize.js";
export { type LoadOptions, loadModel, modelNames, registerModel } from "./load.js";
export type { AudioItem } from "./models/audio-model.js";
export { type ModelCard, modelCards } from "./models/cards.js";
export {
  type AudioPreparation,
  type ImagePreparation,
  type ModelFile,
  models,
  type OnnxModel,
} from "./models/catalogue.js";
export type { EmbedOptions, Modality, Model } from "./models/model.js";
export { type RemoteOptions, remoteModel } from "./models/remote-model.js";
export { type WordVectorOptions, wordVectors } from "./models/word-vectors.js";
export {
  type CollectionMaker,
  type CreateForOptions,
  createFor,
  type Embedder,
  type Failure,
  type FillOptions,
  type FillReport,
  fill,
  idOf,
  type PointStore,
  type SourceItem,
  type StoredPoint,
} from "./pipeline.js";
