/** The official gRPC client against the server, with the engine behind it. */
import { create, createFileRegistry, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import {
  type AliasOperationsSchema,
  Distance,
  Fusion,
  PointStructSchema,
  QdrantClient,
  type QuerySchema,
  type StrictModeConfigSchema,
  toDenseVector,
  type ValueSchema,
} from "@qdrant/js-client-grpc";
import { open } from "vicinal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createServer } from "../server.js";
import { healthService } from "./health.js";
import { reflectionServices } from "./reflection.js";

type Value = MessageInitShape<typeof ValueSchema>;

let client: QdrantClient;
let port: number | undefined;
let close: () => Promise<void>;

async function start(apiKey?: string, sentKey = apiKey): Promise<void> {
  const database = await open(":memory:");
  const server = createServer({ database, apiKey });
  const { grpcPort } = await server.listen({ port: 0 });
  port = grpcPort;
  client = new QdrantClient({
    host: "127.0.0.1",
    port: grpcPort,
    checkCompatibility: false,
    https: false,
    apiKey: sentKey,
  });
  close = async () => {
    await server.close();
    await database.close();
  };
}

beforeEach(() => start());
afterEach(() => close());

const points = () => client.api("points");
const collections = () => client.api("collections");

const int = (value: bigint): Value => ({ kind: { case: "integerValue", value } });
const text = (value: string): Value => ({ kind: { case: "stringValue", value } });
const num = (value: bigint) => ({ pointIdOptions: { case: "num" as const, value } });
const dense = (data: number[]) => ({
  vectorsOptions: {
    case: "vector" as const,
    value: { vector: { case: "dense" as const, value: { data } } },
  },
});
const nearest = (data: number[]) => ({
  variant: {
    case: "nearest" as const,
    value: { variant: { case: "dense" as const, value: { data } } },
  },
});
const everything = { selectorOptions: { case: "enable" as const, value: true } };

async function makeCities(): Promise<void> {
  await collections().create({
    collectionName: "cities",
    vectorsConfig: { config: { case: "params", value: { size: 2n, distance: Distance.Dot } } },
    metadata: { owner: text("tests") },
  });
  await points().upsert({
    collectionName: "cities",
    wait: true,
    points: [
      { id: num(1n), vectors: dense([1, 0]), payload: { rank: int(1n), city: text("Bern") } },
      { id: num(2n), vectors: dense([0, 1]), payload: { rank: int(2n), city: text("Rome") } },
      { id: num(2n ** 63n + 1n), vectors: dense([0.5, 0.5]), payload: { rank: int(2n ** 53n + 1n) } },
    ],
  });
}

const rankIs = (value: bigint) => ({
  must: [
    {
      conditionOneOf: {
        case: "field" as const,
        value: { key: "rank", match: { matchValue: { case: "integer" as const, value } } },
      },
    },
  ],
});

async function codeOf(promise: Promise<unknown>): Promise<[Code, string]> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  if (!(error instanceof ConnectError)) throw new Error(`Expected a refusal, got ${error}`);
  return [error.code, error.rawMessage];
}

describe("collections", () => {
  test("live and die", async () => {
    await makeCities();
    const { collections: listed } = await collections().list({});
    expect(listed.map(({ name }) => name)).toEqual(["cities"]);
    const { result } = await collections().get({ collectionName: "cities" });
    expect(result?.pointsCount).toBe(3n);
    expect(result?.optimizerStatus?.ok).toBe(true);
    const { config } = result?.config?.params?.vectorsConfig ?? {};
    expect(config).toMatchObject({ case: "params", value: { size: 2n, distance: Distance.Dot } });
    expect(result?.config?.metadata.owner.kind.value).toBe("tests");
    const exists = async () => (await collections().collectionExists({ collectionName: "cities" })).result;
    expect((await exists())?.exists).toBe(true);
    expect((await collections().delete({ collectionName: "cities" })).result).toBe(true);
    expect((await exists())?.exists).toBe(false);
  });

  test("have aliases", async () => {
    await makeCities();
    const change = (...actions: MessageInitShape<typeof AliasOperationsSchema>[]) =>
      collections().updateAliases({ actions });
    const named = { case: "createAlias" as const, value: { collectionName: "cities", aliasName: "live" } };
    expect((await change({ action: named })).result).toBe(true);
    const renamed = {
      case: "renameAlias" as const,
      value: { oldAliasName: "live", newAliasName: "towns" },
    };
    await change({ action: renamed });
    const all = (await collections().listAliases({})).aliases;
    expect(all.map(({ aliasName, collectionName }) => [aliasName, collectionName])).toEqual([
      ["towns", "cities"],
    ]);
    const { aliases } = await collections().listCollectionAliases({ collectionName: "cities" });
    expect(aliases).toEqual(all);
    expect((await points().count({ collectionName: "towns" })).result?.count).toBe(3n);
    await change({ action: { case: "deleteAlias", value: { aliasName: "towns" } } });
    expect((await collections().listAliases({})).aliases).toEqual([]);
    expect(await codeOf(change({ action: renamed }))).toEqual([
      Code.NotFound,
      "Not found: Alias live does not exists!",
    ]);
  });

  test("have a strict mode", async () => {
    await makeCities();
    const limit = (strictModeConfig: MessageInitShape<typeof StrictModeConfigSchema>) =>
      collections().update({
        collectionName: "cities",
        strictModeConfig: { enabled: true, ...strictModeConfig },
      });
    const count = (timeout?: bigint) => points().count({ collectionName: "cities", exact: false, timeout });
    await limit({ maxTimeout: 2 });
    await count(2n);
    const [code, text] = await codeOf(count(3n));
    expect(code).toBe(Code.InvalidArgument);
    expect(text).toContain('Limit exceeded 3 > 2 for "timeout"');
    await limit({ readRateLimit: 1 });
    await count();
    // The client makes an error of its own of it where the answer says when to come again.
    const { cause } = await count().catch((reason) => reason);
    expect(cause).toMatchObject({ code: Code.ResourceExhausted, retry_after: expect.any(Number) });
    const { result } = await collections().get({ collectionName: "cities" });
    expect(result?.config?.strictModeConfig).toMatchObject({
      enabled: true,
      maxTimeout: 2,
      readRateLimit: 1,
    });
  });

  test("have indexes of payload fields, described as they were made", async () => {
    await makeCities();
    await points().createFieldIndex({
      collectionName: "cities",
      wait: true,
      fieldName: "rank",
      fieldIndexParams: {
        indexParams: { case: "integerIndexParams", value: { lookup: true, range: false } },
      },
    });
    const { result } = await collections().get({ collectionName: "cities" });
    expect(result?.payloadSchema.rank.params?.indexParams).toMatchObject({
      case: "integerIndexParams",
      value: { lookup: true, range: false },
    });
  });
});

describe("points", () => {
  beforeEach(makeCities);

  test("come back as they were written, ids and integers exact", async () => {
    const id = 2n ** 63n + 1n;
    const { result } = await points().get({
      collectionName: "cities",
      ids: [num(id)],
      withPayload: everything,
      withVectors: everything,
    });
    expect(result.map((point) => point.id?.pointIdOptions.value)).toEqual([id]);
    expect(result[0].payload.rank.kind).toEqual({ case: "integerValue", value: 2n ** 53n + 1n });
    const { case: kind, value } = result[0].vectors?.vectorsOptions ?? {};
    if (kind !== "vector") throw new Error("Expected the vector without a name");
    expect([...(toDenseVector(value as never)?.data ?? [])]).toEqual([0.5, 0.5]);
  });

  test("are found by vector and filter", async () => {
    const { result } = await points().query({
      collectionName: "cities",
      query: nearest([1, 0]),
      limit: 2n,
      withPayload: everything,
    });
    expect(result.map(({ id, score }) => [id?.pointIdOptions.value, score])).toEqual([
      [1n, 1],
      [2n ** 63n + 1n, 0.5],
    ]);
    const filtered = await points().query({
      collectionName: "cities",
      query: nearest([1, 0]),
      filter: rankIs(2n),
    });
    expect(filtered.result.map(({ id }) => id?.pointIdOptions.value)).toEqual([2n]);
    const older = await points().search({ collectionName: "cities", vector: [1, 0], limit: 1n });
    expect(older.result.map(({ id }) => id?.pointIdOptions.value)).toEqual([1n]);
    const batch = await points().queryBatch({
      collectionName: "cities",
      queryPoints: [
        { query: nearest([1, 0]), limit: 1n },
        { query: nearest([0, 1]), limit: 1n },
      ],
    });
    expect(batch.result.map((one) => one.result.map(({ id }) => id?.pointIdOptions.value))).toEqual([
      [1n],
      [2n],
    ]);
  });

  test("are found over prefetches, by rank, by score, by a vector and by diversity", async () => {
    const prefetch = [
      { query: nearest([1, 0]), limit: 2n },
      { query: nearest([0, 1]), limit: 1n, filter: rankIs(2n) },
    ];
    const fused = async (variant: MessageInitShape<typeof QuerySchema>["variant"]) => {
      const { result } = await points().query({ collectionName: "cities", prefetch, query: { variant } });
      return result.map(({ id, score }) => [id?.pointIdOptions.value, score]);
    };
    const large = 2n ** 63n + 1n;
    expect(await fused({ case: "fusion", value: Fusion.RRF })).toEqual([
      [1n, 0.5],
      [2n, 0.5],
      [large, Math.fround(1 / 3)],
    ]);
    const weights = { case: "rrf" as const, value: { k: 1, weights: [1, 4] } };
    expect(await fused(weights)).toEqual([
      [2n, 4],
      [1n, 1],
      [large, 0.5],
    ]);
    const distribution = Math.fround(0.5 + 0.5 / Math.sqrt(2) / 3);
    expect(await fused({ case: "fusion", value: Fusion.DBSF })).toMatchObject([
      [1n, expect.closeTo(distribution, 5)],
      [2n, 0.5],
      [large, expect.closeTo(1 - distribution, 5)],
    ]);
    expect(await fused(nearest([0, 1]).variant)).toEqual([
      [2n, 1],
      [large, 0.5],
      [1n, 0],
    ]);
    const { value } = nearest([1, 0.2]).variant;
    const mmr = { nearest: value, mmr: { diversity: 0.9, candidatesLimit: 3 } };
    const varied = await fused({ case: "nearestWithMmr", value: mmr });
    expect(varied.map(([id]) => id)).toEqual([1n, 2n, large]);
  });

  test("are paged, counted and deleted", async () => {
    const page = await points().scroll({ collectionName: "cities", limit: 2 });
    expect(page.result.map(({ id }) => id?.pointIdOptions.value)).toEqual([1n, 2n]);
    expect(page.nextPageOffset?.pointIdOptions.value).toBe(2n ** 63n + 1n);
    const counted = async () => (await points().count({ collectionName: "cities" })).result?.count;
    expect(await counted()).toBe(3n);
    const { result } = await points().delete({
      collectionName: "cities",
      wait: true,
      points: { pointsSelectorOneOf: { case: "filter", value: rankIs(2n ** 53n + 1n) } },
    });
    expect(result?.status).toBe(2);
    expect(await counted()).toBe(2n);
  });

  test("hold every kind of value", async () => {
    const payload: Record<string, Value> = {
      none: { kind: { case: "nullValue", value: 0 } },
      yes: { kind: { case: "boolValue", value: true } },
      half: { kind: { case: "doubleValue", value: 0.5 } },
      low: int(-(2n ** 63n)),
      list: { kind: { case: "listValue", value: { values: [int(1n), text("two")] } } },
      inner: { kind: { case: "structValue", value: { fields: { deep: text("") } } } },
    };
    await points().upsert({
      collectionName: "cities",
      wait: true,
      points: [create(PointStructSchema, { id: num(9n), vectors: dense([1, 1]), payload })],
    });
    const { result } = await points().get({
      collectionName: "cities",
      ids: [num(9n)],
      withPayload: everything,
    });
    expect(result[0].payload).toEqual(create(PointStructSchema, { id: num(9n), payload }).payload);
    await points().setPayload({
      collectionName: "cities",
      wait: true,
      payload: { none: text("some") },
      pointsSelector: { pointsSelectorOneOf: { case: "points", value: { ids: [num(9n)] } } },
    });
    const { result: changed } = await points().get({
      collectionName: "cities",
      ids: [num(9n)],
      withPayload: everything,
    });
    expect(changed[0].payload.none.kind).toEqual({ case: "stringValue", value: "some" });
    expect(changed[0].payload.yes.kind).toEqual({ case: "boolValue", value: true });
  });
});

describe("refusals have the codes of Qdrant", () => {
  test.each<[string, () => Promise<unknown>, Code, string]>([
    ["no collection", () => points().count({ collectionName: "none" }), Code.NotFound, "Collection `none`"],
    [
      "twice the same collection",
      () =>
        collections().create({
          collectionName: "cities",
          vectorsConfig: { config: { case: "params", value: { size: 2n, distance: Distance.Dot } } },
        }),
      Code.AlreadyExists,
      "already exists",
    ],
    [
      "a vector of another length",
      () => points().upsert({ collectionName: "cities", points: [{ id: num(1n), vectors: dense([1]) }] }),
      Code.InvalidArgument,
      "expected dim: 2, got 1",
    ],
    [
      "a point without an id",
      () => points().upsert({ collectionName: "cities", points: [{ vectors: dense([1, 2]) }] }),
      Code.InvalidArgument,
      "points[0].id",
    ],
    [
      "a limit of nothing",
      () => points().query({ collectionName: "cities", query: nearest([1, 0]), limit: 0n }),
      Code.InvalidArgument,
      "limit: value 0 invalid",
    ],
    [
      "an operation that needs several nodes",
      () => collections().createShardKey({ collectionName: "cities" }),
      Code.Unimplemented,
      "createShardKey",
    ],
  ])("%s", async (_name, run, code, message) => {
    await makeCities();
    const [given, said] = await codeOf(run());
    expect(Code[given]).toBe(Code[code]);
    expect(said).toContain(message);
  });
});

describe("with an API key", () => {
  test("calls need it, the health check does not", async () => {
    await close();
    await start("secret", "wrong");
    expect((await client.api("service").healthCheck({})).version).toBe("1.19.0");
    expect((await codeOf(collections().list({})))[0]).toBe(Code.PermissionDenied);
    await close();
    await start("secret");
    expect((await collections().list({})).collections).toEqual([]);
  });
});

describe("the standard services", () => {
  const transport = () => createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` });

  test("health tells whether the server and its services answer", async () => {
    const health = createClient(healthService, transport()) as unknown as {
      check(request: { service: string }): Promise<{ status: number }>;
    };
    expect((await health.check({ service: "" })).status).toBe(1);
    expect((await health.check({ service: "qdrant.Points" })).status).toBe(1);
    expect((await codeOf(health.check({ service: "none" })))[0]).toBe(Code.NotFound);
  });

  test.each(reflectionServices)("%s describes all of them", async (service) => {
    const reflection = createClient(service, transport()) as unknown as {
      serverReflectionInfo(requests: AsyncIterable<object>): AsyncIterable<{ messageResponse: Response }>;
    };
    type Response = { case: string; value: Record<string, unknown> };
    async function* requests() {
      yield { messageRequest: { case: "listServices", value: "" } };
      yield { messageRequest: { case: "fileContainingSymbol", value: "qdrant.Points" } };
      yield { messageRequest: { case: "fileContainingSymbol", value: "none" } };
    }
    const answers: Response[] = [];
    for await (const { messageResponse } of reflection.serverReflectionInfo(requests()))
      answers.push(messageResponse);
    const [listed, described, unknown] = answers;
    const names = (listed.value.service as { name: string }[]).map(({ name }) => name);
    expect(names).toContain("qdrant.Collections");
    expect(names).toContain("grpc.health.v1.Health");
    expect(names).toContain(service.typeName);
    const file = (described.value.fileDescriptorProto as Uint8Array[]).map((bytes) =>
      fromBinary(FileDescriptorProtoSchema, bytes),
    );
    expect(file[0].service.map(({ name }) => name)).toEqual(["Points"]);
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: file.reverse() }));
    expect(registry.getMessage("qdrant.ScoredPoint")?.fields.length).toBeGreaterThan(4);
    expect(unknown).toMatchObject({ case: "errorResponse", value: { errorCode: Code.NotFound } });
  });
});
