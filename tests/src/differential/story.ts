/** Plays a story to the database and to the reference, and compares every answer. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Database, open, VicinalError } from "vicinal";
import { expect } from "vitest";
import { type Id, largerIsNearer, Model, type Scored, stored, type Vector } from "./model.js";
import {
  type Ask,
  type Batch,
  dimensions,
  type Example,
  type PointWrite,
  type Query,
  type Rank,
  type Story,
  type Write,
} from "./requests.js";
import { batchDatabase, Refused, writeDatabase, writeModel, writeModelTogether } from "./writes.js";

const NAME = "points";
/** What 32-bit floats, and kernels that add in another order, may differ by. */
const TOLERANCE = 1e-4;

export interface Tally {
  writes: number;
  queries: number;
  refused: number;
}

export async function play(story: Story, tally: Tally): Promise<void> {
  const onDisk = story.steps.some(({ writes }) => writes.some(({ kind }) => kind === "reopen"));
  const folder = onDisk ? await mkdtemp(join(tmpdir(), "vicinal-")) : undefined;
  const path = folder ?? ":memory:";
  let database = await open(path);
  try {
    await database.createCollection(NAME, {
      vectors: {
        image: { size: dimensions.image, distance: story.metric },
        text: { size: dimensions.text, distance: story.metric },
      },
    });
    const model = new Model(story.metric);
    for (const { writes, queries } of story.steps) {
      for (const write of writes) {
        tally.writes++;
        if (write.kind === "reopen") {
          await database.close();
          database = await open(path);
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
  const larger = largerIsBetter(model, rank);
  checkRanking(answer.found as Scored[], answer.expected, { limit, offset, larger });
}

function largerIsBetter(model: Model, { kind }: Rank): boolean {
  return (kind !== "nearest" && kind !== "average") || largerIsNearer(model.metric);
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
    () => groupsOf(model, ranked(model, query, rank), path, largerIsBetter(model, rank)),
    async () => (await database.queryGroups(NAME, request)).groups,
  );
  if (!answer) return;
  const { found, expected } = answer;
  const larger = largerIsBetter(model, rank);
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
    const vectors = (vector ?? {}) as Record<string, ArrayLike<number>>;
    expect(Object.keys(vectors).sort()).toEqual(Object.keys(point?.vectors ?? {}).sort());
    for (const [name, values] of Object.entries(vectors)) {
      const wanted = model.exampleVector(name, id as Id);
      Array.from(values).forEach((value, i) => {
        expect(Math.abs(value - wanted[i])).toBeLessThan(TOLERANCE);
      });
    }
  }
}

const pairsAsked = (pairs: [Example, Example][]) =>
  pairs.map(([positive, negative]) => ({ positive, negative }));

const strategies = { average: "average_vector", best: "best_score", sum: "sum_scores" } as const;

function asked(ask: Rank): object {
  switch (ask.kind) {
    case "nearest":
      return { query: { nearest: ask.query } };
    case "discover":
      return { query: { discover: { target: ask.target, context: pairsAsked(ask.pairs) } } };
    case "context":
      return { query: { context: pairsAsked(ask.pairs) } };
    default: {
      const { positive, negative } = ask;
      return { query: { recommend: { positive, negative, strategy: strategies[ask.kind] } } };
    }
  }
}

const bent = (x: number) => x / (1 + Math.abs(x));
const scaled = (x: number) => (bent(x) + 1) / 2;
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function mean(vectors: readonly Vector[]): Vector {
  return vectors[0].map((_, i) => sum(vectors.map((vector) => vector[i])) / vectors.length);
}

/** All points with their scores. */
function ranked(model: Model, { using, filter }: Query, ask: Rank): Scored[] {
  const examples = examplesOf(ask);
  for (const example of examples)
    if (typeof example !== "object" && !model.find(example)?.vectors[using])
      throw new Refused(`no vector ${using} of ${example}`);
  const named = examples.map(String);
  const points = model.matching(filter).filter(({ id }) => !named.includes(String(id)));
  const vectorOf = (example: Example) => model.exampleVector(using, example);
  switch (ask.kind) {
    case "nearest":
      return model.nearest(using, vectorOf(ask.query), points);
    case "average": {
      const towards = mean(ask.positive.map(vectorOf));
      const away = ask.negative.length > 0 ? mean(ask.negative.map(vectorOf)) : towards;
      return model.nearest(
        using,
        towards.map((value, i) => 2 * value - away[i]),
        points,
      );
    }
    case "best":
      return model.byExamples(using, points, (s) => {
        const best = Math.max(...ask.positive.map(s));
        const worst = Math.max(...ask.negative.map(s));
        return best > worst ? scaled(best) : -scaled(worst);
      });
    case "sum":
      return model.byExamples(using, points, (s) => sum(ask.positive.map(s)) - sum(ask.negative.map(s)));
    case "discover":
      return model.byExamples(
        using,
        points,
        (s) => sum(ask.pairs.map(([p, n]) => Math.sign(s(p) - s(n)))) + scaled(s(ask.target)),
      );
    case "context":
      return model.byExamples(using, points, (s) =>
        sum(ask.pairs.map(([p, n]) => bent(Math.min(0, s(p) - s(n))))),
      );
  }
}

function examplesOf(ask: Rank): Example[] {
  if (ask.kind === "nearest") return [ask.query];
  if (ask.kind === "discover") return [ask.target, ...ask.pairs.flat()];
  if (ask.kind === "context") return ask.pairs.flat();
  return [...ask.positive, ...ask.negative];
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
