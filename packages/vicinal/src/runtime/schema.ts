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
export {
  anyObject,
  array,
  type LengthOptions,
  type ObjectOf,
  type ObjectOptions,
  ObjectSchema,
  object,
  oneOrMany,
  record,
  tagged,
  union,
} from "./schema-containers.js";
export {
  createIssue,
  type Infer,
  type Issue,
  issueError,
  type OpenApiComponents,
  type OpenApiSchema,
  outOfRange,
  Schema,
  show,
  under,
} from "./schema-core.js";
export {
  lazy,
  type NameOptions,
  named,
  nestedAtMost,
  nullable,
  OptionalSchema,
  optional,
  refined,
  unsupported,
} from "./schema-modifiers.js";
export {
  anyJson,
  boolean,
  choice,
  count,
  integer,
  number,
  type RangeOptions,
  type StringOptions,
  string,
  uint64,
  unsigned,
  vector,
} from "./schema-scalars.js";
