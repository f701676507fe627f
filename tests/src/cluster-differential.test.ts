/**
 * A cluster against the same plain reference as one database: random writes and queries over three shards. `VICINAL_SEED` chooses
 * other cases, `VICINAL_CLUSTER_STORIES` how many. Left out is what a cluster does not promise: several writes of several shards,
 * all of them or none, and the order of writes that are sent at once.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { Database } from "vicinal/shard";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasEtcd, type LocalCluster, startCluster } from "./cluster-home.js";
import { type Story, stories, type Write } from "./differential/requests.js";
import { play, type Tally } from "./differential/story.js";

const seed = Number(process.env.VICINAL_SEED ?? 20_261_123);
const numRuns = Number(process.env.VICINAL_CLUSTER_STORIES ?? 25);

/** Writes one after the other, in one opening. */
function simpler({ metric, steps }: Story): Story {
  const single = (write: Write): Write[] => {
    if (write.kind === "reopen") return [];
    return write.kind === "batch" || write.kind === "together" ? write.writes.flatMap(single) : [write];
  };
  return { metric, steps: steps.map(({ writes, queries }) => ({ writes: writes.flatMap(single), queries })) };
}

describe.skipIf(!hasEtcd)("a cluster", () => {
  let folder: string;
  let cluster: LocalCluster;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "vicinal-"));
    cluster = await startCluster(folder);
  });
  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true });
  });

  test("answers as the reference does", async () => {
    const tally: Tally = { writes: 0, queries: 0, merges: 0, refused: 0 };
    let turn = 0;
    const begin = async () => {
      const { engine } = cluster.nodes[turn++ % cluster.nodes.length];
      // The embedded API over the cluster's engine; the cluster stays when it is closed.
      const database = new Database(engine as never, async () => {});
      return Object.assign(database, { close: cluster.clear });
    };
    await fc.assert(
      fc.asyncProperty(stories.map(simpler), (story) => play(story, tally, begin)),
      { seed, numRuns, endOnFailure: true },
    );
    console.log(`seed ${seed}: ${numRuns} stories, ${JSON.stringify(tally)}`);
    expect(tally.queries).toBeGreaterThan(4 * numRuns);
  }, 600_000);
});
