/**
 * `npm run filters -w bench`: how long it takes to find 1 % of a million points by their payload, without and with a field
 * index of each type; and to count the values of a field (facets), of all points and of those 1 %. All through the database's own
 * operations, over all segments. Times are of the process's own work (user and system), the median of some runs: they say the
 * same on a machine that has other things to do.
 */
import { type Condition, open } from "vicinal";
import { random as seeded } from "./data/random.js";

const POINTS = Number(process.argv[2] ?? 1_000_000);
const BATCH = 10_000;
const WORDS = 20_000;
const day = 86_400_000;

const random = seeded(1).uniform;
/** Some words are frequent, most are rare. */
const word = (): string => `w${Math.floor(random() ** 3 * WORDS)}`;

function payloadOf(id: number) {
  return {
    group: `g${id % 100}`,
    word: word(),
    flag: random() < 0.3,
    small: Math.floor(random() ** 2 * 1000),
    rank: Math.floor(random() * 100_000),
    time: new Date(1_600_000_000_000 + Math.floor(random() * 1000) * day).toISOString(),
    place: { lon: random() * 360 - 180, lat: random() * 160 - 80 },
    text: `${word()} ${word()} ${word()} ${word()} ${word()} ${word()}`,
  };
}

const conditions: [type: string, field: string, condition: Condition][] = [
  ["keyword", "group", { key: "group", match: { value: "g7" } }],
  ["integer", "rank", { key: "rank", range: { gte: 50_000, lt: 51_000 } }],
  ["datetime", "time", { key: "time", range: { gte: "2021-01-01", lt: "2021-01-11" } }],
  ["geo", "place", { key: "place", geo_radius: { center: { lon: 10, lat: 50 }, radius: 1_170_000 } }],
  ["text", "text", { key: "text", match: { text_any: "w40 w80 w160 w320 w640" } }],
];

/** Milliseconds of processor time, the median of some runs, and what the last one counted. */
async function measured(runs: number, work: () => Promise<number>): Promise<{ ms: number; count: number }> {
  const times: number[] = [];
  let count = 0;
  for (let run = 0; run < runs; run++) {
    const begun = process.cpuUsage();
    count = await work();
    const { user, system } = process.cpuUsage(begun);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  return { ms: times[times.length >> 1], count };
}

const database = await open(":memory:");
await database.createCollection("points", {
  vectors: { size: 2, distance: "Euclid" },
  hnsw_config: { m: 0 },
});
for (let first = 0; first < POINTS; first += BATCH) {
  const points = Array.from({ length: BATCH }, (_, i) => ({
    id: first + i,
    vector: [1, 2],
    payload: payloadOf(first + i),
  }));
  await database.upsert("points", { points });
}
console.log(`${POINTS} points, Node ${process.version}`);
console.log("type      matches    payloads    first use  index      times   created in");
for (const [type, field_name, condition] of conditions) {
  const count = async () => (await database.count("points", { filter: { must: [condition] } })).count;
  const scan = await measured(1, count);
  const begun = performance.now();
  await database.createPayloadIndex("points", { field_name, field_schema: type as "keyword" });
  const created = performance.now() - begun;
  // Cells and postings are made when they are first needed.
  const first = await measured(1, count);
  const indexed = await measured(11, count);
  console.log(
    [
      type.padEnd(8),
      String(indexed.count).padStart(8),
      `${scan.ms.toFixed(0)} ms`.padStart(11),
      `${first.ms.toFixed(0)} ms`.padStart(12),
      `${indexed.ms.toFixed(2)} ms`.padStart(10),
      `${(scan.ms / indexed.ms).toFixed(0)}`.padStart(8),
      `${(created / 1000).toFixed(1)} s`.padStart(10),
    ].join(" "),
  );
}

const facets: [type: string, key: string][] = [
  ["keyword", "group"],
  ["keyword", "word"],
  ["integer", "small"],
  ["integer", "rank"],
  ["bool", "flag"],
];
const onePercent = { must: [conditions[0][2]] };
console.log("\nfacet    field    values   first use   all points   1 % of them");
for (const [type, key] of facets) {
  await database.createPayloadIndex("points", { field_name: key, field_schema: type as "keyword" });
  const count = (filter?: typeof onePercent) => async () =>
    (await database.facet("points", { key, limit: 100, filter })).hits.length;
  const first = await measured(1, count());
  const all = await measured(11, count());
  const some = await measured(11, count(onePercent));
  console.log(
    [
      type.padEnd(8),
      key.padEnd(8),
      String(all.count).padStart(6),
      ...[first, all, some].map(({ ms }) => `${ms.toFixed(1)} ms`.padStart(12)),
    ].join(" "),
  );
}
await database.close();
