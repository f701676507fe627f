/** `npm run data -w bench -- <name> ...`: makes the named data sets, skipping those that exist. */
import { progress } from "@vicinal/cli/progress";
import { dataSetExists, truthDepth, writeDataSet } from "./layout.js";
import { sources } from "./sources.js";
import { exactNeighbors } from "./truth.js";

async function make(name: string): Promise<void> {
  if (dataSetExists(name)) {
    console.log(`${name}: exists`);
    return;
  }
  const reading = progress(`${name}: vectors`);
  const { meta, base, queries } = await sources[name](reading.update);
  reading.end();
  const searching = progress(`${name}: exact neighbours`);
  const { dimensions, metric } = meta;
  const neighbors = await exactNeighbors(
    { base, queries, dimensions, metric, depth: truthDepth },
    searching.update,
  );
  searching.end();
  console.log(`${name}: ${await writeDataSet({ meta, base, queries, neighbors })}`);
}

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in sources));
if (names.length === 0 || unknown !== undefined) {
  if (unknown !== undefined) console.error(`unknown data set ${unknown}`);
  console.error(`usage: npm run data -w bench -- <name> ...   names: ${Object.keys(sources).join(", ")}`);
  process.exitCode = 1;
} else {
  try {
    for (const name of names) await make(name);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
