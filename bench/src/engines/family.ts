/** Index families of Vicinal by themselves, without a database around them. */
import { createIndex, familyNames, type Index } from "vicinal/index";
import { type Engine, steps } from "./engine.js";

interface Hits {
  labels: Int32Array;
}

/** All families that there are, by name. */
export const familyEngines: Record<string, () => Engine> = Object.fromEntries(
  familyNames.map((name) => [name, () => family(name)]),
);

/** A family with its defaults. */
function family(name: string): Engine<Float32Array, Hits> {
  let index: Index;
  let effort: number | undefined;
  return {
    name,
    notes: [],
    takesRecall: false,
    async build({ base, dimensions, metric }, _parameters, report) {
      // Each dial is measured here, so the index need not measure itself.
      index = await createIndex({ family: name, dimensions, metric, calibrate: false });
      await index.add(base);
      await index.build({ progress: report });
    },
    efforts: () => (index.effort ? steps(index.effort) : [1]).map((value) => ({ effort: value })),
    memoryBytes: () => index.memoryBytes(),
    setEffort: (given) => {
      if ("effort" in given) effort = given.effort;
    },
    prepare: (query) => query.slice(),
    search: (query, k) => index.search(query, k, { effort }),
    ids: ({ labels }) => labels,
    close: () => index?.close(),
  };
}
