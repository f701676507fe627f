/** The postings family: small clusters on disk, their centroids in memory; for collections larger than memory. */
import type { IndexFamily } from "../contract.js";
import { buildPostings } from "./build.js";
import { checkEncoding, encodingOf, type PostingsParameters, postingsParameters } from "./defaults.js";
import { loadPostings, openPostings } from "./load.js";

export { POSTINGS_DEFAULTS, type PostingEncoding, type PostingsParameters } from "./defaults.js";
export { FilePostings } from "./file-postings.js";
export { PostingsIndex } from "./postings-index.js";

export const postings: IndexFamily<PostingsParameters> = {
  family: "postings",
  encodings: { int8: 8 },
  parameters: postingsParameters,
  check: checkEncoding,
  encodingOf: (parameters, { metric, dimensions }) => encodingOf(parameters, metric, dimensions),
  build: buildPostings,
  load: loadPostings,
  disk: {
    memoryBytes: ({ memoryBytes }) => memoryBytes,
    open: openPostings,
  },
};
