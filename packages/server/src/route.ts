/** A row of the table of operations, and how its parts hang together. */
import type { IncomingHttpHeaders } from "node:http";
import type { EngineApi, Schema } from "vicinal/protocol";
import { type ResultWriter, writePlain } from "./answer.js";
import { noParameters } from "./parameters.js";

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** What a handler gets: the body is the engine's to validate, the parameters have been. */
export interface Call<Body, Parameters> {
  engine: EngineApi;
  /** The path's `{collection_name}`, or empty where the path has none. */
  collection: string;
  /** The path's other parameters. */
  path: Readonly<Record<string, string>>;
  body: Body;
  headers: IncomingHttpHeaders;
  parameters: Parameters;
}

/** An object schema: its fields are the query parameters. */
export type ParametersSchema = Schema<unknown> & {
  readonly fields: Readonly<Record<string, Schema<unknown>>>;
};

/** Where a request or an answer is not JSON. */
export interface Media {
  /** A form, with a file as its one field, or bytes of any type, as they arrive. */
  request?: { type: "multipart/form-data"; field: string } | { type: "*/*" };
  /** Bytes of a SnapshotArchive, or a BlobAnswer. */
  response?: "application/octet-stream" | "*/*";
}

export interface Route {
  /** `operationId` of Qdrant's description. */
  operation: string;
  summary: string;
  method: HttpMethod;
  /** With `{name}` for parameters. */
  path: string;
  parameters: ParametersSchema;
  body: Schema<unknown> | undefined;
  result: Schema<unknown>;
  run(call: Call<unknown, unknown>): Promise<unknown>;
  write: ResultWriter<unknown>;
  /** Whether `wait=false` answers at once, with 202, and lets the operation go on. */
  background: boolean;
  media: Media;
}

export interface Operation<B, P, R> {
  parameters?: Schema<P> & ParametersSchema;
  body?: Schema<B>;
  result: Schema<unknown>;
  run(call: Call<B, P>): Promise<R>;
  write?: ResultWriter<R>;
  background?: boolean;
  media?: Media;
}

/** A row of the table; the types of its parts are checked against each other here and forgotten after. */
export function route<B, P, R>(
  operation: string,
  method: HttpMethod,
  path: string,
  summary: string,
  { parameters, body, result, run, write, background = false, media = {} }: Operation<B, P, R>,
): Route {
  return {
    operation,
    summary,
    method,
    path,
    parameters: parameters ?? noParameters,
    body,
    result,
    run: run as Route["run"],
    write: (write ?? writePlain) as ResultWriter<unknown>,
    background,
    media,
  };
}
