/** Plays a story to the database and to the reference, and compares every answer. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, open, VicinalError } from "vicinal";
import { expect } from "vitest";
import { merged, sourceLists } from "./merging.js";
import { type Dense, type Id, isSparse, Model, type Scored, stored, type Vector } from "./model.js";
import { asked, largerIsBetter, Refused, ranked } from "./ranking.js";
import type { Ask, Batch, Merge, PointWrite, Query, Rank, Story, Write } from "./requests.js";
import { dimensions } from "./requests.js";
import { batchDatabase, writeDatabase, writeModel, writeModelTogether } from "./writes.js";

const NAME = "points";
/** What 32-bit floats, and kernels that add in another order, may differ by. */
const TOLERANCE = 1e-4;

export interface Tally {
  writes: number;
  queries: number;
  /** Of the queries, those over prefetches whose answers could be compared. */
  merges: number;
  refused: number;
}

/** @param begin Opens what is compared with the reference: in that folder, or in memory. */
export async function play(
  story: Story,
  tally: Tally,
  begin: (path: string) => Promise<Database> = open,
): Promise<void> {
  const onDisk = story.steps.some(({ writes }) => writes.some(({ kind }) => kind === "reopen"));
  const folder = onDisk ? await mkdtemp(join(tmpdir(), "vicinal-")) : undefined;
  const path = folder ?? ":memory:";
  let database = await begin(path);
  try {
    await database.createCollection(NAME, {
      vectors: {
        image: { size: dimensions.image, distance: story.metric },
        text: { size: dimensions.text, distance: story.metric },
        patches: {
          size: dimensions.patches,
          distance: story.metric,
          multivector_config: { comparator: "max_sim" },
        },
      },
      sparse_vectors: { words: {} },
    });
    const model = new Model(story.metric);
    for (const { writes, queries } of story.steps) {
      for (const write of writes) {
        tally.writes++;
        if (write.kind === "reopen") {
          await database.close();
          database = await begin(path);
        } else await perform(database, model, write, tally);
      }
      for (const query of queries) {
        tally.queries++;
        await compare(database, model, query, tally);
      }
    }
  } finally {
    await database.close();
    if (folder) await rm(folder, { recursive: true });
  }
}

async function perform(
  database: Database,
  model: Model,
  write: Exclude<Write, { kind: "reopen" }>,
  tally: Tally,
): Promise<void> {
  switch (write.kind) {
    case "index": {
      model.indexes.set(write.path, write.type);
      const request = { field_name: write.path, field_schema: write.type } as never;
      await database.createPayloadIndex(NAME, request);
      return;
    }
    case "together":
      // All are under way before the first is awaited, so that they share groups of the log.
      await Promise.all(write.writes.map((one) => performWrite(database, model, one, tally)));
      return;
    default:
      await performWrite(database, model, write, tally);
  }
}

function performWrite(
  database: Database,
  model: Model,
  write: PointWrite | Batch,
  tally: Tally,
): Promise<unknown> {
  if (write.kind === "batch")
    return agree(
      tally,
      () => writeModelTogether(model, write.writes),
      () => batchDatabase(database, NAME, write.writes),
    );
  return agree(
    tally,
    () => writeModel(model, write),
    () => writeDatabase(database, NAME, write),
  );
}

/** Both do it, or both refuse. */
async function agree<M, D>(
  tally: Tally,
  reference: () => M,
  real: () => Promise<D>,
): Promise<{ expected: M; found: D } | undefined> {
  let expected: M;
  try {
    expected = reference();
  } catch (reason) {
    if (!(reason instanceof Refused)) throw reason;
    tally.refused++;
    await expect(real(), `refused: ${reason.message}`).rejects.toBeInstanceOf(VicinalError);
    return undefined;
  }
  return { expected, found: await real() };
}

// ----------------------------------------------------------------------------------------------- queries

async function compare(database: Database, model: Model, query: Query, tally: Tally): Promise<void> {
  const { ask, filter } = query;
  switch (ask.kind) {
    case "scroll":
      return compareScroll(database, model, query);
    case "count":
      expect((await database.count(NAME, { filter } as never)).count).toBe(model.matching(filter).length);
      return;
    case "facet":
      return compareFacet(database, model, query, ask.path, tally);
    case "order":
      return compareOrder(database, model, query, ask, tally);
    case "groups":
      return compareGroups(database, model, query, ask, tally);
    case "merge":
      return compareMerge(database, model, query, ask, tally);
    default:
      return compareRanking(database, model, query, ask, tally);
  }
}

async function compareRanking(
  database: Database,
  model: Model,
  query: Query,
  rank: Rank,
  tally: Tally,
): Promise<void> {
  const { using, filter, limit, offset } = query;
  const request = { ...asked(rank), using, filter, limit, offset } as never;
  const answer = await agree(
    tally,
    () => ranked(model, query, rank),
    async () => (await database.query(NAME, request)).points,
  );
  if (!answer) return;
  const larger = largerIsBetter(model, query, rank);
  checkRanking(answer.found as Scored[], answer.expected, { limit, offset, larger });
}

async function compareMerge(
  database: Database,
  model: Model,
  query: Query,
  merge: Merge,
  tally: Tally,
): Promise<void> {
  const { filter, limit, offset } = query;
  const prefetch = merge.sources.map(({ rank, ...source }) => ({ ...source, ...asked(rank) }));
  const request = { prefetch, query: merge.how, filter, limit, offset } as never;
  let unclear = false;
  const answer = await agree(
    tally,
    () => {
      const lists = sourceLists(model, filter, merge.sources);
      unclear = lists === undefined;
      return lists ? merged(model, merge.how, lists) : [];
    },
    async () => (unclear ? [] : (await database.query(NAME, request)).points),
  );
  if (!answer || unclear) return;
  tally.merges++;
  checkRanking(answer.found as Scored[], answer.expected, { limit, offset, larger: true });
}

/** The type of the index at that path, where it is one of these. */
function indexType(model: Model, path: string, types: readonly string[]): string {
  const type = model.indexes.get(path);
  if (!type || !types.includes(type)) throw new Refused(`no index of type ${types} at ${path}`);
  return type;
}

async function compareFacet(
  database: Database,
  model: Model,
  { filter, limit }: Query,
  path: string,
  tally: Tally,
): Promise<void> {
  const answer = await agree(
    tally,
    () => {
      const type = indexType(model, path, ["keyword", "integer", "bool"]);
      const counts = new Map<string, number>();
      for (const point of model.matching(filter))
        for (const value of model.fieldValues(point, path, type))
          counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
      return counts;
    },
    async () => (await database.facet(NAME, { key: path, filter, limit } as never)).hits,
  );
  if (!answer) return;
  const { found, expected } = answer;
  const best = [...expected.values()].sort((a, b) => b - a).slice(0, limit);
  expect(found.map(({ count }) => count)).toEqual(best);
  for (const { value, count } of found) expect(count).toBe(expected.get(String(value)));
}

async function compareOrder(
  database: Database,
  model: Model,
  { filter, limit }: Query,
  { path, direction }: Extract<Ask, { kind: "order" }>,
  tally: Tally,
): Promise<void> {
  const order_by = { key: path, direction };
  const answer = await agree(
    tally,
    () => {
      const type = indexType(model, path, ["integer", "float", "datetime"]);
      const entries = model
        .matching(filter)
        .flatMap((point) => model.fieldValues(point, path, type).map((value) => ({ id: point.id, value })));
      const sign = direction === "asc" ? 1 : -1;
      return entries.sort((a, b) => (a.value < b.value ? -sign : a.value > b.value ? sign : 0));
    },
    async () => (await database.scroll(NAME, { filter, limit, order_by } as never)).points,
  );
  if (!answer) return;
  const expected = answer.expected.slice(0, limit);
  expect(answer.found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
  answer.found.forEach(({ order_value: found }, i) => {
    const { value } = expected[i];
    // A number and a bigint are compared by their values, which `===` would not do.
    const same = typeof found === typeof value ? found === value : Number(found) === Number(value);
    expect(same, `${found} in place ${i}, ${value} expected`).toBe(true);
  });
}

async function compareGroups(
  database: Database,
  model: Model,
  query: Query,
  { path, size, rank }: Extract<Ask, { kind: "groups" }>,
  tally: Tally,
): Promise<void> {
  const { using, filter, limit } = query;
  const request = { ...asked(rank), using, filter, limit, group_by: path, group_size: size } as never;
  const answer = await agree(
    tally,
    () => groupsOf(model, ranked(model, query, rank), path, largerIsBetter(model, query, rank)),
    async () => (await database.queryGroups(NAME, request)).groups,
  );
  if (!answer) return;
  const { found, expected } = answer;
  const larger = largerIsBetter(model, query, rank);
  expect(found.length).toBe(Math.min(limit, expected.size));
  const firsts = [...expected.values()].map(([{ score }]) => score);
  found.forEach(({ id, hits }, i) => {
    const group = expected.get(String(id)) ?? [];
    expect(close(hits[0].score, firsts[i]), `best of group ${i}`).toBe(true);
    checkRanking(hits as Scored[], group, { limit: size, offset: 0, larger });
  });
}

/** Groups in the order of their best points, with all their points, best first. */
function groupsOf(
  model: Model,
  all: readonly Scored[],
  path: string,
  larger: boolean,
): Map<string, Scored[]> {
  const groups = new Map<string, Scored[]>();
  for (const scored of [...all].sort((a, b) => (larger ? b.score - a.score : a.score - b.score))) {
    const point = model.find(scored.id);
    for (const key of point ? model.groupKeys(point, path) : []) {
      const group = groups.get(String(key)) ?? [];
      groups.set(String(key), group);
      group.push(scored);
    }
  }
  return groups;
}

/** Whole points in the order of their ids. */
async function compareScroll(database: Database, model: Model, { filter, limit }: Query): Promise<void> {
  const found = await database.scroll(NAME, { filter, limit, with_vector: true } as never);
  const expected = model.matching(filter);
  expect(found.points.map(({ id }) => id)).toEqual(expected.slice(0, limit).map(({ id }) => id));
  expect(found.next_page_offset ?? undefined).toEqual(expected[limit]?.id);
  for (const { id, payload, vector } of found.points) {
    const point = model.find(id as Id);
    expect(payload).toEqual(stored(point?.payload ?? {}));
    const vectors = (vector ?? {}) as Record<string, Vector>;
    expect(Object.keys(vectors).sort()).toEqual(Object.keys(point?.vectors ?? {}).sort());
    for (const [name, found] of Object.entries(vectors)) {
      const wanted = numbersOf(model.exampleVector(name, id as Id));
      const numbers = numbersOf(found);
      expect(numbers.length).toBe(wanted.length);
      numbers.forEach((value, i) => {
        expect(Math.abs(value - wanted[i])).toBeLessThan(TOLERANCE);
      });
    }
  }
}

/** All numbers of a vector, in one list. */
function numbersOf(vector: Vector): number[] {
  if (isSparse(vector)) return [...vector.indices, ...vector.values];
  return Array.from<number | ArrayLike<number>>(vector as Dense).flatMap((part) =>
    typeof part === "number" ? [part] : Array.from(part),
  );
}

/** Equally good points may stand in any order, so scores are compared by their places, and points by their scores. */
function checkRanking(
  found: readonly Scored[],
  all: readonly Scored[],
  { limit, offset, larger }: { limit: number; offset: number; larger: boolean },
): void {
  const scoreOf = new Map(all.map(({ id, score }) => [String(id), score]));
  const best = [...scoreOf.values()].sort((a, b) => (larger ? b - a : a - b)).slice(offset, offset + limit);
  expect(found.map(({ score }) => score)).toHaveLength(best.length);
  expect(new Set(found.map(({ id }) => String(id))).size).toBe(found.length);
  found.forEach(({ id, score }, i) => {
    expect(close(score, best[i]), `score ${score} of ${id} in place ${i}, ${best[i]} expected`).toBe(true);
    const own = scoreOf.get(String(id));
    expect(own !== undefined && close(score, own), `score ${score} of ${id}, ${own} expected`).toBe(true);
  });
}

const close = (a: number, b: number) => Math.abs(a - b) <= TOLERANCE * (1 + Math.abs(b));
