/** Failures as gRPC statuses: the code that Qdrant answers with, and the text of the REST door. */
import { Code, ConnectError } from "@connectrpc/connect";
import { type ErrorCode, VicinalError } from "vicinal/protocol";
import { labelled, retryAfterSec } from "../errors.js";

/** Codes whose HTTP status would name another gRPC code. */
const codes: Partial<Record<ErrorCode, Code>> = { CANCELLED: Code.Canceled };

const codesOfStatus: Readonly<Record<number, Code>> = {
  400: Code.InvalidArgument,
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.NotFound,
  408: Code.DeadlineExceeded,
  409: Code.AlreadyExists,
  413: Code.ResourceExhausted,
  422: Code.InvalidArgument,
  429: Code.ResourceExhausted,
  501: Code.Unimplemented,
  503: Code.Unavailable,
  507: Code.ResourceExhausted,
};

/** What a handler threw, as the client gets it. */
export function statusOf(error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof VicinalError) {
    const code = codes[error.code] ?? codesOfStatus[error.status] ?? Code.Internal;
    const seconds = retryAfterSec(error);
    const metadata = seconds === undefined ? undefined : { "retry-after": String(seconds) };
    return new ConnectError(labelled(error, "body"), code, metadata, undefined, error);
  }
  const message = error instanceof Error ? error.message : String(error);
  return new ConnectError(`Service internal error: ${message}`, Code.Internal, undefined, undefined, error);
}
