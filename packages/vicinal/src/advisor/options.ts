/** The question, checked before any work starts. */
import { familyNames } from "../index/families.js";
import { VicinalError } from "../runtime/errors.js";
import type { AdviseOptions } from "./contract.js";

/** Bytes of sampled floats by default; all candidates lie in memory beside them while they are timed. */
const SAMPLE_BYTES = 64 * 2 ** 20;
const SAMPLE_ROWS = 25_000;

type Checked = "recall" | "k" | "sample" | "families" | "budgetMs" | "verify" | "seed";

export type Question = Omit<AdviseOptions, Checked | "queries" | "using"> &
  Required<Pick<AdviseOptions, Checked>>;

type NumberField = "recall" | "k" | "memoryBytes" | "latencyMs" | "sample" | "points" | "budgetMs" | "seed";

const ranges: Record<NumberField, { low: number; high: number; whole: boolean }> = {
  recall: { low: 0.01, high: 1, whole: false },
  k: { low: 1, high: 1000, whole: true },
  memoryBytes: { low: 1, high: 2 ** 53 - 1, whole: true },
  latencyMs: { low: 0.001, high: 3_600_000, whole: false },
  sample: { low: 200, high: 1_000_000, whole: true },
  points: { low: 1, high: 1e12, whole: true },
  budgetMs: { low: 1000, high: 86_400_000, whole: false },
  seed: { low: 0, high: 2 ** 32 - 1, whole: true },
};

const fields: readonly string[] = [
  ...Object.keys(ranges),
  ...["using", "queries", "families", "verify", "progress", "signal"],
];

/** Fills in the defaults; BAD_REQUEST or OUT_OF_RANGE names the field and what is allowed. */
export function checkedQuestion(options: AdviseOptions, dimensions: number): Question {
  const unknown = Object.keys(options).find((name) => !fields.includes(name));
  if (unknown !== undefined)
    throw new VicinalError(
      "BAD_REQUEST",
      `advise has no option ${unknown}; there are: ${fields.join(", ")}`,
      {
        field: unknown,
        allowed: fields,
      },
    );
  for (const field of Object.keys(ranges) as NumberField[]) checkNumber(field, options[field]);
  const { families = familyNames, verify = true } = options;
  if (typeof verify !== "boolean") throw bad("verify", "true or false", verify);
  if (!Array.isArray(families) || families.length === 0)
    throw bad("families", `some of ${familyNames.join(", ")}`, families);
  for (const family of families)
    if (!familyNames.includes(family)) throw bad("families", familyNames.join(", "), family);
  return {
    recall: options.recall ?? 0.95,
    k: options.k ?? 10,
    sample:
      options.sample ?? Math.max(200, Math.min(SAMPLE_ROWS, Math.floor(SAMPLE_BYTES / (dimensions * 4)))),
    budgetMs: options.budgetMs ?? 300_000,
    seed: options.seed ?? 42,
    memoryBytes: options.memoryBytes,
    latencyMs: options.latencyMs,
    points: options.points,
    progress: options.progress,
    signal: options.signal,
    families,
    verify,
  };
}

function checkNumber(field: NumberField, value: unknown): void {
  if (value === undefined) return;
  const { low, high, whole } = ranges[field];
  if (typeof value !== "number") throw bad(field, "a number", value);
  if (value >= low && value <= high && (!whole || Number.isInteger(value))) return;
  const kind = whole ? "an integer" : "a number";
  throw new VicinalError("OUT_OF_RANGE", `${field} must be ${kind} from ${low} to ${high}, not ${value}`, {
    field,
    low,
    high,
  });
}

function bad(field: string, allowed: string, value: unknown): VicinalError {
  return new VicinalError("BAD_REQUEST", `${field} must be ${allowed}, not ${String(value)}`, {
    field,
    allowed,
  });
}
