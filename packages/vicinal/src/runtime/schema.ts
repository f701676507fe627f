/**
 * Schemas, written once and read three ways: as a validator that names the exact place of a fault, as a
 * TypeScript type (`Infer<typeof S>`), and as an OpenAPI 3.0 component (`toOpenApi`).
 *
 * Validation happens in place: nothing is copied, no default is filled in, and an accepted value costs no
 * allocation, since it lies on the path of every embedded query. A node answers `undefined` when it accepts, or
 * an `Issue` to which each parent on the way up adds its own key. No code is generated at run time, so pages
 * with a strict content security policy can use it.
 *
 * Conventions, those of Qdrant's API: `null` in an optional field means absent, unknown fields are ignored
 * unless the object is `strict`, and a value of the right kind but outside its range is another error
 * (`OUT_OF_RANGE`) than a value of the wrong kind (`BAD_REQUEST`).
 */
import { type ErrorCode, VicinalError } from "./errors.js";

/** A fault in a value: what is wrong, and where. `path` grows from the leaf upwards, so it is reversed. */
export interface Issue {
  message: string;
  code: ErrorCode;
  readonly path: (string | number)[];
}

/** An OpenAPI 3.0 schema object, as plain JSON. */
export type OpenApiSchema = Record<string, unknown>;

/** Named schemas met on the way, by name: the `components.schemas` of an OpenAPI document. */
export type OpenApiComponents = Map<string, OpenApiSchema>;

export abstract class Schema<T> {
  /** Exists in types only: carries `T` for `Infer`. */
  declare readonly infer: T;
  /** One line for the OpenAPI document. */
  readonly description: string | undefined = undefined;

  /** What a fault says was expected: "a string", "an array of numbers". */
  abstract readonly expected: string;
  /** The whole test: `undefined` when `value` is a `T`. */
  abstract check(value: unknown): Issue | undefined;
  /** The cheap test by which a union picks its alternative: is `value` meant to be a `T`? */
  abstract looksLike(value: unknown): boolean;
  /** The OpenAPI form without description; named parts are added to `components`. */
  protected abstract render(components: OpenApiComponents): OpenApiSchema;

  /** The same schema with a line of documentation. */
  describe(description: string): this {
    const copy = Object.create(Object.getPrototypeOf(this)) as this;
    return Object.assign(copy, this, { description });
  }

  toOpenApi(components: OpenApiComponents): OpenApiSchema {
    const rendered = this.render(components);
    if (this.description === undefined) return rendered;
    // Beside a `$ref` OpenAPI 3.0 ignores all other keys, hence the wrapper.
    if ("$ref" in rendered) return { description: this.description, allOf: [rendered] };
    return { description: this.description, ...rendered };
  }

  /** Returns `value` itself, or throws a VicinalError that names the offending field. */
  parse(value: unknown): T {
    const issue = this.check(value);
    if (issue !== undefined) throw issueError(issue);
    return value as T;
  }
}

/** The TypeScript type that a schema accepts. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** The error of an issue: `points[3].vector: expected an array of numbers, got "x"`. */
export function issueError(issue: Issue): VicinalError {
  const path = formatPath(issue.path);
  const message = path === "" ? issue.message : `${path}: ${issue.message}`;
  return new VicinalError(issue.code, message, { path });
}

export function createIssue(message: string, code: ErrorCode = "BAD_REQUEST"): Issue {
  return { message, code, path: [] };
}

/** Puts an issue one level deeper; for `check` of schemas with children. */
export function under(key: string | number, issue: Issue): Issue {
  issue.path.push(key);
  return issue;
}

function mismatch(expected: string, value: unknown): Issue {
  if (value === undefined) return createIssue(`is missing, expected ${expected}`);
  return createIssue(`expected ${expected}, got ${show(value)}`);
}

function outOfRange(message: string): Issue {
  return createIssue(message, "OUT_OF_RANGE");
}

const plainKey = /^[A-Za-z_$][\w$-]*$/;

function formatPath(reversed: readonly (string | number)[]): string {
  let text = "";
  for (let i = reversed.length - 1; i >= 0; i--) {
    const key = reversed[i];
    if (typeof key === "number") text += `[${key}]`;
    else if (!plainKey.test(key)) text += `[${JSON.stringify(key)}]`;
    else text += text === "" ? key : `.${key}`;
  }
  return text;
}

const shownCharacters = 60;

/** A value as an error message shows it: short, and never the whole of a large one. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string": {
      const cut = value.length > shownCharacters ? `${value.slice(0, shownCharacters)}...` : value;
      return JSON.stringify(cut);
    }
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) return `an array of ${value.length}`;
      if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
      return "an object";
    case "undefined":
      return "undefined";
    case "function":
    case "symbol":
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}

// ---------------------------------------------------------------------------------------------- scalars

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
    if (this.max === Infinity) return outOfRange(`value ${value} invalid, must be ${this.min} or larger`);
    if (this.min === -Infinity) return outOfRange(`value ${value} invalid, must be ${this.max} or smaller`);
    return outOfRange(`value ${value} invalid, must be from ${this.min} to ${this.max}`);
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

// ---------------------------------------------------------------------------------------------- vectors

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
      if (typeof element !== "number" || !(element < float32Limit && element > -float32Limit))
        return badElement(value);
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
    if (typeof element === "bigint")
      return under(i, createIssue(`expected a number, got the bigint ${element}`, "BAD_VECTOR"));
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

// ------------------------------------------------------------------------------------------- containers

export interface LengthOptions {
  /** Least number of elements. Default 0. */
  minItems?: number;
  /** Greatest number of elements. Default unlimited. */
  maxItems?: number;
}

class ArraySchema<T> extends Schema<T[]> {
  readonly expected = "an array";

  constructor(
    private readonly element: Schema<T>,
    private readonly options: LengthOptions,
  ) {
    super();
  }

  looksLike(value: unknown): boolean {
    return Array.isArray(value) && (value.length === 0 || this.element.looksLike(value[0]));
  }

  check(value: unknown): Issue | undefined {
    if (!Array.isArray(value)) return mismatch(this.expected, value);
    const { minItems, maxItems } = this.options;
    if (minItems !== undefined && value.length < minItems)
      return outOfRange(`expected at least ${minItems} elements, got ${value.length}`);
    if (maxItems !== undefined && value.length > maxItems)
      return outOfRange(`expected at most ${maxItems} elements, got ${value.length}`);
    for (let i = 0; i < value.length; i++) {
      const issue = this.element.check(value[i]);
      if (issue !== undefined) return under(i, issue);
    }
    return undefined;
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    const { minItems, maxItems } = this.options;
    return withoutUndefined({ type: "array", items: this.element.toOpenApi(components), minItems, maxItems });
  }
}

export function array<T>(element: Schema<T>, options: LengthOptions = {}): Schema<T[]> {
  return new ArraySchema(element, options);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

class RecordSchema<T> extends Schema<Record<string, T>> {
  readonly expected = "an object";

  constructor(private readonly element: Schema<T>) {
    super();
  }

  looksLike(value: unknown): boolean {
    return isObject(value);
  }

  check(value: unknown): Issue | undefined {
    if (!isObject(value)) return mismatch(this.expected, value);
    for (const key of Object.keys(value)) {
      const issue = this.element.check(value[key]);
      if (issue !== undefined) return under(key, issue);
    }
    return undefined;
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return { type: "object", additionalProperties: this.element.toOpenApi(components) };
  }
}

/** An object whose keys are free and whose values are all of one schema. */
export function record<T>(element: Schema<T>): Schema<Record<string, T>> {
  return new RecordSchema(element);
}

class AnyObjectSchema extends Schema<Record<string, unknown>> {
  readonly expected = "an object";

  looksLike(value: unknown): boolean {
    return isObject(value);
  }

  check(value: unknown): Issue | undefined {
    return isObject(value) ? undefined : mismatch(this.expected, value);
  }

  protected render(): OpenApiSchema {
    return { type: "object", additionalProperties: true };
  }
}

/** An object of any content, such as a payload. */
export function anyObject(): Schema<Record<string, unknown>> {
  return new AnyObjectSchema();
}

export class OptionalSchema<T> extends Schema<T | null | undefined> {
  readonly expected: string;

  constructor(readonly inner: Schema<T>) {
    super();
    this.expected = inner.expected;
  }

  looksLike(value: unknown): boolean {
    return value === undefined || value === null || this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    return value === undefined || value === null ? undefined : this.inner.check(value);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return nullableForm(this.inner.toOpenApi(components));
  }
}

/** A field that may be absent; `null` counts as absent. */
export function optional<T>(inner: Schema<T>): OptionalSchema<T> {
  return new OptionalSchema(inner);
}

class NullableSchema<T> extends Schema<T | null> {
  readonly expected: string;

  constructor(private readonly inner: Schema<T>) {
    super();
    this.expected = `${inner.expected} or null`;
  }

  looksLike(value: unknown): boolean {
    return value === null || this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    return value === null ? undefined : this.inner.check(value);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return nullableForm(this.inner.toOpenApi(components));
  }
}

/** A value that must be there and may be `null`. */
export function nullable<T>(inner: Schema<T>): Schema<T | null> {
  return new NullableSchema(inner);
}

function nullableForm(form: OpenApiSchema): OpenApiSchema {
  return "$ref" in form ? { anyOf: [form, { nullable: true }] } : { ...form, nullable: true };
}

class UnsupportedSchema<T> extends Schema<T> {
  readonly expected: string;

  constructor(
    private readonly inner: Schema<T>,
    private readonly says: string,
  ) {
    super();
    this.expected = inner.expected;
  }

  looksLike(value: unknown): boolean {
    return this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    return (
      this.inner.check(value) ?? createIssue(`${this.says} not supported by this version`, "UNSUPPORTED")
    );
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return { description: "Not supported by this version.", allOf: [this.inner.toOpenApi(components)] };
  }
}

/**
 * A form that is known and not yet available: its type is accepted, its values are refused by name rather than
 * ignored. `says` is the sentence's start, "is" by default: `prefetch: is not supported by this version`.
 */
export function unsupported<T>(inner: Schema<T>, says = "is"): Schema<T> {
  return new UnsupportedSchema(inner, says);
}

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends OptionalSchema<unknown> ? K : never }[keyof F];
type ObjectOf<F> = Simplify<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & { [K in OptionalKeys<F>]?: Infer<F[K]> }
>;
type Simplify<T> = { [K in keyof T]: T[K] };

/** How many field names a message lists to describe an object. */
const shownFields = 4;

export interface ObjectOptions {
  /** Whether a field that the schema does not name is refused. Default false. */
  strict?: boolean;
}

export class ObjectSchema<F extends Fields> extends Schema<ObjectOf<F>> {
  readonly expected: string;
  private readonly names: readonly string[];
  private readonly schemas: readonly Schema<unknown>[];
  private readonly required: readonly string[];
  /** The fields whose presence shows that this object is meant. */
  private readonly telling: readonly string[];

  constructor(
    readonly fields: F,
    private readonly strict: boolean,
  ) {
    super();
    this.names = Object.keys(fields);
    this.schemas = Object.values(fields);
    this.required = this.names.filter((name) => !(fields[name] instanceof OptionalSchema));
    this.telling = this.required.length > 0 ? this.required : this.names;
    const shown = this.telling.slice(0, shownFields).map((name) => `\`${name}\``);
    this.expected = `an object with ${shown.join(", ")}`;
  }

  looksLike(value: unknown): boolean {
    return isObject(value) && this.telling.some((name) => value[name] !== undefined);
  }

  check(value: unknown): Issue | undefined {
    if (!isObject(value)) return mismatch("an object", value);
    const { names, schemas } = this;
    for (let i = 0; i < names.length; i++) {
      const issue = schemas[i].check(value[names[i]]);
      if (issue !== undefined) return under(names[i], issue);
    }
    return this.strict ? this.checkUnknown(value) : undefined;
  }

  private checkUnknown(value: Record<string, unknown>): Issue | undefined {
    for (const key of Object.keys(value)) {
      if (!Object.hasOwn(this.fields, key))
        return under(key, createIssue(`is not known here, expected ${listOf(this.names)}`));
    }
    return undefined;
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    const properties: Record<string, OpenApiSchema> = {};
    for (const name of this.names) properties[name] = this.fields[name].toOpenApi(components);
    return withoutUndefined({
      type: "object",
      required: this.required.length > 0 ? [...this.required] : undefined,
      properties,
      additionalProperties: this.strict ? false : undefined,
    });
  }
}

export function object<const F extends Fields>(fields: F, options: ObjectOptions = {}): ObjectSchema<F> {
  return new ObjectSchema(fields, options.strict ?? false);
}

// -------------------------------------------------------------------------------- unions, names, recursion

class UnionSchema<T> extends Schema<T> {
  readonly expected: string;

  constructor(private readonly options: readonly Schema<unknown>[]) {
    super();
    this.expected = listOf([...new Set(options.map((option) => option.expected))]);
  }

  looksLike(value: unknown): boolean {
    return this.options.some((option) => option.looksLike(value));
  }

  /**
   * Only alternatives that the value resembles are tried. Of several faults the deepest is told, since that
   * alternative went furthest; but what is meant and not supported is told before all.
   */
  check(value: unknown): Issue | undefined {
    let deepest: Issue | undefined;
    let resembled = 0;
    for (const option of this.options) {
      if (!option.looksLike(value)) continue;
      const issue = option.check(value);
      if (issue === undefined) return undefined;
      if (deepest === undefined || weight(issue) > weight(deepest)) deepest = issue;
      resembled++;
    }
    // Faults of the value itself, by several alternatives: no single one of them tells what would be right.
    if (deepest === undefined || (weight(deepest) === 0 && resembled > 1))
      return mismatch(this.expected, value);
    return deepest;
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return { anyOf: this.options.map((option) => option.toOpenApi(components)) };
  }
}

function weight(issue: Issue): number {
  return issue.code === "UNSUPPORTED" ? Infinity : issue.path.length;
}

/** One of several forms. Put the most frequent first: the first that accepts ends the search. */
export function union<const S extends readonly Schema<unknown>[]>(...options: S): Schema<Infer<S[number]>> {
  return new UnionSchema(options);
}

export interface NameOptions {
  /** Code of every plain fault inside, in place of `BAD_REQUEST`: `BAD_FILTER` for filters. */
  code?: ErrorCode;
}

class NamedSchema<T> extends Schema<T> {
  readonly expected: string;

  constructor(
    readonly name: string,
    private readonly inner: Schema<T>,
    private readonly code: ErrorCode | undefined,
  ) {
    super();
    this.expected = inner.expected;
  }

  looksLike(value: unknown): boolean {
    return this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    const issue = this.inner.check(value);
    if (issue !== undefined && this.code !== undefined && issue.code === "BAD_REQUEST")
      issue.code = this.code;
    return issue;
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    if (!components.has(this.name)) {
      // Entered before its content, so that a recursive schema ends here.
      components.set(this.name, {});
      components.set(this.name, this.inner.toOpenApi(components));
    }
    return { $ref: `#/components/schemas/${this.name}` };
  }
}

/** Gives a schema the name under which the OpenAPI document lists it and refers to it. */
export function named<T>(name: string, inner: Schema<T>, options: NameOptions = {}): Schema<T> {
  return new NamedSchema(name, inner, options.code);
}

class LazySchema<T> extends Schema<T> {
  private resolved: Schema<T> | undefined;

  constructor(
    private readonly resolve: () => Schema<T>,
    readonly expected: string,
  ) {
    super();
  }

  private get inner(): Schema<T> {
    this.resolved ??= this.resolve();
    return this.resolved;
  }

  looksLike(value: unknown): boolean {
    return this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    return this.inner.check(value);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return this.inner.toOpenApi(components);
  }
}

/** A schema that refers to itself: resolved at first use. `expected` is what its faults say. */
export function lazy<T>(resolve: () => Schema<T>, expected: string): Schema<T> {
  return new LazySchema(resolve, expected);
}

class RefinedSchema<T> extends Schema<T> {
  readonly expected: string;

  constructor(
    private readonly inner: Schema<T>,
    private readonly refine: (value: T) => Issue | string | undefined,
  ) {
    super();
    this.expected = inner.expected;
  }

  looksLike(value: unknown): boolean {
    return this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    const issue = this.inner.check(value);
    if (issue !== undefined) return issue;
    const fault = this.refine(value as T);
    return typeof fault === "string" ? createIssue(fault) : fault;
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return this.inner.toOpenApi(components);
  }
}

/** A rule that no combinator expresses, on values that the inner schema accepts: a message, or `undefined`. */
export function refined<T>(inner: Schema<T>, refine: (value: T) => Issue | string | undefined): Schema<T> {
  return new RefinedSchema(inner, refine);
}

// ------------------------------------------------------------------------------------------------ helpers

function listOf(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} or ${items[items.length - 1]}`;
}

function withoutUndefined(form: OpenApiSchema): OpenApiSchema {
  return Object.fromEntries(Object.entries(form).filter(([, value]) => value !== undefined));
}
