/** Codecs: vectors as codes of fixed length, distances estimated without decoding; and k-means, which some learn by. */
export type { CodecMetric, Estimates, SavedCodec, TrainOptions } from "./contract.js";
export { type KMeansJob, type KMeansResult, kMeans, kMeansBytes, kMeansSteps } from "./kmeans.js";
export { type OptimizedProductOptions, trainOptimizedProduct } from "./opq/index.js";
export { type ProductOptions, trainProduct } from "./pq/index.js";
export { type RaBitQOptions, trainRaBitQ } from "./rabitq/index.js";
export { type ScalarOptions, trainScalar } from "./sq/index.js";
export { loadCodec, type VectorCodec } from "./vector-codec.js";
