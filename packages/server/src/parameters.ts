/** Query parameters of operations, `?wait=true&timeout=5`: their schemas, and reading them from a URL's text. */
import {
  boolean,
  type ExtendedPointId,
  issueError,
  object,
  optional,
  parsePointIdText,
  readConsistency,
  type Schema,
  unsigned,
  VicinalError,
  type WriteOptions,
  writeOptions,
} from "vicinal/protocol";
import { PartError } from "./errors.js";

const { timeout } = writeOptions.fields;

/** A point's id in a path. */
export function pathPointId(text: string): ExtendedPointId {
  try {
    return parsePointIdText(text);
  } catch (error) {
    throw error instanceof VicinalError ? new PartError("path parameters", error) : error;
  }
}

export const writeParameters = writeOptions;
export type WriteParameters = WriteOptions;

export const readParameters = object({ consistency: optional(readConsistency), timeout });
export const telemetryParameters = object({
  details_level: optional(unsigned()).describe("From 0, counts alone, to 4, each segment. Default 0."),
  per_collection: optional(boolean()).describe("Whether to count requests by collection. Default false."),
});
export const manageParameters = object({ timeout });
export const noParameters = object({});

/** A parameter's text as the value that its schema expects: URLs know only strings. */
function valueOfText(given: unknown): unknown {
  // A parameter given more than once is a list, which no schema here accepts.
  if (Array.isArray(given)) return given;
  const text = String(given);
  if (text === "true") return true;
  if (text === "false") return false;
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/**
 * @throws PartError naming the parameter. Unknown parameters are ignored.
 */
export function parseParameters<T>(schema: Schema<T>, query: Readonly<Record<string, unknown>>): T {
  const values: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(query)) values[name] = valueOfText(given);
  const issue = schema.check(values);
  if (issue !== undefined) throw new PartError("query parameters", issueError(issue));
  return values as T;
}
