/** Recall against queries per second as a picture in SVG. */
import { chart, logScale, recallScale } from "@vicinal/cli/report";
import type { Meta } from "../data/layout.js";
import { type EngineResult, titleOf } from "../measure/curve.js";
import type { Machine } from "./machine.js";

/** Recalls below this say little about a search that one would use. */
const lowestRecall = 0.8;

export function curvePlot(meta: Meta, results: readonly EngineResult[], k: number, machine: Machine): string {
  const series = results.map((result) => ({
    name: titleOf(result),
    line: true,
    points: result.points
      .filter((point) => !("recall" in point.effort) && point.recall >= lowestRecall)
      .map((point) => ({ x: point.recall, y: point.queriesPerCpuSecond }))
      .toSorted((a, b) => a.x - b.x),
  }));
  const { processor, processors, node, commit, date } = machine;
  return chart({
    title: `${meta.name}: ${meta.count.toLocaleString("en")} x ${meta.dimensions}, ${meta.metric}, k = ${k}`,
    subtitle: "one query at a time; up and right is better",
    footer: `${processor} (${processors} processors), Node ${node}, commit ${commit}, ${date.slice(0, 10)}`,
    x: { label: `recall@${k} on held-out queries`, scale: recallScale(lowestRecall) },
    y: {
      label: "queries per second of processor time",
      scale: logScale(series.flatMap(({ points }) => points.map(({ y }) => y))),
    },
    series: series.filter(({ points }) => points.length > 0),
  });
}
