/** Checks of what saved indexes describe in JSON, and the reading of their sections. */
import type { VicinalError } from "../runtime/errors.js";
import type { Calibration, CalibrationCurve, LoadedIndex } from "./contract.js";
import type { ReachPoint } from "./reach.js";
import type { VectorStore } from "./vector-store.js";

type Damaged = (what: string) => VicinalError;

/** Every index says in which format it was saved, and for which vectors. */
export function expectStore(
  meta: Record<string, unknown>,
  vectors: Pick<VectorStore, "count" | "dimensions" | "metric">,
  format: number,
  damaged: Damaged,
): void {
  const { count, dimensions, metric } = vectors;
  for (const [name, wanted] of Object.entries({ format, count, dimensions, metric }))
    if (meta[name] !== wanted) throw damaged(`${name} is ${String(meta[name])}, ${String(wanted)} expected`);
}

/** A whole number from `low` to `high`. */
export function wholeNumber(
  meta: Record<string, unknown>,
  name: string,
  low: number,
  high: number,
  damaged: Damaged,
): number {
  const value = meta[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high)
    throw damaged(`${name} is ${String(value)}, expected ${low} to ${high}`);
  return value;
}

/** Fills the regions; each must be as long as the section of its name. */
export async function readSections(
  saved: LoadedIndex,
  sections: Iterable<{ name: string; bytes: Uint8Array }>,
  damaged: Damaged,
): Promise<void> {
  for (const { name, bytes } of sections) {
    const length = saved.length(name);
    if (length !== bytes.length)
      throw damaged(`section ${name} has ${length} bytes, ${bytes.length} expected`);
    if (length > 0) await saved.readInto(name, bytes);
  }
}

/** A saved calibration, or what `damaged` says when no measurement could have given it. */
export function checkedCalibration(value: unknown, damaged: Damaged): Calibration | undefined {
  if (value === null || value === undefined) return undefined;
  const { curves, queries, count = 0, changed = 0, reach = [] } = value as Record<keyof Calibration, unknown>;
  const sound =
    areNumbers([queries, count, changed], 0, Number.MAX_SAFE_INTEGER) &&
    Array.isArray(curves) &&
    curves.every(isCurve) &&
    Array.isArray(reach) &&
    reach.every(isReachPoint);
  if (!sound) throw damaged("the calibration is not understood");
  return value as Calibration;
}

function isCurve(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { k, selectivity, efforts, recalls, errors } = value as Record<keyof CalibrationCurve, unknown>;
  return (
    areNumbers([k], 1, Number.MAX_SAFE_INTEGER) &&
    areNumbers([selectivity], 0, 1) &&
    areNumbers(efforts, 0, Number.MAX_SAFE_INTEGER) &&
    efforts.every((effort, i) => i === 0 || effort >= efforts[i - 1]) &&
    areNumbers(recalls, 0, 1) &&
    areNumbers(errors, 0, 1) &&
    recalls.length === efforts.length &&
    errors.length === efforts.length
  );
}

function isReachPoint(value: unknown): boolean {
  const { rank, distance } = (value ?? {}) as Record<keyof ReachPoint, unknown>;
  return (
    areNumbers([rank], 1, Number.MAX_VALUE) && areNumbers([distance], -Number.MAX_VALUE, Number.MAX_VALUE)
  );
}

function areNumbers(list: unknown, low: number, high: number): list is number[] {
  return Array.isArray(list) && list.every((x) => typeof x === "number" && x >= low && x <= high);
}
