/** Recall against queries per second as a picture in SVG. */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Meta } from "../data/layout.js";
import type { EngineResult } from "../measure/curve.js";
import type { Machine } from "./machine.js";

/** Colours that differ in lightness too; Vicinal's own comes first. */
const colours = ["#d1495b", "#00798c", "#8d6a9f", "#b8860b", "#4f5d75"];

/** Recalls below this say little about a search that one would use. */
const lowestRecall = 0.8;

/** Shows recall r at -log10(1 - r), so that 0.9, 0.99 and 0.999 stand equally far apart. */
const nines = (recall: number) => -Math.log10(Math.max(1 - recall, 1e-4));

const recallTicks = [0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999];

export function curvePlot(meta: Meta, results: readonly EngineResult[], k: number, machine: Machine): string {
  const { document } = parseHTML("<html><body></body></html>");
  const points = results.flatMap((result) =>
    result.points
      .filter((point) => "ef" in point.effort && point.recall >= lowestRecall)
      .map((point) => ({
        engine: `${result.engine} ${result.version}`,
        recall: nines(point.recall),
        queriesPerSecond: point.queriesPerCpuSecond,
      })),
  );
  const engines = results.map((result) => `${result.engine} ${result.version}`);
  const last = Math.max(...points.map((point) => point.recall));
  const speeds = roundSteps(points.map((point) => point.queriesPerSecond));
  const svg = Plot.plot({
    document: document as unknown as Document,
    width: 760,
    height: 460,
    marginLeft: 64,
    marginRight: 28,
    marginTop: 76,
    marginBottom: 76,
    style: { fontSize: "13px", fontFamily: "system-ui, 'DejaVu Sans', sans-serif", color: "#1f2933" },
    x: {
      label: null,
      domain: [nines(lowestRecall), Math.max(last, nines(0.99)) * 1.02],
      ticks: recallTicks.map(nines).filter((tick) => tick <= Math.max(last, nines(0.99)) * 1.02),
      tickFormat: (tick: number) => String(Number((1 - 10 ** -tick).toFixed(4))),
      grid: true,
    },
    y: {
      type: "log",
      label: null,
      grid: true,
      domain: [speeds[0], speeds[speeds.length - 1]],
      ticks: speeds,
      tickFormat: (tick: number) => tick.toLocaleString("en"),
    },
    color: { domain: engines, range: colours },
    marks: [
      Plot.frame({ stroke: "#9aa5b1" }),
      Plot.line(points, {
        x: "recall",
        y: "queriesPerSecond",
        stroke: "engine",
        strokeWidth: 2,
        sort: "recall",
      }),
      Plot.dot(points, { x: "recall", y: "queriesPerSecond", fill: "engine", r: 3 }),
    ],
  }) as unknown as SVGSVGElement;

  const { processor, processors, node, commit, date } = machine;
  const title = `${meta.name}: ${meta.count.toLocaleString("en")} x ${meta.dimensions}, ${meta.metric}, k = ${k}`;
  const origin = `${processor} (${processors} processors), Node ${node}, commit ${commit}, ${date.slice(0, 10)}`;
  const text = (x: number, y: number, content: string, style: string, anchor = "start") =>
    `<text x="${x}" y="${y}" text-anchor="${anchor}" ${style}>${escaped(content)}</text>`;
  const legend = engines.map((engine, i) => {
    const x = 64 + i * (668 / Math.max(engines.length, 1));
    return `<circle cx="${x + 5}" cy="54" r="5" fill="${colours[i]}"/>${text(x + 16, 58, engine, 'font-size="13"')}`;
  });
  const dressing = [
    text(64, 22, title, 'font-size="16" font-weight="600"'),
    text(
      64,
      39,
      "queries per second of processor time, one at a time; up and right is better",
      'font-size="12"',
    ),
    ...legend,
    text(398, 424, `recall@${k} on held-out queries`, 'font-size="13"', "middle"),
    text(64, 446, origin, 'font-size="11"'),
  ].join("");
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  // A background of its own: dark text stays readable on a dark page.
  return `${svg.outerHTML
    .replace(/(<svg[^>]*>)/, '$1<rect width="760" height="460" fill="#ffffff"/>')
    .replace(/<\/svg>$/, `<g fill="#1f2933">${dressing}</g></svg>`)}\n`;
}

/** 1, 2 and 5 times powers of ten, from just below the least value to just above the greatest. */
function roundSteps(values: readonly number[]): number[] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const steps = Array.from({ length: 12 }, (_, power) =>
    [1, 2, 5].map((digit) => digit * 10 ** power),
  ).flat();
  const first = steps.findLastIndex((step) => step <= low);
  const last = steps.findIndex((step) => step >= high);
  return steps.slice(Math.max(first, 0), last + 1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
