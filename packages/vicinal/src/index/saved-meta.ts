/** Checks of what saved indexes describe in JSON. */
import type { VicinalError } from "../runtime/errors.js";
import type { Calibration } from "./contract.js";

/** A saved calibration, or what `damaged` says when it is not understood. */
export function checkedCalibration(
  value: unknown,
  damaged: (what: string) => VicinalError,
): Calibration | undefined {
  if (value === null || value === undefined) return undefined;
  const { curves, queries } = value as Partial<Calibration>;
  const numbers = (list: unknown, length: number) =>
    Array.isArray(list) && list.length === length && list.every((x) => Number.isFinite(x));
  const sound =
    typeof queries === "number" &&
    Array.isArray(curves) &&
    curves.every(
      ({ k, selectivity, efforts, recalls, errors }) =>
        numbers([k, selectivity], 2) &&
        Array.isArray(efforts) &&
        [efforts, recalls, errors].every((list) => numbers(list, efforts.length)),
    );
  if (!sound) throw damaged("the calibration is not understood");
  return value as Calibration;
}
