/** Analyses of stored points, embedded and over REST, on points whose clusters are known. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { refusal, type Served, serve } from "./homes.js";
import { random } from "./kill-workload.js";

const BLOBS = 4;
const EACH = 60;
const COUNT = BLOBS * EACH;
const OUTLIER = 9_000;
const TWIN = 9_001;

let home: Served;

/** A bell around 0. */
function bell(unit: () => number): number {
  return unit() + unit() + unit() - 1.5;
}

beforeAll(async () => {
  home = await serve();
  const unit = random(7);
  const centre = (blob: number) => Array.from({ length: 6 }, (_, i) => (i === blob ? 12 : 0));
  const points = Array.from({ length: COUNT }, (_, id) => ({
    id,
    vector: centre(id % BLOBS).map((x) => x + bell(unit)),
    payload: { blob: id % BLOBS },
  }));
  await home.database.createCollection("blobs", { vectors: { size: 6, distance: "Euclid" } });
  await home.database.upsert("blobs", {
    points: [
      ...points,
      { id: OUTLIER, vector: [-30, -30, -30, -30, -30, -30] },
      { id: TWIN, vector: points[5].vector.map((x) => x + 0.001) },
    ],
  });
});
afterAll(() => home.close());

type Labelled = { id: number; cluster: number }[];

/** Whether two points are in one cluster exactly where they are of one blob. */
function agrees(points: Labelled): void {
  const labels = new Map<number, number>();
  for (const { id, cluster } of points) {
    if (id >= COUNT) continue;
    const known = labels.get(id % BLOBS) ?? cluster;
    expect(cluster).toBe(known);
    labels.set(id % BLOBS, known);
  }
  expect(new Set(labels.values()).size).toBe(labels.size);
}

describe("embedded", () => {
  test.each([
    ["k-means", { kmeans: { k: BLOBS }, filter: { must_not: [{ has_id: [OUTLIER] }] } }, 0],
    ["k-means that chooses k", { kmeans: {}, filter: { must_not: [{ has_id: [OUTLIER] }] } }, 0],
    ["HDBSCAN", { hdbscan: { min_cluster_size: 10 } }, 1],
    ["DBSCAN", { dbscan: { max_distance: 3, min_points: 4 } }, 1],
  ])("%s finds the blobs", async (_name, request, noise) => {
    const found = await home.database.analyze("blobs", request);
    if (!("clusters" in found)) throw new Error("no clusters");
    expect(found.clusters.map(({ size }) => size).sort((a, b) => a - b)).toEqual([
      EACH,
      EACH,
      EACH,
      EACH + 1,
    ]);
    expect(found.noise).toBe(noise);
    agrees(found.points as Labelled);
    for (const { representative, cluster } of found.clusters)
      expect(found.points.find(({ id }) => id === representative)?.cluster).toBe(cluster);
  });

  test("near-duplicates and outliers", async () => {
    const twins = await home.database.analyze("blobs", { duplicates: { max_distance: 0.01 } });
    if (!("groups" in twins)) throw new Error("no groups");
    expect(twins.groups.map(({ ids }) => [...ids].sort())).toEqual([[5, TWIN]]);
    for (const method of ["lof", "distance"] as const) {
      const odd = await home.database.analyze("blobs", { outliers: { method, limit: 1 } });
      expect("points" in odd && odd.points.map(({ id }) => id)).toEqual([OUTLIER]);
    }
  });

  test.each(["pca", "umap"] as const)("%s keeps the blobs apart", async (method) => {
    const filter = { must_not: [{ has_id: [OUTLIER, TWIN] }] };
    const map = await home.database.analyze("blobs", { projection: { method }, filter });
    const again = await home.database.analyze("blobs", { projection: { method }, filter });
    expect(again).toEqual(map);
    const points = (map as { points: { id: number; x: number; y: number }[] }).points;
    let same = 0;
    for (const a of points) {
      const [nearest] = points
        .filter((b) => b !== a)
        .sort((b, c) => Math.hypot(b.x - a.x, b.y - a.y) - Math.hypot(c.x - a.x, c.y - a.y));
      if (nearest.id % BLOBS === a.id % BLOBS) same++;
    }
    expect(same / points.length).toBeGreaterThan(0.9);
  });

  test("of what a query finds, written to payloads", async () => {
    const vector = [12, 0, 0, 0, 0, 0];
    const found = await home.database.analyze("blobs", {
      of: { query: vector, limit: 2 * EACH },
      kmeans: { k: 2 },
      write: { key: "part" },
    });
    expect(found.count).toBe(2 * EACH);
    const { count } = await home.database.count("blobs", {
      filter: { must_not: [{ is_empty: { key: "part" } }] },
    });
    expect(count).toBe(2 * EACH);
  });

  test("reports progress, and ends when it is cancelled", async () => {
    const abort = new AbortController();
    const stages: string[] = [];
    const progress = (stage: string) => {
      stages.push(stage);
      if (stage === "neighbours") abort.abort();
    };
    const options = { signal: abort.signal, progress };
    expect((await refusal(home.database.analyze("blobs", { hdbscan: {} }, options))).code).toBe("CANCELLED");
    expect(stages[0]).toBe("reading");
  });

  test("refuses what it cannot do", async () => {
    const { database } = home;
    expect((await refusal(database.analyze("blobs", {}))).message).toContain("exactly one of");
    expect((await refusal(database.analyze("blobs", { kmeans: {}, limit: 10 }))).code).toBe("OUT_OF_RANGE");
    expect((await refusal(database.analyze("blobs", { kmeans: {}, using: "x" }))).code).toBe(
      "UNKNOWN_VECTOR",
    );
    expect((await refusal(database.analyze("none", { kmeans: {} }))).code).toBe("COLLECTION_NOT_FOUND");
    const filter = { must: [{ has_id: [1] }] };
    expect((await refusal(database.analyze("blobs", { kmeans: {}, filter }))).code).toBe("OUT_OF_RANGE");
  });
});

test("clusters are told apart by the words of their points", async () => {
  const { database } = home;
  const subjects = ["whales and dolphins", "violins and cellos", "trains and trams", "bread and cheese"];
  await database.batchUpdate("blobs", {
    operations: subjects.map((text, blob) => ({
      set_payload: {
        payload: { about: { texts: [`A short note on ${text}`, "read it"] } },
        filter: { must: [{ key: "blob", match: { value: blob } }] },
      },
    })),
  });
  const words = { key: "about.texts", limit: 3 };
  const found = await database.analyze("blobs", { hdbscan: { min_cluster_size: 10 }, words });
  if (!("clusters" in found)) throw new Error("clusters were asked for");
  const marks = found.clusters.map(({ words = [] }) => words.toSorted().join(" and ")).sort();
  expect(marks).toEqual(subjects.map((text) => text.split(" and ").sort().join(" and ")).sort());
  const notClusters = database.analyze("blobs", { outliers: {}, words });
  expect((await refusal(notClusters)).code).toBe("BAD_REQUEST");
});

test("as a job over REST", async () => {
  const path = "/collections/blobs/analyses";
  const started = await home.rest.result("POST", path, { dbscan: { max_distance: 3 } });
  expect(started).toMatchObject({ task: "dbscan", status: "running" });
  const look = () => home.rest.result("GET", `${path}/${started.id}`);
  let job = await look();
  while (job.status === "running") {
    await new Promise((resolve) => setTimeout(resolve, 5));
    job = await look();
  }
  expect(job).toMatchObject({ status: "done", progress: 1 });
  expect(job.result.clusters).toHaveLength(BLOBS);
  const { jobs } = await home.rest.result("GET", path);
  expect(jobs).toHaveLength(1);
  expect(jobs[0]).not.toHaveProperty("result");
  expect(await home.rest.result("DELETE", `${path}/${started.id}`)).toBe(true);
  expect((await home.rest.call("GET", `${path}/${started.id}`)).status).toBe(404);
});

test("jobs go with their collection", async () => {
  const { database } = home;
  const make = () =>
    database.createCollection("short-lived", { vectors: { size: 2, distance: "Euclid" } }).then(() =>
      database.upsert("short-lived", {
        points: Array.from({ length: 2000 }, (_, id) => ({ id, vector: [id % 7, id % 11] })),
      }),
    );
  await make();
  const path = "/collections/short-lived/analyses";
  await home.rest.result("POST", path, { hdbscan: { min_cluster_size: 5 } });
  await database.deleteCollection("short-lived");
  await make();
  expect(await home.rest.result("GET", path)).toEqual({ jobs: [] });
});
