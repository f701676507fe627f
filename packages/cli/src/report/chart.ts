/**
 * Charts as SVG: points and lines of several series between two axes, a legend beside them, names at the points that
 * deserve one. No library: a picture of some hundred numbers is a page of code, and the command stays light.
 */
import { type Box, placeLabels } from "./labels.js";
import type { Scale } from "./scale.js";

export interface Axis {
  label: string;
  scale: Scale;
}

export interface Point {
  x: number;
  y: number;
  /** Written beside the point where there is room. */
  label?: string;
  /** A ring around it. */
  ringed?: boolean;
}

export interface Series {
  name: string;
  points: readonly Point[];
  /** Whether the points are joined in their order. */
  line?: boolean;
}

export interface Chart {
  title: string;
  subtitle: string;
  /** Below everything: where the numbers come from. */
  footer: string;
  x: Axis;
  y: Axis;
  /** Twelve at most have a colour of their own. */
  series: readonly Series[];
  /** A thin dashed line through these points, below all others. */
  frontier?: readonly Point[];
  /** Lines across, named: limits. */
  limits?: readonly { axis: "x" | "y"; value: number; name: string }[];
}

/** Colours that differ in lightness too. */
const palette = [
  ...["#d1495b", "#00798c", "#c98a00", "#8d6a9f", "#3d5a80", "#5f9e3f"],
  ...["#e07a5f", "#7a4a2b", "#2a9d8f", "#9c3d8a", "#1b263b", "#7b8794"],
];
const ink = "#1f2933";
const grid = "#e4e7eb";
const size = { width: 760, height: 460 };
/** Width of a character of the usual sans-serif fonts, as a share of the font's size. */
const CHARACTER = 0.62;
/** Radius of a dot, of one on a line, and of the ring. */
const DOT = 4.5;
const LINE_DOT = 3;
const RING = 9;
/** Keeps a name readable where a line passes below it. */
const halo = 'stroke="#ffffff" stroke-width="3" paint-order="stroke"';
const LABEL_SIZE = 12;
const LEGEND_SIZE = 13;

export function chart({ title, subtitle, footer, x, y, series, frontier = [], limits = [] }: Chart): string {
  const widest = Math.max(...series.map(({ name }) => name.length));
  const frame: Box = {
    left: 84,
    top: 62,
    right: Math.round(size.width - 38 - widest * LEGEND_SIZE * CHARACTER),
    bottom: size.height - 84,
  };
  const at = ({ x: a, y: b }: Pick<Point, "x" | "y">) => ({
    x: round(frame.left + x.scale.place(a) * (frame.right - frame.left)),
    y: round(frame.bottom - y.scale.place(b) * (frame.bottom - frame.top)),
  });
  const all = series.flatMap(({ points }) => points);
  const wanted = [...all]
    .filter(({ label }) => label !== undefined)
    .sort((a, b) => Number(b.ringed ?? false) - Number(a.ringed ?? false));
  const dot = (point: Point) => ({ ...at(point), radius: point.ringed ? RING : DOT });
  const labels = placeLabels(
    wanted.map((point) => ({ ...dot(point), text: point.label as string })),
    all.map(dot),
    frame,
    { size: LABEL_SIZE, character: CHARACTER },
  );
  const middle = { x: (frame.left + frame.right) / 2, y: (frame.top + frame.bottom) / 2 };
  const parts = [
    `<rect width="${size.width}" height="${size.height}" fill="#ffffff"/>`,
    text({ x: 20, y: 26 }, title, { size: 16, weight: 600 }),
    text({ x: 20, y: 46 }, subtitle, { size: 12 }),
    ...x.scale.ticks.map((tick) => verticalTick(at({ x: tick, y: 0 }).x, x.scale.format(tick), frame)),
    ...y.scale.ticks.map((tick) => horizontalTick(at({ x: 0, y: tick }).y, y.scale.format(tick), frame)),
    `<rect x="${frame.left}" y="${frame.top}" width="${frame.right - frame.left}" height="${frame.bottom - frame.top}" fill="none" stroke="#9aa5b1"/>`,
    text({ x: middle.x, y: frame.bottom + 42 }, x.label, { size: 13, anchor: "middle" }),
    `<g transform="translate(22 ${middle.y}) rotate(-90)">${text({ x: 0, y: 0 }, y.label, { size: 13, anchor: "middle" })}</g>`,
    ...limits.map((limit) => limitLine(limit, at, frame)),
    polyline(frontier.map(at), "#9aa5b1", 'stroke-width="1.5" stroke-dasharray="5 4"'),
    ...series.map((one, i) => drawn(one, palette[i % palette.length], at)),
    ...series.map(({ name }, i) => legend(name, palette[i % palette.length], i, frame)),
    ...labels.map(
      ({ text: label, anchor, ...place }) =>
        `<g ${halo}>${text(place, label, { size: LABEL_SIZE, anchor })}</g>`,
    ),
    text({ x: 20, y: size.height - 14 }, footer, { size: 11 }),
  ];
  const { width, height } = size;
  const font = `font-family="system-ui, 'DejaVu Sans', sans-serif" fill="${ink}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ${font}>\n${parts.filter((part) => part !== "").join("\n")}\n</svg>\n`;
}

interface Place {
  x: number;
  y: number;
}

function verticalTick(x: number, label: string, { top, bottom }: Box): string {
  return `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" stroke="${grid}"/>${text({ x, y: bottom + 19 }, label, { size: 12, anchor: "middle" })}`;
}

function horizontalTick(y: number, label: string, { left, right }: Box): string {
  return `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" stroke="${grid}"/>${text({ x: left - 8, y: y + 4 }, label, { size: 12, anchor: "end" })}`;
}

/** A limit that lies outside the picture is not drawn. */
function limitLine(
  { axis, value, name }: { axis: "x" | "y"; value: number; name: string },
  at: (point: Place) => Place,
  { left, right, top, bottom }: Box,
): string {
  const { x, y } = at(axis === "x" ? { x: value, y: 1 } : { x: 1, y: value });
  const style = 'stroke="#cf1124" stroke-dasharray="2 3"';
  if (axis === "x")
    return x < left || x > right
      ? ""
      : `<line x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" ${style}/>${text({ x: x - 5, y: top + 15 }, name, { size: 11, anchor: "end" })}`;
  return y < top || y > bottom
    ? ""
    : `<line x1="${left}" x2="${right}" y1="${y}" y2="${y}" ${style}/>${text({ x: right - 6, y: y - 5 }, name, { size: 11, anchor: "end" })}`;
}

function drawn({ points, line }: Series, colour: string, at: (point: Point) => Place): string {
  const dots = points.map((point) => {
    const { x, y } = at(point);
    const ring = point.ringed
      ? `<circle cx="${x}" cy="${y}" r="${RING}" fill="none" stroke="${ink}" stroke-width="1.5"/>`
      : "";
    return `${ring}<circle cx="${x}" cy="${y}" r="${line ? LINE_DOT : DOT}" fill="${colour}"/>`;
  });
  return (line ? polyline(points.map(at), colour, 'stroke-width="2"') : "") + dots.join("");
}

function polyline(places: readonly Place[], colour: string, style: string): string {
  if (places.length < 2) return "";
  const path = places.map(({ x, y }) => `${x},${y}`).join(" ");
  return `<polyline points="${path}" fill="none" stroke="${colour}" ${style}/>`;
}

function legend(name: string, colour: string, i: number, { right, top }: Box): string {
  const y = top + 12 + i * 21;
  return `<circle cx="${right + 18}" cy="${y}" r="5" fill="${colour}"/>${text({ x: right + 29, y: y + 4.5 }, name, { size: LEGEND_SIZE })}`;
}

function text(
  { x, y }: Place,
  content: string,
  style: { size: number; weight?: number; anchor?: "start" | "middle" | "end" },
): string {
  const weight = style.weight === undefined ? "" : ` font-weight="${style.weight}"`;
  const anchor = style.anchor === undefined ? "" : ` text-anchor="${style.anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}" font-size="${style.size}"${weight}${anchor}>${escaped(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
