/** gRPC over plain HTTP/2: the services behind one port. */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Interceptor } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { EngineApi } from "vicinal/protocol";
import { keyCheck } from "../auth.js";
import type { RequestTally } from "../tally.js";
import { healthFile, originalsFile } from "./descriptors.js";
import { addHealth, healthService } from "./health.js";
import { addOriginals, originalsService } from "./originals.js";
import { addReflection, reflectionServices } from "./reflection.js";
import { addServices, qdrantFiles, services } from "./services.js";
import { statusOf } from "./status.js";

export interface GrpcOptions {
  engine: EngineApi;
  apiKey: string | undefined;
  bodyLimitBytes: number;
  tally: RequestTally;
}

export interface GrpcListener {
  port: number;
  /** Stops to accept, lets calls in flight finish, then resolves. */
  close(): Promise<void>;
}

/** Methods that need no key: they say nothing of the data. */
const openMethods: ReadonlySet<string> = new Set([
  "qdrant.Qdrant/HealthCheck",
  "grpc.health.v1.Health/Check",
]);

/**
 * What a session may hold, in megabytes, before it refuses further calls: the platform's 10 are less than one body.
 */
const sessionMemoryMb = 256;

/** How much a client may send ahead: the platform's 64 KiB make large upserts wait for every acknowledgement. */
const windowBytes = 2 ** 20;

/** @throws What the platform's listening throws. */
export async function listenGrpc(options: GrpcOptions, host: string, port: number): Promise<GrpcListener> {
  const { engine, apiKey, bodyLimitBytes, tally } = options;
  const answered = [...services, originalsService];
  const known = [...answered, healthService, ...reflectionServices];
  const handler = connectNodeAdapter({
    connect: false,
    grpcWeb: false,
    readMaxBytes: bodyLimitBytes,
    interceptors: apiKey === undefined ? [] : [keyInterceptor(apiKey)],
    routes(router) {
      addServices(router, engine, tally);
      addOriginals(router, engine, tally);
      addHealth(
        router,
        engine,
        answered.map(({ typeName }) => typeName),
      );
      addReflection(router, [...qdrantFiles, originalsFile, healthFile], known);
    },
  });
  const server = createServer(
    { maxSessionMemory: sessionMemoryMb, settings: { initialWindowSize: windowBytes } },
    handler,
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // A connection that breaks ends its own calls and nothing else.
    session.on("error", () => session.destroy());
  });
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.close();
      }),
  };
}

function listening(server: Http2Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function keyInterceptor(apiKey: string): Interceptor {
  const check = keyCheck(apiKey);
  return (next) => (request) => {
    if (!openMethods.has(`${request.service.typeName}/${request.method.name}`)) {
      try {
        check("", {
          "api-key": request.header.get("api-key") ?? undefined,
          authorization: request.header.get("authorization") ?? undefined,
        });
      } catch (error) {
        throw statusOf(error);
      }
    }
    return next(request);
  };
}
