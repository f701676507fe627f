/** Models of hooks, through both doors of a server. */
import { QdrantClient as GrpcClient } from "@qdrant/js-client-grpc";
import { QdrantClient } from "@qdrant/js-client-rest";
import type { InferenceFunction } from "vicinal";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "./homes.js";

/** How often each of three letters stands in the text. */
const letters: InferenceFunction = (inputs) => ({
  vectors: inputs.map(({ text = "" }) => ["a", "b", "c"].map((letter) => text.split(letter).length - 1)),
  tokens: inputs.length,
});

/** A vector that is written in the object. */
const spelled: InferenceFunction = (inputs) =>
  inputs.map(
    ({ object, image }) =>
      (object as { vector: number[] } | undefined)?.vector ?? [String(image).length, 0, 0],
  );

let served: Served;
let client: QdrantClient;
let grpc: GrpcClient;

beforeAll(async () => {
  served = await serve(":memory:", {
    hooks: { inference: { letters, spelled, broken: () => Promise.reject(new Error("no such file")) } },
  });
  client = new QdrantClient({ url: served.url, checkCompatibility: false });
  grpc = new GrpcClient({
    host: "127.0.0.1",
    port: served.grpcPort,
    https: false,
    checkCompatibility: false,
  });
  await client.createCollection("t", { vectors: { size: 3, distance: "Dot" } });
});
afterAll(() => served.close());

const text = (value: string, model = "letters") => ({ text: value, model });

test("the official REST client writes and searches texts", async () => {
  await client.upsert("t", { wait: true, points: [{ id: 1, vector: text("aab") }] });
  await client.upsert("t", { wait: true, batch: { ids: [2, 3], vectors: [text("ccc"), text("abc")] } });
  const { points } = await client.query("t", { query: text("c"), limit: 2 });
  expect(points.map(({ id, score }) => [id, score])).toEqual([
    [2, 3],
    [3, 1],
  ]);
  const [like] = await client.queryBatch("t", {
    searches: [{ query: { recommend: { positive: [text("b"), 3] } } }],
  });
  expect(like.points[0].id).toBe(1);
});

test("vectors are updated, and several operations are one, with texts in them", async () => {
  await client.upsert("t", { wait: true, points: [{ id: 20, vector: [0, 0, 1] }] });
  await client.updateVectors("t", { wait: true, points: [{ id: 20, vector: text("aaaaaaa") }] });
  expect((await client.retrieve("t", { ids: [20], with_vector: true }))[0].vector).toEqual([7, 0, 0]);
  await client.batchUpdate("t", {
    wait: true,
    operations: [
      { upsert: { points: [{ id: 21, vector: text("cc") }] } },
      { update_vectors: { points: [{ id: 20, vector: text("b") }] } },
    ],
  });
  const found = await client.retrieve("t", { ids: [20, 21], with_vector: true });
  expect(found.map(({ vector }) => vector)).toEqual([
    [0, 1, 0],
    [0, 0, 2],
  ]);
  await client.delete("t", { wait: true, points: [20, 21] });
});

test("the official gRPC client writes and searches texts, and is told what was used", async () => {
  const document = { text: "bbbb", model: "letters", options: {} };
  const written = await grpc.api("points").upsert({
    collectionName: "t",
    wait: true,
    points: [
      {
        id: { pointIdOptions: { case: "num", value: 4n } },
        vectors: {
          vectorsOptions: {
            case: "vector",
            value: { vector: { case: "document", value: document } },
          },
        },
      },
    ],
  });
  expect(written.usage?.inference?.models.letters.tokens).toBe(1n);
  const answer = await grpc.api("points").query({
    collectionName: "t",
    limit: 1n,
    query: {
      variant: { case: "nearest", value: { variant: { case: "document", value: document } } },
    },
  });
  expect(answer.result.map(({ id, score }) => [id?.pointIdOptions.value, score])).toEqual([[4n, 16]]);
  expect(answer.usage?.inference?.models.letters.tokens).toBe(1n);
});

test("images and objects come through gRPC as they were", async () => {
  const asked = async (nearest: object) => {
    const variant = { case: "nearest" as const, value: { variant: nearest } };
    const { result } = await grpc
      .api("points")
      .query({ collectionName: "t", limit: 1n, query: { variant } } as never);
    return [Number(result[0].id?.pointIdOptions.value), result[0].score];
  };
  const numbers = [0, 0, 2].map((value) => ({ kind: { case: "integerValue", value: BigInt(value) } }));
  const vector = { kind: { case: "listValue", value: { values: numbers } } };
  const object = { kind: { case: "structValue", value: { fields: { vector } } } };
  expect(await asked({ case: "object", value: { object, model: "spelled", options: {} } })).toEqual([2, 6]);
  const image = { kind: { case: "stringValue", value: "ten bytes!" } };
  expect(await asked({ case: "image", value: { image, model: "spelled", options: {} } })).toEqual([1, 20]);
});

test("the usage stands in the envelope", async () => {
  const asked = await served.rest.call("POST", "/collections/t/points/query", { query: text("a") });
  expect(asked.json).toMatchObject({ usage: { inference: { models: { letters: { tokens: 1 } } } } });
  const plain = await served.rest.call("POST", "/collections/t/points/query", { query: [1, 0, 0] });
  expect(plain.json).not.toHaveProperty("usage");
});

test("failures name the model and leave everything as it was", async () => {
  const send = (model: string) =>
    served.rest.call("PUT", "/collections/t/points?wait=true", {
      points: [
        { id: 9, vector: [1, 2, 3] },
        { id: 10, vector: text("a", model) },
      ],
    });
  const unknown = await send("minilm");
  expect(unknown.status).toBe(400);
  expect(unknown.text).toContain("there is no model");
  const broken = await send("broken");
  expect(broken.status).toBe(500);
  expect(broken.text).toContain("failed: no such file");
  expect(await served.database.retrieve("t", { ids: [9, 10] })).toEqual([]);
});
