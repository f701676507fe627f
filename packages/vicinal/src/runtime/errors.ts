/**
 * The error catalogue: every failure a caller can meet has a code, an HTTP status and one line of
 * documentation here. Messages name the culprit (a field, a file, an id); codes are stable API.
 */
export const errorCatalogue = {
  BAD_REQUEST: { status: 400, summary: "The request does not have the form that the operation asks for." },
  OUT_OF_RANGE: { status: 422, summary: "A value has the right kind but lies outside what is allowed." },
  WRONG_DIMENSION: { status: 400, summary: "A vector has another length than its collection says." },
  BAD_VECTOR: { status: 400, summary: "A vector holds NaN, an infinity or something that is no number." },
  BAD_POINT_ID: { status: 400, summary: "A point id is neither an unsigned 64-bit integer nor a UUID." },
  NOT_TRAINED: { status: 400, summary: "An index or codec must be trained before it is used so." },
  UNKNOWN_VECTOR: { status: 400, summary: "The collection has no vector of that name." },
  UNKNOWN_MODEL: { status: 400, summary: "There is no model of that name, built in or given as a hook." },
  INPUT_REFUSED: {
    status: 422,
    summary: "A model makes no vector of an input of the request: it is damaged, empty or of another kind.",
  },
  HOOK_FAILED: { status: 500, summary: "A hook threw, took too long or answered what it may not." },
  BAD_FILTER: { status: 400, summary: "A filter condition is not understood." },
  COLLECTION_NOT_FOUND: { status: 404, summary: "There is no collection of that name." },
  COLLECTION_EXISTS: { status: 409, summary: "A collection of that name exists already." },
  ALIAS_NOT_FOUND: { status: 404, summary: "There is no alias of that name." },
  POINT_NOT_FOUND: { status: 404, summary: "There is no point with that id." },
  BLOB_NOT_FOUND: { status: 404, summary: "The point has no blob of that name." },
  VERSION_CONFLICT: { status: 409, summary: "A point has another version than the write was made for." },
  JOB_NOT_FOUND: { status: 404, summary: "There is no job with that id, or it was forgotten." },
  SNAPSHOT_NOT_FOUND: { status: 404, summary: "There is no snapshot of that name." },
  BUSY: { status: 429, summary: "As many jobs are running as may." },
  BODY_TOO_LARGE: { status: 413, summary: "The request is larger than the configured limit." },
  STRICT_MODE: {
    status: 400,
    summary: "The collection's strict mode does not allow what the request asks for.",
  },
  RATE_LIMITED: {
    status: 429,
    summary: "The collection's strict mode allows no more requests for now; `retryAfterMs` says when.",
  },
  OVER_QUOTA: { status: 507, summary: "Memory or disk is as full as the quotas allow; deletions are taken." },
  STANDALONE: { status: 405, summary: "The operation needs several nodes, and this is the only one." },
  UNSUPPORTED: { status: 501, summary: "The operation is known but not available in this version." },
  CANCELLED: { status: 408, summary: "The caller cancelled the operation." },
  CLOSED: { status: 503, summary: "The database, index or codec is closed." },
  CORRUPTION: { status: 500, summary: "Stored bytes do not match their checksum or their format." },
  FILE_EXISTS: { status: 500, summary: "A file that must be created exclusively exists already." },
  FILE_NOT_FOUND: { status: 500, summary: "A file that the manifest names is absent." },
  FOLDER_IN_USE: { status: 503, summary: "Another process holds the data folder." },
  FOLDER_NOT_WRITABLE: { status: 503, summary: "The data folder cannot be written." },
  READ_ONLY: { status: 403, summary: "The database was opened for reading only." },
  FENCED: { status: 503, summary: "Another writer has taken over the data folder." },
  WRITES_REFUSED: {
    status: 503,
    summary: "A sync failed; writes are refused until the database is reopened.",
  },
  CLUSTER_UNAVAILABLE: { status: 503, summary: "The cluster's coordination service does not answer." },
  NOT_OWNER: { status: 503, summary: "The node does not take the shard's writes (any more); another does." },
  SHARD_UNAVAILABLE: { status: 503, summary: "No node that holds the shard answers." },
  ROUTING_CHANGED: { status: 503, summary: "Points lie in other shards since the request was sent on." },
  UNKNOWN_OUTCOME: {
    status: 503,
    summary: "The cluster did not say in time whether the write is done; it may be.",
  },
  DIVERGED: {
    status: 500,
    summary: "A replica's log is another than its owner wrote; the replica is stopped.",
  },
  OUT_OF_MEMORY: { status: 507, summary: "The memory that the operation needs cannot be had." },
  MEMORY_BUDGET: {
    status: 507,
    summary: "What is stored, or was to be written, does not fit the database's memory budget.",
  },
  ADDRESS_UNAVAILABLE: {
    status: 503,
    summary: "The server cannot listen on the host and port it was given.",
  },
  UNAUTHORIZED: { status: 401, summary: "The request carries no API key." },
  FORBIDDEN: { status: 403, summary: "The request's API key is not the server's." },
  DISK_FULL: { status: 507, summary: "The disk has no room for what was to be written." },
  IO: { status: 500, summary: "The operating system reported a failure of input or output." },
  INTERNAL: { status: 500, summary: "A rule that the engine relies on was broken; please report it." },
} as const satisfies Record<string, { status: number; summary: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

const brand = Symbol.for("vicinal.error");

/** The one error type that Vicinal throws on purpose; `instanceof` knows those of other copies of this module too. */
export class VicinalError extends Error {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }
  get [brand](): true {
    return true;
  }
  override readonly name = "VicinalError";
  readonly code: ErrorCode;
  /** HTTP status that a server answers with. */
  readonly status: number;
  /** What the message says, for programs: path, offset, expected, actual, field, ... */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.details = details;
  }
}

/** A stored file does not hold what was written: names the file and the place. */
export function corruption(
  path: string,
  offset: number,
  expected: string | number,
  actual: string | number,
  what: string,
): VicinalError {
  return new VicinalError(
    "CORRUPTION",
    `Corrupted file ${path} at offset ${offset}: ${what}: expected ${expected}, found ${actual}`,
    { path, offset, expected, actual, what },
  );
}
