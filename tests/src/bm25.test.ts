/** Search by words through the database and its server: BM25 as a model, IDF by the sparse vector, filters and fusion. */
import { QdrantClient as GrpcClient } from "@qdrant/js-client-grpc";
import { QdrantClient } from "@qdrant/js-client-rest";
import * as fc from "fast-check";
import { open } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Served, serve } from "./homes.js";

const model = "qdrant/bm25";
/** Words as they stand, so that a reference needs no stemmer. */
const plain = { stemmer: { type: "none" }, stopwords: {} };

/** BM25 with IDF over the texts that are there, by its formula. */
function reference(texts: readonly string[], query: string, averageLength: number): Map<number, number> {
  const words = texts.map((text) => text.split(" "));
  const scores = new Map<number, number>();
  for (const asked of new Set(query.split(" "))) {
    const holding = words.filter((found) => found.includes(asked)).length;
    const idf = Math.log((texts.length - holding + 0.5) / (holding + 0.5) + 1);
    for (const [id, found] of words.entries()) {
      const n = found.filter((word) => word === asked).length;
      if (n === 0) continue;
      const tf = (n * 2.2) / (n + 1.2 * (0.25 + (0.75 * found.length) / averageLength));
      scores.set(id, (scores.get(id) ?? 0) + idf * tf);
    }
  }
  return scores;
}

test("scores are those of BM25 over the collection, also under a filter", async () => {
  const word = fc.constantFrom("sky", "sea", "sand", "sun", "salt", "storm", "ship");
  const text = fc.array(word, { minLength: 1, maxLength: 12 }).map((words) => words.join(" "));
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 30 }), text, async (texts, asked) => {
      const db = await open(":memory:");
      await db.createCollection("t", { sparse_vectors: { words: { modifier: "idf" } } });
      const options = { ...plain, avg_len: 6 };
      await db.upsert("t", {
        points: texts.map((value, id) => ({
          id,
          vector: { words: { text: value, model, options } },
          payload: { even: id % 2 === 0 },
        })),
      });
      const query = { text: asked, model, options };
      const expected = reference(texts, asked, 6);
      for (const even of [undefined, true]) {
        const filter = even ? { must: [{ key: "even", match: { value: true } }] } : undefined;
        const { points } = await db.query("t", { query, using: "words", filter, limit: 100 });
        const wanted = [...expected].filter(([id]) => !even || id % 2 === 0);
        expect(points.map(({ id }) => id).sort()).toEqual(wanted.map(([id]) => id).sort());
        for (const { id, score } of points) expect(score).toBeCloseTo(expected.get(Number(id))!, 4);
      }
      await db.close();
    }),
    { seed: 23, numRuns: 40 },
  );
});

describe("over a server", () => {
  let served: Served;
  let client: QdrantClient;
  let grpc: GrpcClient;

  const texts = ["red fish in a river", "a blue fish", "red and blue birds", "the river sleeps"];
  const meanings = [
    [1, 0],
    [0.9, 0.1],
    [0, 1],
    [0.5, 0.5],
  ];

  beforeAll(async () => {
    served = await serve();
    client = new QdrantClient({ url: served.url, checkCompatibility: false });
    grpc = new GrpcClient({
      host: "127.0.0.1",
      port: served.grpcPort,
      https: false,
      checkCompatibility: false,
    });
    await client.createCollection("t", {
      vectors: { meaning: { size: 2, distance: "Cosine" } },
      sparse_vectors: { words: { modifier: "idf" } },
    });
    await client.upsert("t", {
      wait: true,
      points: texts.map((text, id) => ({ id, vector: { meaning: meanings[id], words: { text, model } } })),
    });
  });
  afterAll(() => served.close());

  test("words are found by the official clients, stems and stop words included", async () => {
    const { points } = await client.query("t", { query: { text: "the rivers", model }, using: "words" });
    expect(points.map(({ id }) => id)).toEqual([3, 0]);
    const answer = await grpc.api("points").query({
      collectionName: "t",
      using: "words",
      query: {
        variant: {
          case: "nearest",
          value: { variant: { case: "document", value: { text: "the rivers", model, options: {} } } },
        },
      },
    });
    expect(answer.result.map(({ id }) => Number(id?.pointIdOptions.value))).toEqual([3, 0]);
    expect(answer.usage).toBeUndefined();
  });

  test("options reach the model over gRPC", async () => {
    const options = { stopwords: { kind: { case: "structValue" as const, value: { fields: {} } } } };
    const answer = await grpc.api("points").query({
      collectionName: "t",
      using: "words",
      query: {
        variant: {
          case: "nearest",
          value: { variant: { case: "document", value: { text: "the", model, options } } },
        },
      },
    });
    // Stored texts went without their stop words.
    expect(answer.result).toEqual([]);
    const wrong = { b: { kind: { case: "doubleValue" as const, value: 2 } } };
    const refused = grpc.api("points").query({
      collectionName: "t",
      using: "words",
      query: {
        variant: {
          case: "nearest",
          value: { variant: { case: "document", value: { text: "the", model, options: wrong } } },
        },
      },
    });
    await expect(refused).rejects.toThrow(/query\.nearest\.options\.b/);
  });

  test("words and meanings are fused", async () => {
    const { points } = await client.query("t", {
      prefetch: [
        { query: { text: "blue", model }, using: "words" },
        { query: [1, 0], using: "meaning", limit: 2 },
      ],
      query: { fusion: "rrf" },
    });
    expect(points[0].id).toBe(1);
    expect(points.map(({ id }) => id).sort()).toEqual([0, 1, 2]);
  });

  test("a sparse vector's model cannot write a dense one", async () => {
    const wrong = client.upsert("t", { points: [{ id: 9, vector: { meaning: { text: "fish", model } } }] });
    await expect(wrong).rejects.toMatchObject({ status: 400 });
    expect(await client.retrieve("t", { ids: [9] })).toEqual([]);
  });
});
