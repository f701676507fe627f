/** Advice as a picture: memory against speed at the wanted recall, and the line that nothing beats. */
import type { Advice, AdviceRow } from "vicinal";
import { bytes } from "./advice-text.js";
import { chart, type Point } from "./chart.js";
import { linearScale, logScale } from "./scale.js";

/** Values this many times apart are drawn on a logarithmic axis. */
const WIDE = 8;

export function advicePlot(collection: string, advice: Advice): string {
  const { rows, recommended, points, dimensions, metric, wanted, sampled, queries } = advice;
  const point = (row: AdviceRow): Point => ({
    x: row.bytesPerVector,
    y: row.queriesPerSecond,
    label: row.name,
    ringed: row === recommended,
  });
  const families = [...new Set(rows.map(({ family }) => family))].sort();
  const frontier = rows
    .filter(({ pareto }) => pareto)
    .map(point)
    .sort((a, b) => a.x - b.x);
  const widths = rows.map(({ bytesPerVector }) => bytesPerVector);
  const limit = wanted.memoryBytes === undefined ? undefined : wanted.memoryBytes / points;
  const wide = Math.max(...widths) / Math.min(...widths) > WIDE;
  const fastest = recommended ? `; ringed: recommended (${recommended.name})` : "";
  return chart({
    title: `${collection}: ${points.toLocaleString("en")} x ${dimensions}, ${metric}, recall@${wanted.k} of ${wanted.recall}`,
    subtitle: `left and up is better; dashed: beaten by none${fastest}`,
    footer: `${sampled.toLocaleString("en")} vectors sampled, ${queries.count} queries ${queries.source}; one query at a time`,
    x: { label: "bytes per vector, floats included", scale: (wide ? logScale : linearScale)(widths) },
    y: {
      label: "queries per second of processor time",
      scale: logScale(rows.map(({ queriesPerSecond }) => queriesPerSecond)),
    },
    series: families.map((family) => ({
      name: family,
      points: rows.filter((row) => row.family === family).map(point),
    })),
    frontier,
    limits:
      limit === undefined || wanted.memoryBytes === undefined
        ? []
        : [{ axis: "x", value: limit, name: `${bytes(wanted.memoryBytes)} in all` }],
  });
}
