/**
 * JSON whose integers stay exact: a `number` where that is so, else a `bigint`. The platform's own functions do the
 * work unless the text or the value needs more.
 */
import { parse, stringify } from "lossless-json";

/** A run of 16 digits may be an integer beyond 2^53 - 1. */
const longDigits = /\d{16}/;
const integer = /^-?\d+$/;

/** @throws SyntaxError */
export function parseExact(text: string): unknown {
  return longDigits.test(text) ? parse(text, undefined, exactNumber) : JSON.parse(text);
}

function exactNumber(text: string): number | bigint {
  const value = Number(text);
  return integer.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

/** Writes typed arrays of floats as arrays, and bigints as integers. */
export function stringifyExact(value: unknown): string {
  const replace = (_key: string, part: unknown) => (part instanceof Float32Array ? Array.from(part) : part);
  try {
    return JSON.stringify(value, replace);
  } catch (error) {
    // A bigint, which the platform's function refuses.
    if (!(error instanceof TypeError)) throw error;
    return stringify(value, replace) as string;
  }
}
