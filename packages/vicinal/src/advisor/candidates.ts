/**
 * What is tried. Every family with its defaults, and for those that have a parameter which trades memory or build for
 * speed, a few values of it. A family that is not named here is tried with its defaults.
 */
import { chooseIndex } from "../index/choice.js";
import type { VectorKind } from "../index/contract.js";
import { VicinalError } from "../runtime/errors.js";
import type { Candidate } from "./contract.js";
import type { Question } from "./options.js";

type Parameters = Record<string, unknown>;

/** Beside the defaults. A value that the family refuses for such vectors is passed over. */
const variations: Record<string, readonly Parameters[]> = {
  // Links per node: half as many save memory where data are easy, twice as many reach a high recall with less effort.
  hnsw: [{ m: 8 }, { m: 32 }],
  // Twice as many links: fewer steps to a high recall, for twice the memory of links and a longer build.
  vamana: [{ degree: 64 }],
  // Codes of more bits: fewer floats are measured, for more bytes.
  ivf: [{ encoding: "pq4" }, { encoding: "sq8" }],
  // More tables find more with the same probes; hyperplanes are coarser than cross-polytopes and cheaper to evaluate.
  lsh: [{ tables: 16 }, { hash: "hyperplane" }],
  // Longer codes order the candidates better, so that fewer floats are measured.
  mih: [{ bits: 1024 }],
};

export interface Exclusion {
  name: string;
  reason: string;
}

export interface Candidates {
  candidates: Candidate[];
  excluded: Exclusion[];
}

/** Parameters that the wish itself decides, in the place of a family's defaults. */
function wished(family: string, memoryBytes: number | undefined): Parameters {
  // A family on disk keeps whatever memory it is given.
  return family === "postings" && memoryBytes !== undefined ? { memoryBytes } : {};
}

/** Candidates of the families; a family that cannot serve such vectors is excluded with its own words. */
export function candidatesFor(
  { families, memoryBytes }: Pick<Question, "families" | "memoryBytes">,
  vectors: VectorKind,
): Candidates {
  const result: Candidates = { candidates: [], excluded: [] };
  for (const family of families) {
    const first = wished(family, memoryBytes);
    const reason = refusal(family, first, vectors);
    if (reason !== undefined) result.excluded.push({ name: family, reason });
    for (const parameters of [first, ...(variations[family] ?? [])])
      if (refusal(family, parameters, vectors) === undefined)
        result.candidates.push({ name: nameOf(family, parameters), family, parameters });
  }
  return result;
}

function nameOf(family: string, parameters: Parameters): string {
  return [family, ...Object.entries(parameters).map(([key, value]) => `${key}=${String(value)}`)].join(" ");
}

function refusal(family: string, parameters: Parameters, vectors: VectorKind): string | undefined {
  try {
    chooseIndex(family, parameters, vectors);
    return undefined;
  } catch (error) {
    if (error instanceof VicinalError) return error.message;
    throw error;
  }
}
