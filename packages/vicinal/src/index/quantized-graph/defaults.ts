/** The parameters of the quantized graph, their ranges and defaults, each with its reason. */
import { VicinalError } from "../../runtime/errors.js";
import type { Metric } from "../contract.js";

export interface QuantizedGraphParameters {
  /** Neighbours of a vertex: 32, 64, 96 or 128, since a look-up pass serves 32 of them. */
  degree: number;
  /** Beam while building: as many candidates for the neighbours of a vertex. */
  efConstruct: number;
  /**
   * How often every vertex searches for its neighbours. A second round gains 0.003 recall at the same effort
   * (words-100k) for twice the time.
   */
  rounds: number;
  /**
   * Bits of a neighbour's code, a multiple of 16 that is not below the dimensions. More bits than dimensions make the
   * estimates better, as several bits per dimension would. `auto`: two bits per dimension up to 256, then one; 64 at
   * least. words-100k: recall 0.951 at 16,400 queries/s with 208 bits, at 14,400 with 112.
   */
  bits: number | "auto";
}

export const QUANTIZED_GRAPH_DEFAULTS: QuantizedGraphParameters = {
  degree: 32,
  efConstruct: 100,
  rounds: 1,
  bits: "auto",
};

/** Effort: places of the beam. A visited vertex estimates its 32 neighbours, cheaply; about one is visited per place. */
export const QUANTIZED_GRAPH_EFFORT = { name: "ef", default: 128, min: 1, max: 65536, scored: 8 };

/** Fewer bits than these say too little of a distance, whatever the dimensions. */
export const LEAST_BITS = 64;
const MOST_BITS = 65536;
/** Beyond these, one bit per dimension says enough. */
const MOST_AUTO_BITS = 256;

/** Entry vertices per square root of the number of vectors: a search compares its query with all of them, by codes. */
const ENTRIES = 1;

const served: readonly Metric[] = ["Euclid", "Cosine", "Dot"];

/** BAD_REQUEST where the family cannot serve a metric: a rotation, which its codes need, keeps angles, not sums. */
export function quantizedGraphServes(metric: Metric): void {
  if (served.includes(metric)) return;
  const allowed = served.join(", ");
  throw new VicinalError("BAD_REQUEST", `quantized-graph cannot serve ${metric}; it serves ${allowed}`, {
    field: "distance",
    allowed,
  });
}

/** Checks given parameters (also `ef_construct`) and fills in the defaults. */
export function quantizedGraphParameters(given: unknown): QuantizedGraphParameters {
  const result = { ...QUANTIZED_GRAPH_DEFAULTS };
  if (given === undefined || given === null) return result;
  if (typeof given !== "object" || Array.isArray(given)) throw refused("parameters", "an object", given);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const field = name === "ef_construct" ? "efConstruct" : name;
    if (field === "degree") result.degree = whole(field, value, 32, 128, 32);
    else if (field === "efConstruct") result.efConstruct = whole(field, value, 16, 4096, 1);
    else if (field === "rounds") result.rounds = whole(field, value, 1, 8, 1);
    else if (field === "bits")
      result.bits = value === "auto" ? value : whole(field, value, 16, MOST_BITS, 16);
    else throw refused("parameters", `among ${Object.keys(result).join(", ")}`, field);
  }
  return result;
}

/** Below this many dimensions a float vector fits one cache line, and 8 bits are too coarse for near neighbours. */
export const LEAST_CODED_DIMENSIONS = 17;

/** Bits of a code for vectors of so many dimensions; BAD_REQUEST when fewer are asked for. */
export function bitsFor(parameters: QuantizedGraphParameters, dimensions: number, metric: Metric): number {
  const components = metric === "Dot" ? dimensions + 1 : dimensions;
  const whole = (bits: number) => Math.ceil(bits / 16) * 16;
  const least = whole(components);
  if (parameters.bits === "auto")
    return Math.max(LEAST_BITS, least, Math.min(MOST_AUTO_BITS, whole(2 * components)));
  if (parameters.bits < least)
    throw refused("bits", `at least ${least} for ${dimensions} dimensions`, parameters.bits);
  return parameters.bits;
}

/** Entry vertices for so many vectors: whole blocks, but for few vectors. */
export function entriesFor(count: number): number {
  return Math.min(count, Math.max(32, Math.ceil((ENTRIES * Math.sqrt(count)) / 32) * 32));
}

function whole(field: string, value: unknown, low: number, high: number, step: number): number {
  if (typeof value === "number" && value >= low && value <= high && value % step === 0) return value;
  const kind = step === 1 ? "an integer" : `a multiple of ${step}`;
  throw refused(field, `${kind} from ${low} to ${high}`, value);
}

function refused(field: string, allowed: string, value: unknown): VicinalError {
  return new VicinalError(
    "BAD_REQUEST",
    `quantized-graph: ${field} must be ${allowed}, not ${String(value)}`,
    { field, allowed },
  );
}
