/** Schemas of values with parts: arrays, records, objects; and of one form out of several. */
import {
  createIssue,
  type Infer,
  type Issue,
  listOf,
  mismatch,
  type OpenApiComponents,
  type OpenApiSchema,
  outOfRange,
  Schema,
  under,
  withoutUndefined,
} from "./schema-core.js";
import { OptionalSchema } from "./schema-modifiers.js";

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

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKeys<F> = { [K in keyof F]: F[K] extends OptionalSchema<unknown> ? K : never }[keyof F];
export type ObjectOf<F> = Simplify<
  { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & { [K in OptionalKeys<F>]?: Infer<F[K]> }
>;
type Simplify<T> = { [K in keyof T]: T[K] };

/** How many field names a message lists to describe an object. */
const shownFields = 4;

export interface ObjectOptions {
  /** Whether a field that the schema does not name is refused. Default false. */
  strict?: boolean;
  /** Whether any object is meant to be this one: in a union of which no other form is an object. Default false. */
  only?: boolean;
}

export class ObjectSchema<F extends Fields> extends Schema<ObjectOf<F>> {
  readonly expected: string;
  private readonly names: readonly string[];
  /** For each field the schema of its value when there is one. */
  private readonly present: readonly Schema<unknown>[];
  private readonly isOptional: readonly boolean[];
  private readonly required: readonly string[];
  /** The fields whose presence shows that this object is meant. */
  private readonly telling: readonly string[];

  constructor(
    readonly fields: F,
    private readonly strict: boolean,
    private readonly only: boolean,
  ) {
    super();
    this.names = Object.keys(fields);
    const schemas = Object.values(fields);
    this.present = schemas.map((field) => (field instanceof OptionalSchema ? field.inner : field));
    this.isOptional = schemas.map((field) => field instanceof OptionalSchema);
    this.required = this.names.filter((_, i) => !this.isOptional[i]);
    this.telling = this.required.length > 0 ? this.required : this.names;
    const shown = this.telling.slice(0, shownFields).map((name) => `\`${name}\``);
    this.expected = `an object with ${shown.join(", ")}`;
  }

  looksLike(value: unknown): boolean {
    return isObject(value) && (this.only || this.telling.some((name) => value[name] !== undefined));
  }

  check(value: unknown): Issue | undefined {
    if (!isObject(value)) return mismatch("an object", value);
    const { names, present, isOptional } = this;
    for (let i = 0; i < names.length; i++) {
      const field = value[names[i]];
      // Most fields of most requests are absent: decided here, without a call.
      if ((field === undefined || field === null) && isOptional[i]) continue;
      const issue = present[i].check(field);
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
  return new ObjectSchema(fields, options.strict ?? false, options.only ?? false);
}

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

class OneOrManySchema<T> extends Schema<T | T[]> {
  readonly expected: string;
  private readonly many: Schema<T[]>;

  constructor(private readonly one: Schema<T>) {
    super();
    this.expected = `${one.expected} or an array of them`;
    this.many = array(one);
  }

  looksLike(value: unknown): boolean {
    return Array.isArray(value) || this.one.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    return Array.isArray(value) ? this.many.check(value) : this.one.check(value);
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return { anyOf: [this.one.toOpenApi(components), this.many.toOpenApi(components)] };
  }
}

/** Objects in an array, or a single one without the array around it. */
export function oneOrMany<T>(one: Schema<T>): Schema<T | T[]> {
  return new OneOrManySchema(one);
}

class TaggedSchema<T> extends Schema<T> {
  readonly expected: string;

  constructor(
    private readonly tag: string,
    private readonly forms: Readonly<Record<string, Schema<unknown>>>,
  ) {
    super();
    this.expected = `an object with \`${tag}\``;
  }

  looksLike(value: unknown): boolean {
    return isObject(value) && typeof value[this.tag] === "string";
  }

  check(value: unknown): Issue | undefined {
    if (!isObject(value)) return mismatch(this.expected, value);
    const name = value[this.tag];
    if (typeof name === "string" && Object.hasOwn(this.forms, name)) return this.forms[name].check(value);
    const names = Object.keys(this.forms).map((form) => JSON.stringify(form));
    return under(this.tag, mismatch(listOf(names), name));
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return { anyOf: Object.values(this.forms).map((form) => form.toOpenApi(components)) };
  }
}

/** One of several objects, told apart by a member that names the form. */
export function tagged<const F extends Fields>(tag: string, forms: F): Schema<Infer<F[keyof F]>> {
  return new TaggedSchema(tag, forms);
}
