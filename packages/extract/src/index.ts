/** From files to points: models make vectors of images, sounds and texts; a pipeline stores them. */
export {
  type CreateForOptions,
  createFor,
  type Embedder,
  type Failure,
  type FillOptions,
  type FillReport,
  fill,
  idOf,
  type SourceItem,
} from "./pipeline.js";
