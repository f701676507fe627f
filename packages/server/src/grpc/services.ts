/** The services Collections, Points, Snapshots and Qdrant: each method turns its message into a body, calls, and turns back. */
import { create, type DescFile, type DescMethod, type DescService, type Message } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { file_qdrant, HealthCheckReplySchema } from "@qdrant/js-client-grpc";
import { type EngineApi, type RequestScope, VicinalError } from "vicinal/protocol";
import { Metered, sequenceHeaders } from "../metered.js";
import { versionInfo } from "../service.js";
import type { RequestTally } from "../tally.js";
import { type Decoded, fromMessage } from "./from-message.js";
import { type Body, collections, type Operation, points, snapshots } from "./operations.js";
import { statusOf } from "./status.js";
import { toMessage } from "./to-message.js";

/** All files of Qdrant's API, each once. */
export const qdrantFiles: readonly DescFile[] = [...withDependencies(file_qdrant)];

function withDependencies(file: DescFile, found = new Set<DescFile>()): Set<DescFile> {
  if (found.has(file)) return found;
  for (const dependency of file.dependencies) withDependencies(dependency, found);
  return found.add(file);
}

function service(typeName: string): DescService {
  const found = qdrantFiles.flatMap(({ services }) => services).find((one) => one.typeName === typeName);
  if (found === undefined) throw new VicinalError("INTERNAL", `No descriptor of the service ${typeName}`);
  return found;
}

const qdrant = service("qdrant.Qdrant");

/** The services that are answered, and the rows that answer them. */
const tables: readonly (readonly [DescService, Readonly<Record<string, Operation>>])[] = [
  [service("qdrant.Collections"), collections],
  [service("qdrant.Points"), points],
  [service("qdrant.Snapshots"), snapshots],
];

export const services: readonly DescService[] = [...tables.map(([desc]) => desc), qdrant];

/** Fields that REST has in its path and its query parameters; the rest is its body, with the `timeout`. */
const beside = ["collection_name", "wait", "ordering", "read_consistency"] as const;

export function addServices(router: ConnectRouter, engine: EngineApi, tally: RequestTally): void {
  for (const [desc, operations] of tables) {
    const methods: Record<string, unknown> = {};
    for (const method of desc.methods) {
      const run = operations[method.name];
      if (run !== undefined && method.methodKind === "unary")
        methods[method.localName] = handler(method, run, engine, tally);
    }
    // The router answers the methods that are not there as not implemented.
    router.service(desc, methods as Partial<ServiceImpl<DescService>>);
  }
  router.service(qdrant, {
    healthCheck: () =>
      create(HealthCheckReplySchema, { title: versionInfo.title, version: versionInfo.version }),
  } as unknown as Partial<ServiceImpl<DescService>>);
}

/** A number of replicas, or one of the names, which all come to the same here. */
function consistencyOf(given: { factor?: unknown } | undefined): RequestScope["consistency"] {
  if (given === undefined) return undefined;
  return given.factor === undefined ? "all" : Number(given.factor);
}

function handler(method: DescMethod, run: Operation, engine: EngineApi, tally: RequestTally) {
  const endpoint = `/${method.parent.typeName}/${method.name}`;
  return async (message: Message, context: HandlerContext): Promise<Message> => {
    const { requestHeader, responseHeader, signal } = context;
    const startedMs = performance.now();
    const count = (code: number, collection?: string) =>
      tally.add(endpoint, code, performance.now() - startedMs, code === 0, collection);
    try {
      const body = fromMessage(method.input, message as Decoded) as Body;
      const { collection_name: collection = "", wait, timeout } = body as { collection_name?: string } & Body;
      if (timeout === 0)
        throw new VicinalError("OUT_OF_RANGE", "timeout: value 0 invalid, must be 1 or larger", {
          path: "timeout",
        });
      const consistency = consistencyOf(
        (body as { read_consistency?: { factor?: unknown } }).read_consistency,
      );
      for (const name of beside) delete body[name];
      const metered = new Metered(engine, {
        operationId: requestHeader.get("idempotency-key") ?? undefined,
        consistency,
        minSequence: requestHeader.get(sequenceHeaders.wanted) ?? undefined,
        signal,
      });
      const result = await run({ engine: metered.engine, collection, body, wait: wait === true });
      const time = (performance.now() - startedMs) / 1000;
      const usage = metered.inference && { inference: metered.inference };
      const answer = toMessage(method.output, { ...result, time, usage }) as unknown as Message;
      if (metered.sequence !== undefined) responseHeader.set(sequenceHeaders.given, metered.sequence);
      count(0, collection);
      return answer;
    } catch (error) {
      const status = statusOf(error);
      count(status.code);
      throw status;
    }
  };
}
