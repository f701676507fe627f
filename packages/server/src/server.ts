/** The server: Fastify around the table of REST operations, and gRPC beside it. */
import cors from "@fastify/cors";
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import {
  type EngineApi,
  parseCollectionName,
  parseJson,
  type RequestScope,
  type SnapshotArchive,
  VicinalError,
} from "vicinal/protocol";
import { acceptedEnvelope, envelope, errorEnvelope, writePlain } from "./answer.js";
import { keyCheck } from "./auth.js";
import { acceptBytes, type BlobAnswer, sendBlob } from "./blob-routes.js";
import { failureOf } from "./errors.js";
import type { GrpcListener } from "./grpc/index.js";
import { Metered, sequenceHeaders } from "./metered.js";
import { metrics } from "./metrics.js";
import { withNewNames } from "./old-names.js";
import { openApiDocument } from "./openapi.js";
import { parseParameters, telemetryParameters } from "./parameters.js";
import { type Route, routes } from "./routes.js";
import { readiness, versionInfo } from "./service.js";
import { acceptForms, sendArchive } from "./snapshot-files.js";
import { RequestTally } from "./tally.js";
import { type Doors, telemetry } from "./telemetry.js";

export interface ServerOptions {
  /** The database that answers, as `open` gives it. The server does not close it. */
  database: { readonly engine: EngineApi };
  /** Where failures of the server itself are logged. Default: nowhere. */
  logger?: FastifyBaseLogger;
  /** Greatest size of a request's body. Default 32 MiB, as Qdrant's. */
  bodyLimitBytes?: number;
  /**
   * Which web pages of other origins may call: none, all, or the given origins. Default none, since a page that
   * the user happens to visit could otherwise read a database on the same machine.
   */
  cors?: boolean | readonly string[];
  /** The secret that requests must carry as header `api-key` or bearer token. Default: none is asked for. */
  apiKey?: string;
}

export interface ListenOptions {
  /** Default 127.0.0.1: this machine only. */
  host?: string;
  /** Default 6333; 0 takes any free one. */
  port?: number;
  /** Where gRPC answers: default the port after `port`, or any free one where that is 0; `false` for nowhere. */
  grpcPort?: number | false;
}

/** Where a server answers. */
export interface ServerAddress {
  host: string;
  port: number;
  /** `http://127.0.0.1:6333` */
  url: string;
  /** Absent where gRPC is off. */
  grpcPort?: number;
}

export interface Server {
  /**
   * Starts to answer.
   * @throws ADDRESS_UNAVAILABLE naming host and port, when the port is taken or may not be used.
   */
  listen(options?: ListenOptions): Promise<ServerAddress>;
  /** Stops to accept, lets requests in flight finish, then resolves. */
  close(): Promise<void>;
}

export const defaultHost = "127.0.0.1";
export const defaultPort = 6333;
export const defaultBodyLimitBytes = 32 * 2 ** 20;

/** The port that a URL leaves out. */
const httpPort = 80;

/** A longer name of a collection is refused for its length, also where one is asked for. */
const nameLengthMax = 255;

/** Longest path parameter: a collection's name with every byte percent-encoded. */
const parameterLengthMax = 4096;

/** A client that needs longer to send its request is cut off, so that it cannot hold a connection for ever. */
const requestTimeoutMs = 300_000;

const jsonType = "application/json";

declare module "fastify" {
  interface FastifyRequest {
    /** `performance.now()` at arrival. */
    startedMs: number;
  }
  interface FastifyContextConfig {
    /** The path with `{name}` for parameters, for metrics. */
    pattern?: string;
  }
}

export function createServer(options: ServerOptions): Server {
  const doors: Doors = { rest: new RequestTally(), grpc: new RequestTally() };
  const app = createApp(options, doors);
  let grpc: GrpcListener | undefined;

  async function listenRest(host: string, port: number): Promise<string> {
    try {
      return await app.listen({ host, port });
    } catch (cause) {
      throw listenError(cause, host, port);
    }
  }

  /** The services are loaded where they are asked for. */
  async function startGrpc(host: string, port: number): Promise<GrpcListener> {
    const { listenGrpc } = await import("./grpc/index.js");
    const { apiKey, bodyLimitBytes = defaultBodyLimitBytes } = options;
    const { engine } = options.database;
    try {
      return await listenGrpc({ engine, apiKey, bodyLimitBytes, tally: doors.grpc }, host, port);
    } catch (cause) {
      await app.close();
      throw listenError(cause, host, port);
    }
  }

  return {
    async listen({ host = defaultHost, port = defaultPort, grpcPort = portAfter(port) } = {}) {
      const url = await listenRest(host, port);
      const address = { host, port: Number(new URL(url).port || httpPort), url };
      if (grpcPort === false) return address;
      grpc = await startGrpc(host, grpcPort);
      return { ...address, grpcPort: grpc.port };
    },
    async close() {
      await Promise.all([app.close(), grpc?.close()]);
    },
  };
}

/** Any free port is followed by any free port. */
function portAfter(port: number): number {
  return port === 0 ? 0 : port + 1;
}

function createApp(options: ServerOptions, doors: Doors): FastifyInstance {
  const { bodyLimitBytes = defaultBodyLimitBytes } = options;
  const { engine } = options.database;
  const app = fastify({
    bodyLimit: bodyLimitBytes,
    requestTimeout: requestTimeoutMs,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: parameterLengthMax },
    // What the HTTP layer refuses before any hook or handler, such as a path that is no URL.
    frameworkErrors(error, _request, reply) {
      const { status, text } = failureOf(error, bodyLimitBytes);
      sendJson((reply as FastifyReply).code(status), errorEnvelope(text, performance.now()));
    },
    ...(options.logger ? { loggerInstance: options.logger, disableRequestLogging: true } : {}),
  }) as FastifyInstance;
  app.decorateRequest("startedMs", 0);
  app.addHook("onRequest", async (request) => {
    request.startedMs = performance.now();
  });
  app.addHook("onResponse", async (request, reply) => {
    const pattern = request.routeOptions.config.pattern;
    if (pattern === undefined) return;
    const { collection_name: collection } = request.params as Record<string, string | undefined>;
    const durationMs = performance.now() - request.startedMs;
    const isAnswered = reply.statusCode < 400;
    doors.rest.add(`${request.method} ${pattern}`, reply.statusCode, durationMs, isAnswered, collection);
  });
  if (options.cors) {
    const origin = options.cors === true ? "*" : [...options.cors];
    app.register(cors, { origin, exposedHeaders: [sequenceHeaders.given] });
  }
  if (options.apiKey !== undefined) {
    const check = keyCheck(options.apiKey);
    app.addHook("onRequest", async (request) =>
      check(request.routeOptions.url ?? request.url, request.headers),
    );
  }

  // Only this type: browsers then ask before a page of another origin may send a body.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(jsonType, { parseAs: "buffer" }, async (_request: FastifyRequest, body: Buffer) =>
    body.length === 0 ? undefined : parseJson(body),
  );

  app.setErrorHandler((error, request, reply) => {
    const { status, text, retryAfterSec } = failureOf(error, bodyLimitBytes);
    if (status >= 500) request.log.error(error);
    if (retryAfterSec !== undefined) reply.header("retry-after", retryAfterSec);
    return sendJson(reply.code(status), errorEnvelope(text, request.startedMs));
  });
  app.setNotFoundHandler((request, reply) =>
    sendJson(
      reply.code(404),
      errorEnvelope(`Not found: ${request.method} ${request.url}`, request.startedMs),
    ),
  );

  for (const route of routes) if (!route.media.request) addRoute(app, route, engine);
  app.register(async (scope) => {
    acceptForms(scope, (origin) => options.cors === true || (options.cors || []).includes(origin));
    for (const route of routes)
      if (route.media.request?.type === "multipart/form-data") addRoute(scope, route, engine);
  });
  app.register(async (scope) => {
    acceptBytes(scope);
    for (const route of routes) if (route.media.request?.type === "*/*") addRoute(scope, route, engine);
  });
  addServiceRoutes(app, engine, doors);
  return app;
}

function addRoute(app: FastifyInstance, route: Route, engine: EngineApi): void {
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
    config: { pattern: route.path },
    handler: async (request, reply) => {
      const path = request.params as Record<string, string>;
      const parameters = parseParameters(route.parameters, request.query as Record<string, unknown>);
      const collection = path.collection_name ?? "";
      if (collection.length > nameLengthMax) parseCollectionName(collection);
      const operationId = request.headers["idempotency-key"] as string | undefined;
      const minSequence = request.headers[sequenceHeaders.wanted] as string | undefined;
      const { consistency } = parameters as Pick<RequestScope, "consistency">;
      const signal = untilGone(reply);
      const metered = new Metered(engine, { operationId, consistency, minSequence, signal });
      const running = route.run({
        engine: metered.engine,
        collection,
        path,
        headers: request.headers,
        body: route.media.request ? request.body : withTimeout(withNewNames(request.body), parameters),
        parameters,
      });
      if (route.background && (parameters as { wait?: boolean }).wait === false) {
        running.catch((error: unknown) => request.log.error(error));
        return sendJson(reply.code(202), acceptedEnvelope(request.startedMs));
      }
      const result = await running;
      if (metered.sequence !== undefined) reply.header(sequenceHeaders.given, metered.sequence);
      if (route.media.response === "*/*") return sendBlob(reply, result as BlobAnswer);
      if (route.media.response) return sendArchive(reply, result as SnapshotArchive);
      return sendJson(reply, envelope(result, route.write, request.startedMs, metered.inference));
    },
  });
}

/** Aborted when the client leaves before it has its answer. */
function untilGone({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** The engine's operations have the options beside a body as members of it. */
function withTimeout(body: unknown, parameters: unknown): unknown {
  const { timeout } = parameters as { timeout?: number };
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  return timeout !== undefined && isObject ? { ...body, timeout } : body;
}

function addServiceRoutes(app: FastifyInstance, engine: EngineApi, doors: Doors): void {
  const config = (pattern: string) => ({ config: { pattern } });
  const document = JSON.stringify(openApiDocument());

  app.get("/", config("/"), async () => versionInfo);
  app.get("/healthz", async (_request, reply) => reply.type("text/plain").send("healthz check passed"));
  app.get("/livez", async (_request, reply) => reply.type("text/plain").send("healthz check passed"));
  app.get("/readyz", async (_request, reply) => {
    return reply.type("text/plain").send(await readiness(engine));
  });
  app.get("/openapi.json", async (_request, reply) => reply.type(jsonType).send(document));
  app.get("/telemetry", config("/telemetry"), async (request, reply) => {
    const query = request.query as Record<string, unknown>;
    const { details_level, per_collection } = parseParameters(telemetryParameters, query);
    const asked = { level: details_level ?? 0, perCollection: per_collection === true };
    const told = await telemetry(engine, doors, asked);
    return sendJson(reply, envelope(told, writePlain, request.startedMs));
  });
  app.get("/metrics", async (request, reply) => {
    const query = request.query as Record<string, unknown>;
    const { per_collection } = parseParameters(telemetryParameters, query);
    return reply
      .type("text/plain; version=0.0.4")
      .send(await metrics(engine, doors, per_collection === true));
  });
}

function sendJson(reply: FastifyReply, bytes: Buffer): FastifyReply {
  return reply.header("content-type", jsonType).send(bytes);
}

const listenReasons: Record<string, string> = {
  EADDRINUSE: "the port is taken by another process",
  EACCES: "this user may not use the port",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "the host name is unknown",
  ERR_SOCKET_BAD_PORT: "a port is a number from 0 to 65535",
};

function listenError(cause: unknown, host: string, port: number): unknown {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === undefined) return cause;
  const reason = listenReasons[code] ?? message;
  return new VicinalError(
    "ADDRESS_UNAVAILABLE",
    `Cannot listen on ${host}:${port}: ${reason}`,
    { host, port },
    { cause },
  );
}
