/** Codecs: vectors as codes of fixed length, distances estimated without decoding; and k-means, which some learn by. */
export {
  type CodecName,
  type CodecOptions,
  checkCodec,
  codecNames,
  loadCodec,
  makeCodec,
  mustTrain,
} from "./any-codec.js";
export { BATCH, BatchCodec } from "./batch-codec.js";
export { DirectionCodec, type DirectionOptions } from "./binary/index.js";
export type { CodecMetric, Estimates, SavedCodec, TrainOptions } from "./contract.js";
export { type KMeansJob, type KMeansResult, kMeans, kMeansBytes, kMeansSteps } from "./kmeans.js";
export { type OptimizedProductOptions, trainOptimizedProduct } from "./opq/index.js";
export { PlainCodec, type PlainMetric, type PlainType, plainTypes } from "./plain-codec.js";
export { type ProductOptions, trainProduct } from "./pq/index.js";
export { type RaBitQOptions, trainRaBitQ } from "./rabitq/index.js";
export { type ScalarOptions, trainScalar } from "./sq/index.js";
export { loadVectorCodec, type VectorCodec } from "./vector-codec.js";
