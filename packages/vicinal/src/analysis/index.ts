/** Analysis of stored vectors: clusters, near-duplicates, outliers and two-dimensional maps. */
export { dbscan } from "./dbscan.js";
export { GroupWords } from "./distinctive-words.js";
export { duplicateGroups } from "./duplicates.js";
export { hdbscan } from "./hdbscan.js";
export { kmeansClusters } from "./kmeans.js";
export { nearestNeighbours } from "./neighbours.js";
export { outlierScores } from "./outliers.js";
export { principalComponents } from "./pca.js";
export { type Breath, type Neighbours, NOBODY, type Vectors } from "./types.js";
export { umapPositions } from "./umap.js";
