import { describe, expect, test, vi } from "vitest";
import { VicinalError } from "../../runtime/errors.js";
import { createBm25 } from "../../text/index.js";
import { Catalogue } from "../catalogue.js";
import { Engine } from "../engine.js";
import { open } from "../open.js";
import { type HookContext, type Hooks, type InferenceFunction, readyHooks } from "./hooks.js";
import { InferenceModels, type UsageReport } from "./inference.js";

function models(inference: Hooks["inference"] = {}, report?: UsageReport): InferenceModels {
  return new InferenceModels(readyHooks({ inference }).inference, report);
}

async function fault(run: () => unknown): Promise<VicinalError> {
  const error = await Promise.resolve()
    .then(run)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    );
  if (error instanceof VicinalError) return error;
  throw new Error(`expected a VicinalError, got ${String(error)}`);
}

/** A vector that tells what it was made of. */
const lengths: InferenceFunction = (inputs) => inputs.map(({ text }) => [text?.length ?? -1, 0]);

describe("places of inputs", () => {
  const doc = (text: string) => ({ text, model: "m" });

  test("points in list and column form, with and without names, and operations", async () => {
    const resolve = (request: unknown) => models({ m: lengths }).resolve(request, "document");
    expect(await resolve({ points: [{ id: 1, vector: doc("a"), payload: doc("kept") }] })).toEqual({
      points: [{ id: 1, vector: [1, 0], payload: doc("kept") }],
    });
    expect(await resolve({ points: [{ id: 1, vector: { x: doc("ab"), y: [5] } }] })).toEqual({
      points: [{ id: 1, vector: { x: [2, 0], y: [5] } }],
    });
    expect(
      await resolve({ batch: { ids: [1, 2], vectors: [doc("a"), doc("bb")], payloads: [doc("p")] } }),
    ).toEqual({
      batch: {
        ids: [1, 2],
        vectors: [
          [1, 0],
          [2, 0],
        ],
        payloads: [doc("p")],
      },
    });
    expect(await resolve({ batch: { ids: [1], vectors: { x: [doc("abc")], model: [[1]] } } })).toEqual({
      batch: { ids: [1], vectors: { x: [[3, 0]], model: [[1]] } },
    });
    expect(
      await resolve({
        operations: [
          { upsert: { points: [{ id: 1, vector: doc("a") }] } },
          { set_payload: { payload: doc("kept"), points: [1] } },
          { update_vectors: { points: [{ id: 1, vector: { x: doc("bb") } }] } },
        ],
      }),
    ).toEqual({
      operations: [
        { upsert: { points: [{ id: 1, vector: [1, 0] }] } },
        { set_payload: { payload: doc("kept"), points: [1] } },
        { update_vectors: { points: [{ id: 1, vector: { x: [2, 0] } }] } },
      ],
    });
  });

  test("every query that compares, at any depth", async () => {
    const resolve = (request: unknown) => models({ m: lengths }).resolve(request, "query");
    const v = (n: number) => [n, 0];
    const pairs: [unknown, unknown][] = [
      [doc("a"), v(1)],
      [
        { nearest: doc("ab"), mmr: {} },
        { nearest: v(2), mmr: {} },
      ],
      [
        { recommend: { positive: [7, doc("a"), "id"], negative: [doc("bb")] } },
        { recommend: { positive: [7, v(1), "id"], negative: [v(2)] } },
      ],
      [
        { discover: { target: doc("a"), context: [{ positive: doc("b"), negative: 3 }] } },
        { discover: { target: v(1), context: [{ positive: v(1), negative: 3 }] } },
      ],
      [
        { context: { positive: doc("b"), negative: doc("cc") } },
        { context: { positive: v(1), negative: v(2) } },
      ],
      [
        { relevance_feedback: { target: doc("a"), feedback: [{ example: doc("bb"), score: 1 }] } },
        { relevance_feedback: { target: v(1), feedback: [{ example: v(2), score: 1 }] } },
      ],
    ];
    for (const [given, expected] of pairs) {
      expect(await resolve({ query: given })).toEqual({ query: expected });
      const deep = (query: unknown) => ({
        prefetch: [{ query, prefetch: { query } }],
        searches: [{ query }],
      });
      expect(await resolve(deep(given))).toEqual(deep(expected));
    }
  });

  test("a request without inputs is handed on as it is, at once", () => {
    const request = { points: [{ id: 1, vector: { x: [1], s: { indices: [1], values: [2] } } }] };
    expect(models().resolve(request, "document")).toBe(request);
    const asked = { query: { recommend: { positive: [1] } }, filter: { must: [] } };
    expect(models().resolve(asked, "query")).toBe(asked);
  });

  test("the request itself is not changed", async () => {
    const request = {
      points: [
        { id: 1, vector: doc("a") },
        { id: 2, vector: doc("bb") },
      ],
    };
    const before = structuredClone(request);
    await models({ m: lengths }).resolve(request, "document");
    expect(request).toEqual(before);
  });
});

describe("hooks", () => {
  test("equal inputs are asked for once, in batches, with their kind and options", async () => {
    const run = vi.fn<InferenceFunction>(async (inputs) => inputs.map(({ text }) => [Number(text)]));
    const searches = ["1", "2", "1", "3", "4", "5"].map((text) => ({
      query: { text, model: "m", options: { o: 1 } },
    }));
    const resolved = await models({ m: { run, batchSize: 2 } }).resolve({ searches }, "query");
    expect(resolved.searches.map(({ query }) => query)).toEqual([[1], [2], [1], [3], [4], [5]]);
    expect(run.mock.calls.map(([inputs]) => inputs.map(({ text }) => text))).toEqual([
      ["1", "2"],
      ["3", "4"],
      ["5"],
    ]);
    const [inputs, { kind, signal }] = run.mock.calls[0];
    expect(inputs[0]).toEqual({ text: "1", options: { o: 1 } });
    expect(kind).toBe("query");
    expect(signal).toBeInstanceOf(AbortSignal);
  });

  test("other options, and other kinds of input, make other inputs", async () => {
    const run = vi.fn<InferenceFunction>((inputs) => inputs.map((_, i) => [i]));
    const given = [
      { text: "a", model: "m" },
      { text: "a", model: "m", options: { x: 1 } },
      { image: "a", model: "m" },
      { object: { a: 2n ** 60n }, model: "m" },
    ];
    const { batch } = await models({ m: run }).resolve(
      { batch: { ids: [1, 2, 3, 4], vectors: given } },
      "document",
    );
    expect(batch.vectors).toEqual([[0], [1], [2], [3]]);
    expect(run.mock.calls[0][0]).toEqual([
      { text: "a", options: {} },
      { text: "a", options: { x: 1 } },
      { image: "a", options: {} },
      { object: { a: 2n ** 60n }, options: {} },
    ]);
    expect(run.mock.calls[0][1].kind).toBe("document");
  });

  test("tokens that are told are reported by model, and summed", async () => {
    const counting: InferenceFunction = (inputs) => ({
      vectors: inputs.map(() => [1]),
      tokens: inputs.length * 10,
    });
    const report = vi.fn();
    const searches = ["a", "b", "c"].flatMap((text) => [
      { query: { text, model: "counts" } },
      { query: { text, model: "silent" } },
      { query: { text, model: "bm25" } },
    ]);
    const service = models({ counts: { run: counting, batchSize: 2 }, silent: lengths }, report);
    await service.resolve({ searches }, "query");
    expect(report.mock.calls).toEqual([[{ models: { counts: { tokens: 30 } } }]]);
  });

  const one = { query: { text: "a", model: "m" } };

  test.each<[string, InferenceFunction, RegExp]>([
    [
      "throws",
      () => {
        throw new Error("no model file");
      },
      /^The inference hook "m" failed: no model file$/,
    ],
    ["rejects", () => Promise.reject("gone"), /^The inference hook "m" failed: gone$/],
    ["answers nothing", () => undefined as never, /answered neither an array of vectors/],
    ["answers too few", () => [], /answered 0 vectors for 1 inputs$/],
    ["answers words", () => ["a"] as never, /answered a fault: vectors\[0\]: /],
    ["answers NaN", () => [[1, Number.NaN]], /answered a fault: vectors\[0\]/],
    ["miscounts", () => ({ vectors: [[1]], tokens: -1 }), /answered a fault: tokens: /],
  ])("a hook that %s fails the request by name", async (_, run, message) => {
    const error = await fault(() => models({ m: run }).resolve(one, "query"));
    expect(error.code).toBe("HOOK_FAILED");
    expect(error.message).toMatch(message);
  });

  test("a hook's error that blames an input names its place, in whichever batch and however often it stands", async () => {
    const run: InferenceFunction = (inputs) => {
      const input = inputs.findIndex(({ text }) => text === "bad");
      if (input >= 0) throw Object.assign(new Error("no good"), { input, code: "BAD_TEXT" });
      return inputs.map(() => [1]);
    };
    const points = ["a", "a", "b", "c", "bad", "bad"].map((text) => ({
      vector: { x: { text, model: "m" } },
    }));
    const resolve = () => models({ m: { run, batchSize: 2 } }).resolve({ points }, "document");
    expect(await fault(resolve)).toMatchObject({
      code: "INPUT_REFUSED",
      status: 422,
      details: { path: "points[4].vector.x" },
      message: 'points[4].vector.x: the inference hook "m" refuses this input (BAD_TEXT): no good',
    });
  });

  test.each([1, -1, 0.5, "0"])(
    "an error that blames input %j, which there is not, is the hook's",
    async (input) => {
      const run: InferenceFunction = () => {
        throw Object.assign(new Error("odd"), { input });
      };
      expect((await fault(() => models({ m: run }).resolve(one, "query"))).code).toBe("HOOK_FAILED");
    },
  );

  test("a hook that takes too long is told so and waited for no more", async () => {
    let told: AbortSignal | undefined;
    const run: InferenceFunction = (_, { signal }) => {
      told = signal;
      return new Promise(() => {});
    };
    const error = await fault(() => models({ m: { run, timeoutMs: 5 } }).resolve(one, "query"));
    expect(error.message).toBe('The inference hook "m" took more than 5 ms');
    expect(told?.aborted).toBe(true);
  });

  test("when one hook fails the others are told", async () => {
    let told: AbortSignal | undefined;
    const waits: InferenceFunction = (_, { signal }) => {
      told = signal;
      return new Promise(() => {});
    };
    const searches = [{ query: { text: "a", model: "waits" } }, { query: { text: "a", model: "fails" } }];
    const service = models({ waits, fails: () => Promise.reject(new Error("broken")) });
    expect((await fault(() => service.resolve({ searches }, "query"))).message).toMatch(
      /"fails" failed: broken/,
    );
    expect(told?.aborted).toBe(true);
  });

  test("a request that is cancelled cancels its hooks", async () => {
    const cancel = new AbortController();
    const run: InferenceFunction = () => {
      cancel.abort();
      return new Promise(() => {});
    };
    const failed = fault(() => models({ m: run }).resolve(one, "query", cancel.signal));
    expect((await failed).code).toBe("CANCELLED");
  });

  test.each([
    [{ inference: { m: 5 } }, 'hooks.inference["m"]: expected a function, or an object with `run`'],
    [
      { inference: { m: { run: lengths, batchSize: 0 } } },
      'hooks.inference["m"].batchSize: expected 1 or more',
    ],
    [
      { inference: { m: { run: lengths, timeoutMs: -1 } } },
      'hooks.inference["m"].timeoutMs: expected more than 0',
    ],
    [
      { inference: { "Qdrant/BM25": lengths } },
      'hooks.inference["Qdrant/BM25"]: is the name of a model that is built in',
    ],
    [{ rerankers: {} }, "hooks.rerankers: is not known, expected inference or rerank"],
    [5, "hooks: expected an object"],
  ])("what is no hook is refused when the database opens: %j", async (hooks, message) => {
    const error = await fault(() => open(":memory:", { hooks: hooks as never }));
    expect(error.code).toBe("BAD_REQUEST");
    expect(error.message).toContain(message);
  });
});

describe("models", () => {
  test("an unknown one is named with those there are, before any is asked", async () => {
    const run = vi.fn(lengths);
    const points = [
      { id: 1, vector: { text: "a", model: "m" } },
      { id: 2, vector: { a: { text: "a", model: "other" } } },
    ];
    const error = await fault(() => models({ m: run }).resolve({ points }, "document"));
    expect(error.code).toBe("UNKNOWN_MODEL");
    expect(error.message).toBe(
      'points[1].vector.a.model: there is no model "other", expected one of "qdrant/bm25", "m"',
    );
    expect(run).not.toHaveBeenCalled();
  });

  test.each(["qdrant/bm25", "Qdrant/bm25", "bm25", "BM25"])("%s is built in", (model) => {
    const text = "The quick brown foxes";
    expect(models().resolve({ query: { text, model } }, "query")).toEqual({
      query: createBm25().query(text),
    });
    const points = [{ id: 1, vector: { t: { text, model, options: { k: 2, avg_len: 3 } } } }];
    expect(models().resolve({ points }, "document")).toEqual({
      points: [{ id: 1, vector: { t: createBm25({ k: 2, avg_len: 3 }).document(text) } }],
    });
  });

  test.each([
    [{ k: -1 }, "query.options.k: ", "OUT_OF_RANGE"],
    [{ b: 1.5 }, "query.options.b: ", "OUT_OF_RANGE"],
    [{ avg_len: 0 }, "query.options.avg_len: ", "OUT_OF_RANGE"],
    [{ avg_len: Infinity }, "query.options.avg_len: ", "BAD_REQUEST"],
    [{ k: "1" }, "query.options.k: ", "BAD_REQUEST"],
    [{ tokenizer: "none" }, "query.options.tokenizer: ", "BAD_REQUEST"],
    [{ language: "tajik" }, "query.options.language: ", "UNSUPPORTED"],
    [{ stopwords: "klingon" }, "query.options.stopwords: ", "BAD_REQUEST"],
  ])("BM25 refuses the options %j", async (options, message, code) => {
    const error = await fault(() =>
      models().resolve({ query: { text: "a", model: "bm25", options } }, "query"),
    );
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  test("BM25 takes texts alone", async () => {
    const error = await fault(() => models().resolve({ query: { image: "a", model: "bm25" } }, "query"));
    expect(error.message).toBe("query: the model qdrant/bm25 takes `text` alone");
  });
});

describe("in a database", () => {
  const letters: InferenceFunction = (inputs) =>
    inputs.map(({ text = "" }) => ["a", "b", "c"].map((letter) => text.split(letter).length - 1));

  test("texts are stored and searched by their model's vectors", async () => {
    const db = await open(":memory:", { hooks: { inference: { letters } } });
    await db.createCollection("t", { vectors: { size: 3, distance: "Dot" } });
    const texts = ["aaa", "bbb", "abc"];
    await db.upsert("t", {
      points: texts.map((text, id) => ({ id, vector: { text, model: "letters" }, payload: { text } })),
    });
    const query = { text: "ac", model: "letters" };
    const { points } = await db.query("t", { query, with_vector: true });
    expect(points.map(({ id, score }) => [id, score])).toEqual([
      [0, 3],
      [2, 2],
      [1, 0],
    ]);
    expect([...(points[1].vector as Float32Array)]).toEqual([1, 1, 1]);
    const filter = { must: [{ key: "text", match: { value: "abc" } }] };
    const [batch] = await db.queryBatch("t", { searches: [{ query: { nearest: query }, filter }] });
    expect(batch.points.map(({ id }) => id)).toEqual([2]);
    const { groups } = await db.queryGroups("t", { query, group_by: "text", limit: 1 });
    expect(groups[0].hits[0].id).toBe(0);
    await db.close();
  });

  test("whoever leaves takes the hooks of the request along", async () => {
    const told: string[] = [];
    const never = (name: string) => (_: unknown, last: HookContext | unknown[], context?: HookContext) => {
      const { signal } = context ?? (last as HookContext);
      return new Promise<never>(() => signal.addEventListener("abort", () => told.push(name)));
    };
    const hooks = { inference: { letters, slow: never("slow") }, rerank: { judge: never("judge") } };
    const engine = new Engine(await Catalogue.open(undefined), undefined, readyHooks(hooks));
    await engine.createCollection("t", { vectors: { size: 3, distance: "Dot" } });
    await engine.upsert("t", { points: [{ id: 1, vector: [1, 0, 0] }] });
    for (const [i, query] of [
      { text: "a", model: "slow" },
      { rerank: { model: "judge", query: "q" } },
    ].entries()) {
      const leaving = new AbortController();
      const prefetch = i === 0 ? undefined : { query: [1, 0, 0] };
      const asked = engine.forRequest({ signal: leaving.signal }).query("t", { query, prefetch } as never);
      const failed = fault(() => asked);
      await new Promise((resolve) => setTimeout(resolve, 10));
      leaving.abort();
      expect((await failed).code).toBe("CANCELLED");
    }
    expect(told).toEqual(["slow", "judge"]);
  });

  test("what fails changes nothing and names its place", async () => {
    const db = await open(":memory:", { hooks: { inference: { letters, wide: () => [[1, 2, 3, 4]] } } });
    await db.createCollection("t", { vectors: { size: 3, distance: "Dot" } });
    const write = (model: string) =>
      fault(() =>
        db.upsert("t", {
          points: [
            { id: 1, vector: [1, 2, 3] },
            { id: 2, vector: { text: "a", model } },
          ],
        }),
      );
    const wide = await write("wide");
    expect(wide.code).toBe("WRONG_DIMENSION");
    expect(wide.details.path).toBe("points[1].vector");
    expect((await write("none")).code).toBe("UNKNOWN_MODEL");
    expect((await db.count("t", {})).count).toBe(0);
    const form = await fault(() => db.query("t", { query: { text: 5, model: "letters" } as never }));
    expect(form.message).toContain("query.text: expected a string");
    expect((await fault(() => db.query("none", { query: { text: "a", model: "letters" } }))).code).toBe(
      "COLLECTION_NOT_FOUND",
    );
    await db.close();
  });
});
