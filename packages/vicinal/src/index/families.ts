/** The index families by name. */
import { VicinalError } from "../runtime/errors.js";
import { ballTree } from "./ball-tree/index.js";
import type { IndexFamily } from "./contract.js";
import { flat } from "./flat/index.js";
import { hnsw } from "./hnsw/index.js";
import { ivf } from "./ivf/index.js";
import { kMeansTree } from "./kmeans-tree/index.js";
import { lsh } from "./lsh/index.js";
import { mih } from "./mih/index.js";
import { nsg } from "./nsg/index.js";
import { postings } from "./postings/index.js";
import { quantizedGraph } from "./quantized-graph/index.js";
import { vamana } from "./vamana/index.js";

const families = [
  flat,
  hnsw,
  ivf,
  ballTree,
  kMeansTree,
  lsh,
  mih,
  nsg,
  vamana,
  quantizedGraph,
  postings,
] as readonly IndexFamily[];

/** The names by which a family is chosen. */
export const familyNames = families.map(({ family }) => family);

/** The family of that name; BAD_REQUEST names those there are. */
export function familyNamed(name: string): IndexFamily {
  const family = families.find((candidate) => candidate.family === name);
  if (family) return family as IndexFamily;
  const known = familyNames.join(", ");
  throw new VicinalError("BAD_REQUEST", `Unknown index family ${name}; there are: ${known}`, { name });
}
