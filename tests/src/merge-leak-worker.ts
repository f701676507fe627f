/** Seals and merges small segments, and says how much memory the process holds after a third and at the end. */
import { open } from "vicinal";
import { clustered } from "./clustered.js";

const cycles = Number(process.argv[2]);
const POINTS = 600;
const NEW_POINTS = 30;
const DIMENSIONS = 128;
const NAME = "points";

async function resident(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return process.memoryUsage.rss();
}

const vectorOf = clustered(DIMENSIONS, 3);
const database = await open(":memory:");
await database.createCollection(NAME, {
  vectors: { size: DIMENSIONS, distance: "Euclid" },
  optimizers_config: { indexing_threshold: 1 },
});
let next = 0;
const upsert = (count: number) =>
  database.upsert(NAME, {
    points: Array.from({ length: count }, () => ({ id: next++, vector: vectorOf(), payload: { next } })),
  });
await upsert(POINTS);
let early = 0;
let merges = 0;
for (let cycle = 0; cycle < cycles; cycle++) {
  await upsert(NEW_POINTS);
  const { segments_count } = await database.getCollection(NAME);
  await database.delete(NAME, {
    points: Array.from({ length: NEW_POINTS }, (_, i) => next - POINTS - i - 1),
  });
  await database.waitForIndex(NAME, { everything: true });
  // What was sealed beside the large segment went into it.
  if (segments_count > 1 && (await database.getCollection(NAME)).segments_count === 1) merges++;
  if (cycle === Math.floor(cycles / 3)) early = await resident();
}
const { count } = await database.count(NAME, {});
console.log(JSON.stringify({ early, late: await resident(), count, merges }));
await database.close();
