/** Schemas of values without parts, and of vectors. */
import {
  createIssue,
  type Issue,
  listOf,
  mismatch,
  type OpenApiComponents,
  type OpenApiSchema,
  outOfRange,
  Schema,
  show,
  under,
  withoutUndefined,
} from "./schema-core.js";

export interface StringOptions {
  /** Least number of UTF-16 units. Default 0. */
  minLength?: number;
  /** Greatest number of UTF-16 units. Default unlimited. */
  maxLength?: number;
  /** What the string must match, and how a message says so. */
  pattern?: { regexp: RegExp; says: string };
}

class StringSchema extends Schema<string> {
  readonly expected = "a string";

  constructor(private readonly options: StringOptions) {
    super();
  }

  looksLike(value: unknown): boolean {
    return typeof value === "string";
  }

  check(value: unknown): Issue | undefined {
    if (typeof value !== "string") return mismatch(this.expected, value);
    const { minLength, maxLength, pattern } = this.options;
    if (minLength !== undefined && value.length < minLength)
      return outOfRange(`expected at least ${minLength} characters, got ${value.length}`);
    if (maxLength !== undefined && value.length > maxLength)
      return outOfRange(`expected at most ${maxLength} characters, got ${value.length}`);
    if (pattern !== undefined && !pattern.regexp.test(value))
      return outOfRange(`expected ${pattern.says}, got ${show(value)}`);
    return undefined;
  }

  protected render(): OpenApiSchema {
    const { minLength, maxLength, pattern } = this.options;
    return withoutUndefined({ type: "string", minLength, maxLength, pattern: pattern?.regexp.source });
  }
}

export function string(options: StringOptions = {}): Schema<string> {
  return new StringSchema(options);
}

export interface RangeOptions {
  /** Least value allowed. */
  min?: number;
  /** Greatest value allowed. */
  max?: number;
}

class NumberSchema extends Schema<number> {
  constructor(
    readonly expected: string,
    private readonly kind: "number" | "integer" | "unsigned",
    private readonly min: number,
    private readonly max: number,
  ) {
    super();
  }

  looksLike(value: unknown): boolean {
    return typeof value === "number" || typeof value === "bigint";
  }

  check(value: unknown): Issue | undefined {
    if (typeof value !== "number" || !this.isOfKind(value)) return mismatch(this.expected, value);
    if (value >= this.min && value <= this.max) return undefined;
    const [given, min, max] = [value, this.min, this.max].map((one) => this.text(one));
    if (this.max === Infinity) return outOfRange(`value ${given} invalid, must be ${min} or larger`);
    if (this.min === -Infinity) return outOfRange(`value ${given} invalid, must be ${max} or smaller`);
    return outOfRange(`value ${given} invalid, must be from ${min} to ${max}`);
  }

  /** Numbers that need not be integers are written `1.0`, as Qdrant does. */
  private text(value: number): string {
    return this.kind === "number" && Number.isInteger(value) ? value.toFixed(1) : String(value);
  }

  private isOfKind(value: number): boolean {
    if (this.kind === "number") return Number.isFinite(value);
    return Number.isSafeInteger(value) && (this.kind === "integer" || value >= 0);
  }

  protected render(): OpenApiSchema {
    const unsigned = this.kind === "unsigned" ? 0 : undefined;
    return withoutUndefined({
      type: this.kind === "number" ? "number" : "integer",
      format: this.kind === "number" ? "double" : this.kind === "integer" ? "int64" : "uint",
      minimum: Number.isFinite(this.min) ? this.min : unsigned,
      maximum: Number.isFinite(this.max) ? this.max : undefined,
    });
  }
}

/** A finite number. */
export function number({ min = -Infinity, max = Infinity }: RangeOptions = {}): Schema<number> {
  return new NumberSchema("a number", "number", min, max);
}

/** An integer that a double holds exactly, -(2^53-1) to 2^53-1. */
export function integer({ min = -Infinity, max = Infinity }: RangeOptions = {}): Schema<number> {
  return new NumberSchema("an integer", "integer", min, max);
}

/** A size or a count: an integer from 0 to 2^53-1. A negative number is a wrong kind, not a wrong range. */
export function unsigned({ min = -Infinity, max = Infinity }: RangeOptions = {}): Schema<number> {
  return new NumberSchema("a non-negative integer", "unsigned", min, max);
}

const uint64Max = (1n << 64n) - 1n;

class Uint64Schema extends Schema<number | bigint> {
  readonly expected = "an unsigned 64-bit integer";

  looksLike(value: unknown): boolean {
    return typeof value === "bigint" || Number.isInteger(value);
  }

  check(value: unknown): Issue | undefined {
    if (typeof value === "number") {
      if (Number.isSafeInteger(value) && value >= 0) return undefined;
      if (value > Number.MAX_SAFE_INTEGER && Number.isInteger(value))
        return createIssue(`number ${value} is not exact beyond 2^53-1, pass a bigint`);
    } else if (typeof value === "bigint" && value >= 0n && value <= uint64Max) {
      return undefined;
    }
    return mismatch(this.expected, value);
  }

  protected render(): OpenApiSchema {
    return { type: "integer", format: "uint64", minimum: 0 };
  }
}

/** An unsigned 64-bit integer: `number` up to 2^53-1, `bigint` for any. */
export function uint64(): Schema<number | bigint> {
  return new Uint64Schema();
}

class CountSchema extends Schema<number | bigint> {
  readonly expected: string;
  private readonly exact: Schema<number>;

  constructor(range: RangeOptions) {
    super();
    this.exact = unsigned(range);
    this.expected = this.exact.expected;
  }

  looksLike(value: unknown): boolean {
    return typeof value === "bigint" || this.exact.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    const isLarge = typeof value === "bigint" && value > Number.MAX_SAFE_INTEGER && value <= uint64Max;
    return isLarge ? undefined : this.exact.check(value);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return this.exact.toOpenApi(components);
  }
}

/** How many of something, up to more than there can be: 2^64-1 asks for all. */
export function count(range: RangeOptions = {}): Schema<number | bigint> {
  return new CountSchema(range);
}

class BooleanSchema extends Schema<boolean> {
  readonly expected = "true or false";

  looksLike(value: unknown): boolean {
    return typeof value === "boolean";
  }

  check(value: unknown): Issue | undefined {
    return typeof value === "boolean" ? undefined : mismatch(this.expected, value);
  }

  protected render(): OpenApiSchema {
    return { type: "boolean" };
  }
}

export function boolean(): Schema<boolean> {
  return new BooleanSchema();
}

class ChoiceSchema<T extends string> extends Schema<T> {
  readonly expected: string;
  private readonly values: ReadonlySet<unknown>;

  constructor(private readonly choices: readonly T[]) {
    super();
    this.values = new Set(choices);
    this.expected = listOf(choices.map((choice) => `"${choice}"`));
  }

  looksLike(value: unknown): boolean {
    return typeof value === "string";
  }

  check(value: unknown): Issue | undefined {
    return this.values.has(value) ? undefined : mismatch(this.expected, value);
  }

  protected render(): OpenApiSchema {
    return { type: "string", enum: [...this.choices] };
  }
}

/** One of the given strings. */
export function choice<const T extends string>(...choices: readonly T[]): Schema<T> {
  return new ChoiceSchema(choices);
}

/** Any JSON value. What it may hold is for its consumer to judge. */
class AnySchema extends Schema<unknown> {
  readonly expected = "a JSON value";

  looksLike(): boolean {
    return true;
  }

  check(value: unknown): Issue | undefined {
    return value === undefined ? mismatch(this.expected, value) : undefined;
  }

  protected render(): OpenApiSchema {
    return {};
  }
}

export function anyJson(): Schema<unknown> {
  return new AnySchema();
}

/** Beyond this a number rounds to a float32 infinity: the midpoint of the greatest float32 and 2^128. */
const float32Limit = 3.4028235677973366e38;

class VectorSchema extends Schema<number[] | Float32Array> {
  readonly expected = "an array of numbers";

  looksLike(value: unknown): boolean {
    if (value instanceof Float32Array) return true;
    return Array.isArray(value) && (value.length === 0 || typeof value[0] !== "object");
  }

  check(value: unknown): Issue | undefined {
    if (value instanceof Float32Array) {
      // Zero times a finite number is zero, times any other NaN: one sum decides without a branch per element.
      let sum = 0;
      for (let i = 0; i < value.length; i++) sum += value[i] * 0;
      return sum === 0 ? undefined : badElement(value);
    }
    if (!Array.isArray(value)) return mismatch(this.expected, value);
    for (let i = 0; i < value.length; i++) {
      const element: unknown = value[i];
      if (typeof element === "number" && element < float32Limit && element > -float32Limit) continue;
      if (typeof element !== "bigint") return badElement(value);
      // JSON writes 1e17 as an integer literal, and exact parsing reads that as a bigint.
      value[i--] = Number(element);
    }
    return undefined;
  }

  protected render(): OpenApiSchema {
    return { type: "array", items: { type: "number", format: "float" } };
  }
}

/** Finds the element that the fast test met, and says what is wrong with it. */
function badElement(values: ArrayLike<unknown>): Issue | undefined {
  for (let i = 0; i < values.length; i++) {
    const element = values[i];
    if (typeof element === "number" && element < float32Limit && element > -float32Limit) continue;
    if (typeof element !== "number")
      return under(i, createIssue(`expected a number, got ${show(element)}`, "BAD_VECTOR"));
    return under(i, createIssue(`expected a finite float32, got ${element}`, "BAD_VECTOR"));
  }
  return undefined;
}

/** A dense vector: finite numbers that fit a float32. Its length is the collection's to check. */
export function vector(): Schema<number[] | Float32Array> {
  return new VectorSchema();
}
