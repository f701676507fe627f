/** Numbers and points in time as filters write them. */
import {
  createIssue,
  type Issue,
  named,
  type OpenApiSchema,
  refined,
  Schema,
  show,
  string,
  union,
} from "../runtime/schema.js";
import { parseDatetime } from "./datetime.js";
import { INT64_MAX, INT64_MIN } from "./exact-numbers.js";

/** An integer of 64 bits with sign: `number` while exact, `bigint` for any. */
class Int64Schema extends Schema<number | bigint> {
  readonly expected = "a 64-bit integer";

  looksLike(value: unknown): boolean {
    return typeof value === "number" || typeof value === "bigint";
  }

  check(value: unknown): Issue | undefined {
    if (Number.isSafeInteger(value)) return undefined;
    if (typeof value === "bigint" && value >= INT64_MIN && value <= INT64_MAX) return undefined;
    const hint = Number.isInteger(value) ? ", which is not exact beyond 2^53-1: pass a bigint" : "";
    return createIssue(`expected ${this.expected}, got ${show(value)}${hint}`);
  }

  protected render(): OpenApiSchema {
    return { type: "integer", format: "int64" };
  }
}

/** Any finite number, or an integer of any size. */
class AnyNumberSchema extends Schema<number | bigint> {
  readonly expected = "a number";

  looksLike(value: unknown): boolean {
    return typeof value === "number" || typeof value === "bigint";
  }

  check(value: unknown): Issue | undefined {
    if (Number.isFinite(value) || typeof value === "bigint") return undefined;
    return createIssue(`expected ${this.expected}, got ${show(value)}`);
  }

  protected render(): OpenApiSchema {
    return { type: "number", format: "double" };
  }
}

export const int64: Schema<number | bigint> = new Int64Schema();

/** A point in time as text. */
export const datetime = named(
  "Datetime",
  refined(string(), (text) =>
    parseDatetime(text) === undefined
      ? `'${text}' does not match accepted datetime format (RFC3339). Example: 2014-01-01T00:00:00Z`
      : undefined,
  ),
);
export const anyNumber: Schema<number | bigint> = new AnyNumberSchema();
export const bound = union(anyNumber, datetime);
