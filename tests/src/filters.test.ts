/**
 * Every kind of filter condition, embedded and over HTTP, on rows that grow, that are sealed and that were read back,
 * without field indexes and with one of each type: the points that match are the same.
 */
import type { Schemas } from "@qdrant/js-client-rest";
import { type Database, open } from "vicinal";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { refusal, type Served, serve, withFolder } from "./homes.js";

const uuid = (n: number): string => `550e8400-e29b-41d4-a716-44665544000${n}`;

const points = [
  {
    id: 1,
    payload: {
      city: "Berlin",
      price: 1.5,
      count: 0,
      open: true,
      since: "2021-01-01T00:00:00Z",
      owner: uuid(1),
      at: { lon: 13.4, lat: 52.5 },
      text: "the quick brown fox jumps over the lazy dog",
      url: "https://example.com/a",
      cities: [{ name: "A", people: 3.7, at: { lon: 13.7, lat: 52.3 }, sights: ["x", "y"] }],
    },
  },
  {
    id: 2,
    payload: {
      city: ["Berlin", "London"],
      price: 2,
      count: 9007199254740993n,
      open: false,
      since: "2022-06-01",
      owner: uuid(2),
      at: [
        { lon: 0.1, lat: 51.5 },
        { lon: 13.2, lat: 52.4 },
      ],
      text: "a quick brown cat runs through the garden",
      url: ["ftp://example.com", "https://example.com/b"],
      cities: [
        { name: null, people: 9.3, sights: ["x"] },
        { name: "B", people: 1, sights: ["x", "y", "z"] },
      ],
    },
  },
  {
    id: 3,
    payload: {
      city: ["Berlin", "Moscow"],
      price: [5, 7],
      since: ["2020-01-01T00:00:00.000001Z", "2023-01-01T00:00:00+02:00"],
      owner: uuid(3).toUpperCase(),
      at: { lon: 179.9, lat: 0 },
      text: ["lazy dogs sleep", "all day long"],
      cities: [],
    },
  },
  { id: uuid(9), payload: { city: null, at: { lon: 300, lat: 0 }, since: "soon", text: 5 } },
  { id: 2n ** 64n - 1n, payload: {}, withoutVector: true },
];
const [one, two, three, four, five] = points.map(({ id }) => id);

const place = (lon: number, lat: number) => ({ lon, lat });
const berlin = { center: place(13.4, 52.5), radius: 30_000 };
const nested = (filter: object, key = "cities") => ({ nested: { key, filter } });

/** Conditions that mean the same whether or not the field has an index. */
const conditions: [string, object, unknown[]][] = [
  ["match value", { key: "city", match: { value: "London" } }, [two]],
  ["match any", { key: "city", match: { any: ["London", "Moscow"] } }, [two, three]],
  ["match any of none", { key: "city", match: { any: [] } }, []],
  ["match except", { key: "city", match: { except: ["Berlin"] } }, [two, three]],
  ["match except none", { key: "owner", match: { except: [] } }, [one, two, three]],
  ["match except of another type", { key: "owner", match: { except: [5] } }, [one, two, three]],
  ["match prefix", { key: "url", match: { prefix: "https://" } }, [one, two]],
  ["match an empty prefix", { key: "url", match: { prefix: "" } }, [one, two]],
  ["match a long integer", { key: "count", match: { value: 9007199254740993n } }, [two]],
  ["match a boolean", { key: "open", match: { value: false } }, [two]],
  ["match a UUID", { key: "owner", match: { any: [uuid(2), uuid(7)] } }, [two]],
  ["match a UUID as it was written", { key: "owner", match: { value: uuid(3).toUpperCase() } }, [three]],
  ["range", { key: "price", range: { gt: 1.5, lte: 5 } }, [two, three]],
  [
    "range of time",
    { key: "since", range: { gte: "2021-01-01", lt: "2022-06-01T00:00:00.000001Z" } },
    [one, two],
  ],
  [
    "range of a microsecond",
    { key: "since", range: { gt: "2020-01-01", lt: "2020-01-01T00:00:00.000002" } },
    [three],
  ],
  ["range of time in another zone", { key: "since", range: { gte: "2022-12-31 22:00:00" } }, [three]],
  ["radius", { key: "at", geo_radius: berlin }, [one, two]],
  ["box", { key: "at", geo_bounding_box: { top_left: place(0, 52), bottom_right: place(1, 51) } }, [two]],
  [
    "box over the antimeridian",
    { key: "at", geo_bounding_box: { top_left: place(170, 10), bottom_right: place(-170, -10) } },
    [three, four],
  ],
  [
    "polygon with a hole",
    {
      key: "at",
      geo_polygon: {
        exterior: { points: [place(-1, 50), place(20, 50), place(20, 60), place(-1, 60), place(-1, 50)] },
        interiors: [
          { points: [place(13.3, 52), place(14, 52), place(14, 53), place(13.3, 53), place(13.3, 52)] },
        ],
      },
    },
    [two],
  ],
  ["values_count", { key: "city", values_count: { gte: 2 } }, [two, three]],
  ["values_count of what is missing", { key: "url", values_count: { lt: 1 } }, [three, four, five]],
  ["is_empty", { is_empty: { key: "cities" } }, [three, four, five]],
  ["is_null", { is_null: { key: "city" } }, [four]],
  ["is_empty: false", { key: "cities", is_empty: false }, [one, two]],
  ["has_id", { has_id: [1, uuid(9), 77] }, [one, four]],
  ["has_vector", { has_vector: "image" }, [one, two, three, four]],
  ["has_vector of none", { has_vector: "sound" }, []],
  [
    "nested",
    nested({
      must: [
        { key: "people", range: { gte: 9 } },
        { key: "sights", values_count: { lt: 2 } },
      ],
    }),
    [two],
  ],
  [
    "nested, of different items",
    nested(
      {
        must: [
          { key: "people", range: { gte: 9 } },
          { key: "sights", match: { value: "z" } },
        ],
      },
      "cities[]",
    ),
    [],
  ],
  ["nested is_null", nested({ must: [{ is_null: { key: "name" } }] }), [two]],
  ["nested must_not", nested({ must_not: [{ key: "people", range: { lt: 5 } }] }), [two]],
  [
    "nested place",
    nested({ must: [{ key: "at", geo_radius: { center: place(13.7, 52.3), radius: 1000 } }] }),
    [one],
  ],
  ["nested ids, which name no item", nested({ must: [{ has_id: [1, 2, 3] }] }), []],
  ["path through an array", { key: "cities[].sights", match: { value: "z" } }, [two]],
  ["path to one item", { key: "cities[0].sights", values_count: { gt: 1 } }, [one]],
  [
    "min_should",
    {
      min_should: {
        min_count: 2,
        conditions: [
          { has_id: [1, 2] },
          { key: "city", match: { value: "Moscow" } },
          { key: "price", range: { gt: 1 } },
        ],
      },
    },
    [one, two, three],
  ],
  [
    "must_not of nothing",
    { must_not: [{ key: "price", match: { any: [] } }] },
    [one, two, three, four, five],
  ],
];

/** What a text index makes of text; without one the words are parts of strings. */
const texts: [object, unknown[], unknown[]][] = [
  [{ text: "dog lazy" }, [one], []],
  [{ text: "lazy dog" }, [one], [one, three]],
  [{ text: "ick" }, [], [one, two]],
  [{ text_any: "garden sleep" }, [two, three], [two, three]],
  [{ phrase: "Quick brown" }, [one, two], []],
  [{ phrase: "quick brown" }, [one, two], [one, two]],
  [{ phrase: "sleep all" }, [], []],
  [{ phrase: "" }, [], [one, two, three]],
];

const indexes: Record<string, unknown> = {
  city: { type: "keyword", is_tenant: true },
  price: { type: "float", is_principal: true, on_disk: true },
  count: { type: "integer", lookup: true, range: false },
  open: "bool",
  since: { type: "datetime", memory: "cold" },
  owner: "uuid",
  at: { type: "geo", enable_hnsw: false },
  text: { type: "text", tokenizer: "word", phrase_matching: true, stopwords: { custom: ["the"] } },
  url: { type: "keyword", prefix: true },
  "cities[].people": "float",
  "cities[].at": "geo",
};

async function fill(served: Served): Promise<void> {
  await served.database.createCollection("all", { vectors: { image: { size: 2, distance: "Euclid" } } });
  await served.database.upsert("all", {
    points: points.map(({ id, payload, withoutVector }, i) => ({
      id,
      payload,
      vector: (withoutVector ? {} : { image: [i, 1] }) as Record<string, number[]>,
    })),
  });
}

async function createIndexes(served: Served): Promise<void> {
  for (const [field_name, field_schema] of Object.entries(indexes))
    await served.rest.result("PUT", "/collections/all/index?wait=true", { field_name, field_schema });
}

async function compare(served: Served, indexed: boolean): Promise<void> {
  const cases: [string, object, unknown[]][] = [
    ...conditions,
    ...texts.map(([match, withIndex, without]): [string, object, unknown[]] => [
      JSON.stringify(match),
      { key: "text", match },
      indexed ? withIndex : without,
    ]),
  ];
  const slices = [0, 1, 2].map((index) => ({ slice: { total: 3, index } }));
  const ids = async (condition: object): Promise<unknown[]> => {
    const filter = { must: [condition] };
    const { points: found } = await served.database.scroll("all", { filter, limit: 10 } as never);
    const body = { filter, limit: 10 };
    const overHttp = await served.rest.result("POST", "/collections/all/points/scroll", body);
    const embedded = found.map(({ id }) => id);
    expect(overHttp.points.map(({ id }: { id: unknown }) => id)).toEqual(embedded);
    return embedded;
  };
  const inOrder = (list: unknown[]): unknown[] =>
    [one, two, three, five, four].filter((id) => list.includes(id));
  for (const [name, condition, expected] of cases)
    expect([name, await ids(condition)]).toEqual([name, inOrder(expected)]);
  const parts = (await Promise.all(slices.map(ids))).flat();
  expect(parts).toHaveLength(points.length);
  expect(inOrder(parts)).toHaveLength(points.length);
}

describe("filters", () => {
  test("of memory, before and after the fields are indexed", async () => {
    const served = await serve();
    try {
      await fill(served);
      await compare(served, false);
      await createIndexes(served);
      await compare(served, true);
      const { payload_schema } = await served.rest.result("GET", "/collections/all");
      expect(payload_schema).toEqual({
        city: { data_type: "keyword", params: indexes.city, points: 3 },
        price: { data_type: "float", params: indexes.price, points: 3 },
        count: { data_type: "integer", params: indexes.count, points: 2 },
        open: { data_type: "bool", points: 2 },
        since: { data_type: "datetime", params: indexes.since, points: 3 },
        owner: { data_type: "uuid", points: 2 },
        at: { data_type: "geo", params: indexes.at, points: 3 },
        text: { data_type: "text", params: indexes.text, points: 3 },
        url: { data_type: "keyword", params: indexes.url, points: 2 },
        "cities[].people": { data_type: "float", points: 2 },
        "cities[].at": { data_type: "geo", points: 1 },
      });
      for (const field of Object.keys(indexes)) await served.database.deletePayloadIndex("all", field);
      await compare(served, false);
    } finally {
      await served.close();
    }
  });

  test("of files, as written, sealed, changed and read back", () =>
    withFolder(async (folder) => {
      const first = await serve(folder);
      await fill(first);
      await createIndexes(first);
      await first.close();
      // Only the log holds the points yet.
      const second = await serve(folder);
      await compare(second, true);
      await second.database.waitForIndex("all", { everything: true });
      await compare(second, true);
      const payload = { ...points[0].payload, text: "gone", at: null, since: "1999-01-01", owner: uuid(8) };
      await second.database.overwritePayload("all", { points: [one], payload });
      await second.close();
      const third = await serve(folder);
      const count = async (condition: object): Promise<number> =>
        (await third.database.count("all", { filter: { must: [condition] } } as never)).count;
      expect(await count({ key: "text", match: { text: "gone" } })).toBe(1);
      expect(await count({ key: "text", match: { text: "fox" } })).toBe(0);
      expect(await count({ key: "at", geo_radius: berlin })).toBe(1);
      expect(await count({ key: "since", range: { lt: "2000-01-01" } })).toBe(1);
      expect(await count({ key: "owner", match: { value: uuid(8) } })).toBe(1);
      await third.database.overwritePayload("all", { points: [one], payload: points[0].payload } as never);
      await compare(third, true);
      await third.close();
    }));
});

describe("what is refused, and with which status", () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
    await fill(served);
  });
  afterAll(() => served.close());

  test.each<[object, number, string]>([
    [
      { key: "city" },
      422,
      "Validation error in JSON body: [filter.must[0]: At least one field condition must be specified",
    ],
    [{ slice: { total: 4, index: 4 } }, 422, "filter.must[0].slice.index"],
    [{ slice: { total: 0, index: 0 } }, 400, "filter.must[0].slice.total"],
    [{ min_should: { min_count: 0, conditions: [] } }, 422, "min_count"],
    [{ min_should: { conditions: [] } }, 400, "min_count"],
    [
      { key: "at", geo_radius: { center: place(0, 100), radius: 1 } },
      400,
      "filter.must[0].geo_radius.center",
    ],
    [
      { key: "at", geo_polygon: { exterior: { points: [place(0, 0)] } } },
      400,
      "polygon invalid, the size must be at least 4, got 1",
    ],
    [
      { key: "since", range: { gt: "soon" } },
      400,
      "'soon' does not match accepted datetime format (RFC3339)",
    ],
    [{ key: 5, match: { value: 5 } }, 400, "filter.must[0].key"],
  ])("%j: %d", async (condition, status, says) => {
    const answer = await served.rest.call("POST", "/collections/all/points/scroll", {
      filter: { must: [condition] },
    });
    expect(answer.status).toBe(status);
    expect(answer.json.status.error).toContain(says);
    const deletion = { filter: { must: [condition] } };
    expect((await served.rest.call("POST", "/collections/all/points/delete", deletion)).status).toBe(status);
    expect(await served.database.count("all", {})).toEqual({ count: points.length });
  });

  test.each<[unknown, number, string]>([
    [{ type: "integer", lookup: false, range: false }, 422, "field_schema.lookup"],
    [{ type: "colour" }, 400, "field_schema.type"],
    [{ type: "keyword", is_tenant: "yes" }, 400, "field_schema.is_tenant"],
    [{ type: "geo", memory: "warm" }, 400, "field_schema.memory"],
    [{ type: "text", min_token_len: 5, max_token_len: 4 }, 422, "field_schema.min_token_len"],
    [
      { type: "text", stemmer: { type: "snowball", language: "elvish" } },
      400,
      "field_schema.stemmer.language",
    ],
    [{ type: "text", stopwords: { languages: ["tajik"] } }, 501, "field_schema.stopwords.languages[0]"],
  ])("a field index %j: %d", async (field_schema, status, says) => {
    const body = { field_name: "f", field_schema };
    const answer = await served.rest.call("PUT", "/collections/all/index", body);
    expect(answer.status).toBe(status);
    expect(answer.json.status.error).toContain(says);
    expect((await served.rest.result("GET", "/collections/all")).payload_schema).toEqual({});
  });
});

test("a path has one index, however it is written", async () => {
  const database = await open(":memory:");
  await database.createCollection("one", { vectors: { size: 1, distance: "Dot" } });
  await database.createPayloadIndex("one", { field_name: '"a"."b c"', field_schema: "keyword" });
  expect(Object.keys((await database.getCollection("one")).payload_schema)).toEqual(['a."b c"']);
  await database.deletePayloadIndex("one", 'a."b c"');
  expect((await database.getCollection("one")).payload_schema).toEqual({});
  expect(await refusal(database.deletePayloadIndex("one", "a["))).toMatchObject({ code: "BAD_REQUEST" });
  await database.close();
});

/** A type of the official client without the free-form objects that its generator puts beside what may be null. */
type Told<T> = T extends readonly (infer Item)[]
  ? Told<Item>[]
  : T extends object
    ? string extends keyof T
      ? never
      : { [Key in keyof T]: Told<T[Key]> }
    : T;

test("filters and schemas of the official client's types are ours", () => {
  type Filter = NonNullable<NonNullable<Parameters<Database["scroll"]>[1]>["filter"]>;
  type FieldSchema = NonNullable<Parameters<Database["createPayloadIndex"]>[1]["field_schema"]>;
  expectTypeOf<Filter>().not.toBeAny();
  const ours = <T>(given: T): T => given;
  const filter = { must: [{ has_id: [1] }, { key: "a", range: { gt: "2020-01-01" } }] } as Told<
    Schemas["Filter"]
  >;
  const schema = { type: "text", tokenizer: "word" } as NonNullable<Told<Schemas["PayloadFieldSchema"]>>;
  expect(ours<Filter>(filter)).toBe(filter);
  expect(ours<FieldSchema>(schema)).toBe(schema);
});
