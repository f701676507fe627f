/** The official JavaScript client against the server, and its request types against ours. */
import { QdrantClient, type Schemas } from "@qdrant/js-client-rest";
import type {
  CollectionInfo,
  CountRequest,
  CreateCollection,
  CreateFieldIndex,
  DeletePayload,
  ExtendedPointId,
  PointInsertOperations,
  PointRequest,
  PointsSelector,
  QueryRequest,
  QueryRequestBatch,
  ScrollRequest,
  SetPayload,
  UpdateCollection,
  UpdateResult,
} from "vicinal/protocol";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test, vi } from "vitest";
import { FakeEngine } from "./fake-engine.test.helper.js";
import { createServer, type Server } from "./server.js";

type Argument<M extends keyof QdrantClient> = QdrantClient[M] extends (
  name: string,
  argument: infer A,
  ...rest: never[]
) => unknown
  ? Normal<NonNullable<A>>
  : never;

/** Conditions that this version does not have, and has no types for either. */
type Later = Schemas["SliceCondition"] | Schemas["HasVectorCondition"] | Schemas["DatetimeRange"];

/**
 * The client's generated types say `Record<string, unknown>` beside each optional object, and `undefined` as a value of
 * each map; no program means either. The rest is taken as it is.
 */
type Normal<T> = T extends Later
  ? never
  : T extends readonly (infer E)[]
    ? Normal<E>[]
    : T extends object
      ? string extends keyof T
        ? { [K in keyof T]: unknown extends T[K] ? T[K] : Normal<Exclude<T[K], undefined>> }
        : { [K in keyof T]: [WithoutAnyRecord<T[K]>] extends [never] ? T[K] : Normal<WithoutAnyRecord<T[K]>> }
      : T;
type WithoutAnyRecord<T> = T extends object
  ? Record<string, unknown> extends T
    ? string extends keyof T
      ? unknown extends T[keyof T]
        ? never
        : T
      : T
    : T
  : T;

describe("the official client's request types are assignable to ours", () => {
  test("which are not emptied on the way", () => {
    type Given = Argument<"query">;
    expectTypeOf<NonNullable<Given["query"]>>().not.toBeNever();
    expectTypeOf<NonNullable<Given["params"]>["hnsw_ef"]>().toEqualTypeOf<number | null | undefined>();
    expectTypeOf<{ key: string; range: { gt: number } }>().toExtend<NonNullable<Given["filter"]>["must"]>();
    expectTypeOf<{ has_id: string }>().not.toExtend<NonNullable<Given["filter"]>["must"]>();
    expectTypeOf<Argument<"upsert">>().not.toBeNever();
    expectTypeOf<Argument<"setPayload">["payload"]>().not.toBeNever();
  });

  test("collections", () => {
    expectTypeOf<Argument<"createCollection">>().toExtend<CreateCollection>();
    expectTypeOf<Argument<"updateCollection">>().toExtend<UpdateCollection>();
    expectTypeOf<Argument<"createPayloadIndex">>().toExtend<CreateFieldIndex>();
  });

  test("points", () => {
    expectTypeOf<Argument<"upsert">>().toExtend<PointInsertOperations>();
    expectTypeOf<Argument<"delete">>().toExtend<PointsSelector>();
    expectTypeOf<Argument<"setPayload">>().toExtend<SetPayload>();
    expectTypeOf<Argument<"overwritePayload">>().toExtend<SetPayload>();
    expectTypeOf<Argument<"deletePayload">>().toExtend<DeletePayload>();
    expectTypeOf<Argument<"clearPayload">>().toExtend<PointsSelector>();
    expectTypeOf<Argument<"retrieve">>().toExtend<PointRequest>();
    expectTypeOf<Argument<"scroll">>().toExtend<ScrollRequest>();
    expectTypeOf<Argument<"count">>().toExtend<CountRequest>();
  });

  test("queries", () => {
    expectTypeOf<Argument<"query">>().toExtend<QueryRequest>();
    expectTypeOf<Argument<"queryBatch">>().toExtend<QueryRequestBatch>();
  });

  test("and ours are wider", () => {
    expectTypeOf<bigint>().toExtend<ExtendedPointId>();
    expectTypeOf<{ query: Float32Array }>().toExtend<QueryRequest>();
    expectTypeOf<{ query: string[] }>().not.toExtend<QueryRequest>();
    expectTypeOf<{ vectors: { size: string; distance: "Dot" } }>().not.toExtend<CreateCollection>();
  });

  test("results keep the client's fields", () => {
    type Info = Awaited<ReturnType<QdrantClient["getCollection"]>>;
    expectTypeOf<keyof CollectionInfo>().toEqualTypeOf<keyof Info>();
    expectTypeOf<UpdateResult["status"]>().toEqualTypeOf<
      Awaited<ReturnType<QdrantClient["upsert"]>>["status"]
    >();
  });
});

describe("the official client works", () => {
  let server: Server;
  let client: QdrantClient;
  const warn = vi.spyOn(console, "warn");

  beforeAll(async () => {
    server = createServer({ database: { engine: new FakeEngine() } });
    const { host, port } = await server.listen({ port: 0 });
    client = new QdrantClient({ host, port });
  });
  afterAll(() => server.close());

  test("from creating to deleting", async () => {
    expect(await client.createCollection("words", { vectors: { size: 2, distance: "Dot" } })).toBe(true);
    expect(await client.collectionExists("words")).toEqual({ exists: true });
    const points = [
      { id: 1, vector: [1, 0], payload: { word: "north" } },
      { id: "550e8400-e29b-41d4-a716-446655440000", vector: [0, 1], payload: { word: "east" } },
    ];
    expect(await client.upsert("words", { points, wait: true })).toEqual({
      operation_id: 7,
      status: "completed",
    });
    const found = await client.query("words", { query: [0.1, 0.9], limit: 1, with_payload: true });
    expect(found.points).toMatchObject([{ id: points[1].id, score: 0.9, payload: { word: "east" } }]);
    expect(await client.queryBatch("words", { searches: [{ query: [1, 0], limit: 1 }] })).toMatchObject([
      { points: [{ id: 1 }] },
    ]);
    expect(await client.retrieve("words", { ids: [1] })).toMatchObject([{ id: 1, vector: [1, 0] }]);
    expect(await client.scroll("words", { limit: 1 })).toMatchObject({ next_page_offset: points[1].id });
    expect(await client.count("words")).toEqual({ count: 2 });
    expect((await client.getCollection("words")).points_count).toBe(2);
    expect(await client.deleteCollection("words")).toBe(true);
  });

  test("reads the error's text", async () => {
    const failure = await client.query("absent", { query: [1] }).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      status: 404,
      data: { status: { error: "Not found: Collection `absent` doesn't exist!" } },
    });
  });

  test("finds the version compatible", async () => {
    expect((await client.versionInfo()).version).toMatch(/^1\.19\./);
    expect(warn).not.toHaveBeenCalled();
  });
});
