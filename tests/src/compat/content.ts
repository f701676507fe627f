/** What a database says of itself, for comparison with what it said when it was written. */
import type { Database } from "vicinal";

export type Content = Record<string, Record<string, unknown>>;

const filters = {
  integer: { key: "integer", range: { lt: 20 } },
  float: { key: "float", range: { gte: 5 } },
  keyword: { key: "keyword", match: { value: "k1" } },
  patched: { key: "keyword", match: { value: "patched" } },
  only: { key: "only", match: { value: "this" } },
  bool: { key: "bool", match: { value: true } },
  datetime: { key: "datetime", range: { lt: "2020-01-09T00:00:00Z" } },
  geo: { key: "geo", geo_radius: { center: { lon: 10, lat: 10 }, radius: 1_000_000 } },
  text: { key: "text", match: { text: "number 3" } },
  uuid: { key: "uuid", match: { value: "00000000-0000-4000-8000-000000000002" } },
  nested: { key: "nested.list[].deep", match: { value: 1 } },
} as const;

const query = [0.5, -0.25, 0.125, 0.75, -0.5, 0.25, -1, 0.375];

export async function contentOf(database: Database): Promise<Content> {
  const content: Content = { aliases: { ...(await database.getAliases()) } };
  for (const { name } of (await database.getCollections()).collections) {
    const { config, points_count, payload_schema } = await database.getCollection(name);
    const { points } = await database.scroll(name, { limit: 1000, with_vector: true });
    const counts: Record<string, number> = {};
    const searches: Record<string, unknown> = {};
    if (name === "everything")
      for (const [label, condition] of Object.entries(filters))
        counts[label] = (await database.count(name, { filter: { must: [condition] } })).count;
    for (const [using, asked] of Object.entries(name === "everything" ? everything : { "": query })) {
      const answer = await database.query(name, { query: asked, using, limit: 5, params: { exact: true } });
      searches[using] = answer.points.map(({ id, score }) => [id, Math.fround(score)]);
    }
    content[name] = {
      params: config.params,
      points_count,
      fields: Object.fromEntries(
        Object.entries(payload_schema).map(([path, schema]) => [
          path,
          (schema as { data_type: string }).data_type,
        ]),
      ),
      points,
      counts,
      searches,
    };
  }
  return JSON.parse(
    JSON.stringify(content, (_, value) => (value instanceof Float32Array ? [...value] : value)),
  );
}

const everything = {
  dense: query,
  bytes: query.map((x) => Math.round(x * 64 + 64)),
  some: query.slice(0, 4),
  many: [query.slice(0, 4), query.slice(4)],
  words: { indices: [2, 12], values: [1, 1] },
};
