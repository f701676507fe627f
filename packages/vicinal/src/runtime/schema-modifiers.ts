/** Schemas around another: optional, nullable, not supported yet, named, recursive, with a rule of its own. */
import type { ErrorCode } from "./errors.js";
import {
  createIssue,
  type Issue,
  type OpenApiComponents,
  type OpenApiSchema,
  Schema,
} from "./schema-core.js";

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

class NestedSchema<T> extends Schema<T> {
  readonly expected: string;
  /** Values of this schema around the one that is being checked. */
  private readonly around = { depth: 0 };

  constructor(
    private readonly limit: number,
    private readonly inner: Schema<T>,
  ) {
    super();
    this.expected = inner.expected;
  }

  looksLike(value: unknown): boolean {
    return this.inner.looksLike(value);
  }

  check(value: unknown): Issue | undefined {
    const { around, limit } = this;
    if (around.depth === limit) return createIssue(`nested deeper than ${limit} levels`);
    around.depth++;
    try {
      return this.inner.check(value);
    } finally {
      around.depth--;
    }
  }

  protected render(components: OpenApiComponents): OpenApiSchema {
    return this.inner.toOpenApi(components);
  }
}

/** A schema that refers to itself, up to so many levels: neither the check nor what follows may exhaust the stack. */
export function nestedAtMost<T>(limit: number, inner: Schema<T>): Schema<T> {
  return new NestedSchema(limit, inner);
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
