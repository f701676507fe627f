/**
 * The database against a plain reference: random collections, writes and queries; see differential/. A case that differs is made as
 * small as it gets and printed with its seed. `VICINAL_SEED` chooses other cases, `VICINAL_STORIES` how many.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { stories } from "./differential/requests.js";
import { play, type Tally } from "./differential/story.js";

const seed = Number(process.env.VICINAL_SEED ?? 20_261_122);
const numRuns = Number(process.env.VICINAL_STORIES ?? 400);

test("the database answers as the reference does", async () => {
  const tally: Tally = { writes: 0, queries: 0, merges: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(stories, (story) => play(story, tally)),
    { seed, numRuns },
  );
  console.log(`seed ${seed}: ${numRuns} stories, ${JSON.stringify(tally)}`);
  expect(tally.queries).toBeGreaterThan(4 * numRuns);
  expect(tally.merges).toBeGreaterThan(0.2 * numRuns);
}, 600_000);
