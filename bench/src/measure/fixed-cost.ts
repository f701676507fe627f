/**
 * What a query costs beside the search itself: an index of ten points, where there is nothing to walk. All of it is
 * the price of the interface: checking the request, planning, crossing into the engine, making the answer.
 */
import { random } from "../data/random.js";
import type { BuildParameters, Engine } from "../engines/engine.js";
import { consume, median } from "./stats.js";

export interface FixedCost {
  engine: string;
  microseconds: number;
}

const dimensions = 100;
const count = 10;
const rounds = 9;
const roundQueries = 5000;

/** Median over rounds of the mean time of a query, engines in turns. */
export async function measureFixedCost(engines: Engine[], parameters: BuildParameters): Promise<FixedCost[]> {
  const draw = random(42);
  const base = Float32Array.from({ length: count * dimensions }, () => draw.normal());
  const vector = Float32Array.from({ length: dimensions }, () => draw.normal());
  const samples = engines.map((): number[] => []);
  for (const engine of engines) {
    await engine.build({ base, count, dimensions, metric: "Euclid" }, parameters, () => {});
    await engine.setEffort({ ef: count });
  }
  for (let round = 0; round <= rounds; round += 1) {
    for (const [i, engine] of engines.entries()) {
      const query = engine.prepare(vector);
      const started = performance.now();
      for (let n = 0; n < roundQueries; n += 1) {
        const answer = engine.search(query, count);
        consume(answer instanceof Promise ? await answer : answer);
      }
      // The first round warms up.
      if (round > 0) samples[i].push(((performance.now() - started) * 1000) / roundQueries);
    }
  }
  return engines.map((engine, i) => ({ engine: engine.name, microseconds: median(samples[i]) }));
}
