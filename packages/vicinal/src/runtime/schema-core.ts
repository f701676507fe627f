/** What all schemas share: the contract, issues and their texts. */
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

  /** The same schema with a line of documentation. Copies the fields, which `#private` ones would escape. */
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

export function mismatch(expected: string, value: unknown): Issue {
  if (value === undefined) return createIssue(`is missing, expected ${expected}`);
  return createIssue(`expected ${expected}, got ${show(value)}`);
}

export function outOfRange(message: string): Issue {
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

export function listOf(items: readonly string[]): string {
  if (items.length < 2) return items.join("");
  return `${items.slice(0, -1).join(", ")} or ${items[items.length - 1]}`;
}

export function withoutUndefined(form: OpenApiSchema): OpenApiSchema {
  return Object.fromEntries(Object.entries(form).filter(([, value]) => value !== undefined));
}
