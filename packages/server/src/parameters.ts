/** Query parameters of operations, `?wait=true&timeout=5`: their schemas, and reading them from a URL's text. */
import {
  boolean,
  type Infer,
  issueError,
  object,
  optional,
  readConsistency,
  type Schema,
  unsigned,
  writeOrdering,
} from "vicinal/protocol";
import { PartError } from "./errors.js";

const timeout = optional(unsigned({ min: 1 })).describe("Seconds after which to give up waiting.");

export const writeParameters = object({
  wait: optional(boolean()).describe("Whether to answer only once the write is searchable. Default false."),
  ordering: optional(writeOrdering),
  timeout,
});
export type WriteParameters = Infer<typeof writeParameters>;

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
