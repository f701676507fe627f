/**
 * Bad input: each is refused with an error that names the culprit, embedded and over HTTP alike, and leaves
 * everything as it was. What the files bad-*.test.ts share: the collections, the forms of a case, and its test.
 */
import { type Database, type ErrorCode, errorCatalogue } from "vicinal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, type Served, serve, snapshot } from "./homes.js";

export const bodyLimitBytes = 1 << 20;

/** Arguments that no type allows. */
// biome-ignore lint/suspicious/noExplicitAny: the tests pass what the types refuse
export type Bad = any;

export interface Case {
  title: string;
  /** Method of the database, then the request over HTTP that means the same. */
  call: (database: Database, body: Bad) => Promise<unknown>;
  request: [method: string, path: string];
  /** Sent both ways, unless `json` says how the same fault looks in JSON. */
  body: Bad;
  json?: string;
  code: ErrorCode;
  /** Part of both messages. */
  says: string;
  /** The whole text over HTTP, where Qdrant has one. */
  text?: string;
}

export const good = { id: 9, vector: [1, 2, 3, 4], payload: { rank: 9 } };
export const write = {
  call: (database: Database, body: Bad) => database.upsert("points", body),
  request: ["PUT", "/collections/points/points?wait=true"] as [string, string],
};
export const query = {
  call: (database: Database, body: Bad) => database.query("points", body),
  request: ["POST", "/collections/points/points/query"] as [string, string],
};
export const scroll = {
  call: (database: Database, body: Bad) => database.scroll("points", body),
  request: ["POST", "/collections/points/points/scroll"] as [string, string],
};
export const remove = {
  call: (database: Database, body: Bad) => database.delete("points", body),
  request: ["POST", "/collections/points/points/delete?wait=true"] as [string, string],
};
export const patch = {
  call: (database: Database, body: Bad) => database.setPayload("points", body),
  request: ["POST", "/collections/points/points/payload?wait=true"] as [string, string],
};
export const index = {
  call: (database: Database, body: Bad) => database.createPayloadIndex("points", body),
  request: ["PUT", "/collections/points/index?wait=true"] as [string, string],
};
export const create = (name: string) => ({
  call: (database: Database, body: Bad) => database.createCollection(name, body),
  request: ["PUT", `/collections/${encodeURIComponent(name)}`] as [string, string],
});
/** A batch whose last point is the bad one. */
export const withGood = (point: object) => ({ points: [good, { ...good, id: 10 }, { id: 11, ...point }] });

/** A database with the collections `points` and `named` behind a server, for the tests of a file. */
export function servedCollections(): () => Served {
  let served: Served;
  beforeAll(async () => {
    served = await serve(":memory:", { bodyLimitBytes });
    const { database } = served;
    await database.createCollection("points", { vectors: { size: 4, distance: "Dot" } });
    await database.createPayloadIndex("points", { field_name: "rank", field_schema: "integer" });
    await database.upsert("points", {
      points: [1, 2, 3].map((id) => ({ id, vector: [id, 0, 0, 1], payload: { rank: id, word: `w${id}` } })),
    });
    await database.createCollection("named", {
      vectors: { image: { size: 3, distance: "Cosine" }, text: { size: 2, distance: "Euclid" } },
    });
    await database.upsert("named", { points: [{ id: 1, vector: { image: [1, 0, 0] } }] });
  });
  afterAll(() => served.close());
  return () => served;
}

/** Every case of every group is refused both ways, and leaves everything as it was. */
export function refuses(served: () => Served, groups: Record<string, Case[]>): void {
  describe.each(Object.entries(groups))("%s", (_, cases) => {
    test.each(cases)("$title", async ({ call, request: [method, path], body, json, code, says, text }) => {
      const { database, rest } = served();
      const before = await snapshot(database);

      const embedded = await refusal(call(database, body));
      expect(embedded.code, embedded.message).toBe(code);
      expect(embedded.message).toContain(says);
      expect(await snapshot(database)).toEqual(before);

      const answer = await rest.call(method, path, json ?? body);
      expect(answer.status, answer.text).toBe(errorCatalogue[code].status);
      const { error } = answer.json.status;
      expect(error).toContain(says);
      if (text !== undefined) expect(error).toBe(text);
      expect(await snapshot(database)).toEqual(before);
    });
  });
}
