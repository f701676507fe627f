/** The parameters of NSG, their ranges and defaults, each with its reason. */
import { checkedParameters, type EncodingParameter } from "../tree/parameters.js";

export interface NsgParameters extends EncodingParameter {
  /** R: most neighbours per node. 32 are two cache lines, as HNSW's layer 0 has with m = 16. */
  degree: number;
  /** K: neighbours per node in the graph of nearest neighbours that it is made from. 64 is Faiss's (`GK`). */
  neighbors: number;
  /** L: beam while building. */
  searchListSize: number;
  /** C: neighbours are chosen among so many nodes at most, the nearest of all that a walk came across. */
  candidates: number;
}

export const NSG_DEFAULTS: NsgParameters = {
  degree: 32,
  neighbors: 64,
  searchListSize: 100,
  candidates: 500,
  encoding: "auto",
};

/** NN-Descent: neighbours sampled per node and round; rounds at most; share of entries below whose change it ends. */
export const SAMPLE = 16;
export const ROUNDS = 12;
export const ENOUGH_CHANGED = 0.002;

export const ranges = {
  degree: { low: 4, high: 128, whole: true },
  neighbors: { low: 8, high: 256, whole: true },
  searchListSize: { low: 4, high: 4096, whole: true },
  candidates: { low: 16, high: 1024, whole: true },
};

/** Checks given parameters (also by their snake_case names) and fills in the defaults. */
export function nsgParameters(given: unknown): NsgParameters {
  return checkedParameters("nsg", given, NSG_DEFAULTS, ranges);
}
