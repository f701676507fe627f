/**
 * Failures as HTTP answers: status and text.
 *
 * The engine's messages name the culprit. Those about a request's form get the label that Qdrant's answers start
 * with, which programs look for: `Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]`.
 */
import { collectionNameParameter, type ErrorCode, VicinalError } from "vicinal/protocol";

/** Where a request's faulty part came from, as the texts name it. */
export type RequestPart = "headers" | "JSON body" | "body" | "path parameters" | "query parameters";

/** A refused part of a request other than its body; without it a schema's error is taken for the body's. */
export class PartError extends Error {
  constructor(
    readonly part: RequestPart,
    readonly reason: VicinalError,
  ) {
    super(reason.message, { cause: reason });
  }
}

export interface HttpFailure {
  status: number;
  text: string;
  /** When to ask again, where that is known. */
  retryAfterSec?: number;
}

export function retryAfterSec({ details }: VicinalError): number | undefined {
  const { retryAfterMs } = details;
  return typeof retryAfterMs === "number" ? Math.ceil(retryAfterMs / 1000) : undefined;
}

/** Codes of faults in a request's form; all other messages stand for themselves. */
const formCodes: ReadonlySet<ErrorCode> = new Set([
  "BAD_REQUEST",
  "BAD_VECTOR",
  "BAD_POINT_ID",
  "BAD_FILTER",
  "STRICT_MODE",
]);

/** What the engine's own refusals of a value begin with: it does not know by which door the request came. */
const validation = "Validation error in JSON body: ";
/** What a message begins with that says itself what kind of fault it tells. */
const ownLabel = /^(Bad request|Wrong input): /;

/** The text of a refusal, with the label of the part that it is about. */
export function labelled({ code, message, status, details }: VicinalError, part: RequestPart): string {
  if (message.startsWith(validation))
    return `Validation error in ${part}: ${message.slice(validation.length)}`;
  if (code === "OUT_OF_RANGE") return `Validation error in ${part}: [${message}]`;
  if (formCodes.has(code) && !ownLabel.test(message)) {
    const namesPlace = "path" in details || "field" in details || "offset" in details;
    return namesPlace ? `Format error in ${part}: ${message}` : `Bad request: ${message}`;
  }
  return status === 500 ? `Service internal error: ${message}` : message;
}

/**
 * A query's fields lie in an inner object in Qdrant, which shows where it refuses a value, and nowhere else:
 * `[internal.limit: value 0 invalid, must be 1 or larger]`.
 */
export function throwInner(error: unknown): never {
  if (error instanceof VicinalError && error.code === "OUT_OF_RANGE")
    throw new VicinalError(error.code, `internal.${error.message}`, error.details, { cause: error });
  throw error;
}

interface FastifyFailure extends Error {
  statusCode?: number;
  code?: string;
}

/** What to answer to anything that a handler or the HTTP layer threw. */
export function failureOf(error: unknown, bodyLimitBytes: number): HttpFailure {
  if (error instanceof PartError)
    return { status: error.reason.status, text: labelled(error.reason, error.part) };
  if (error instanceof VicinalError) {
    const inPath = error.details.path === collectionNameParameter;
    const text = labelled(error, inPath ? "path parameters" : "JSON body");
    return { status: error.status, text, retryAfterSec: retryAfterSec(error) };
  }
  const { statusCode = 500, code, message } = error as FastifyFailure;
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return {
      status: 413,
      text: `JSON payload is larger than allowed (limit: ${bodyLimitBytes} bytes).`,
    };
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    return { status: 400, text: "Content type error: expected application/json" };
  if (statusCode >= 500) return { status: statusCode, text: `Service internal error: ${message}` };
  return { status: statusCode, text: `Bad request: ${message}` };
}
