/** Inputs that a model refuses: the client's fault at both doors, where a model's failure is the server's. */
import { Code, ConnectError } from "@connectrpc/connect";
import { QdrantClient } from "@qdrant/js-client-grpc";
import { type InferenceFunction, open } from "vicinal";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createServer } from "./server.js";

const numbers: InferenceFunction = (inputs) =>
  inputs.map(({ text }, input) => {
    if (text === "broken") throw new Error("the model is gone");
    if (!/^\d+$/.test(text ?? "")) throw Object.assign(new Error("no number"), { input, code: "TEXT_EMPTY" });
    return [Number(text)];
  });

let url: string;
let client: QdrantClient;
let close: () => Promise<void>;

beforeAll(async () => {
  const database = await open(":memory:", { hooks: { inference: { numbers } } });
  await database.createCollection("c", { vectors: { size: 1, distance: "Euclid" } });
  const server = createServer({ database });
  const { port, grpcPort } = await server.listen({ port: 0 });
  url = `http://127.0.0.1:${port}/collections/c/points`;
  client = new QdrantClient({ host: "127.0.0.1", port: grpcPort, checkCompatibility: false, https: false });
  close = async () => {
    await server.close();
    await database.close();
  };
});
afterAll(() => close());

async function rest(method: string, path: string, body: unknown): Promise<[number, string]> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  const { status } = (await answer.json()) as { status: { error: string } };
  return [answer.status, status.error];
}

const refused = (place: string) =>
  `${place}: the inference hook "numbers" refuses this input (TEXT_EMPTY): no number`;
const failed = 'Service internal error: The inference hook "numbers" failed: the model is gone';
const input = (text: string) => ({ text, model: "numbers" });
const points = (...texts: string[]) => ({ points: texts.map((text, id) => ({ id, vector: input(text) })) });

it("over REST: 422 with the place, 500 for the model's own failure, and nothing is stored", async () => {
  expect(await rest("PUT", "?wait=true", points("1", "x"))).toEqual([422, refused("points[1].vector")]);
  expect(await rest("POST", "/query", { query: input("") })).toEqual([422, refused("query")]);
  expect(await rest("PUT", "?wait=true", points("1", "broken"))).toEqual([500, failed]);
  const count = await fetch(`${url}/count`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  });
  expect(await count.json()).toMatchObject({ result: { count: 0 } });
});

it("over gRPC: INVALID_ARGUMENT with the place, INTERNAL for the model's own failure", async () => {
  const upsert = (...texts: string[]) =>
    client
      .api("points")
      .upsert({
        collectionName: "c",
        points: texts.map((text, id) => ({
          id: { pointIdOptions: { case: "num", value: BigInt(id) } },
          vectors: {
            vectorsOptions: {
              case: "vector",
              value: { vector: { case: "document", value: { text, model: "numbers" } } },
            },
          },
        })),
      })
      .then(
        () => undefined,
        (error: unknown) => ConnectError.from(error),
      );
  const [bad, broken] = [await upsert("1", "2", "x"), await upsert("broken")];
  expect([bad?.code, bad?.rawMessage]).toEqual([Code.InvalidArgument, refused("points[2].vector")]);
  expect([broken?.code, broken?.rawMessage]).toEqual([Code.Internal, failed]);
});
