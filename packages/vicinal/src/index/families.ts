/** The index families by name. */
import { VicinalError } from "../runtime/errors.js";
import type { IndexFamily } from "./contract.js";
import { flat } from "./flat/index.js";
import { hnsw } from "./hnsw/index.js";
import { ivf } from "./ivf/index.js";
import { lsh } from "./lsh/index.js";
import { mih } from "./mih/index.js";

const families = [flat, hnsw, ivf, lsh, mih] as readonly IndexFamily[];

/** The family of that name; BAD_REQUEST names those there are. */
export function familyNamed(name: string): IndexFamily {
  const family = families.find((candidate) => candidate.family === name);
  if (family) return family as IndexFamily;
  const known = families.map((candidate) => candidate.family).join(", ");
  throw new VicinalError("BAD_REQUEST", `Unknown index family ${name}; there are: ${known}`, { name });
}
