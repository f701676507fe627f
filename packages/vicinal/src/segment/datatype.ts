/**
 * Datatypes of stored vectors, as in Qdrant: a vector is rounded to its type when it is written, and answered so.
 *
 *   float16   to the nearest IEEE 754 binary16, ties to even
 *   uint8     what is behind the point is dropped, what lies outside 0..255 goes to the nearer end
 *   turbo4    not at all: exact vectors lie beside the index's codes anyway, so 4 bits a number would cost recall
 *             and save no memory. Accepted for clients that ask for it
 */
import { halfOf, ofHalf } from "../runtime/half.js";

export const datatypes = ["float32", "float16", "uint8", "turbo4"] as const;
export type Datatype = (typeof datatypes)[number];

/** Rounds in place; false when a number lies beyond what the type can hold (float16: from 65520 on). */
export function roundTo(datatype: Datatype | undefined, data: Float32Array): boolean {
  if (datatype === "uint8")
    for (let i = 0; i < data.length; i++) data[i] = Math.min(255, Math.max(0, Math.trunc(data[i])));
  if (datatype !== "float16") return true;
  for (let i = 0; i < data.length; i++) data[i] = ofHalf(halfOf(data[i]));
  return data.every(Number.isFinite);
}
