/** How results are shown: tables as text, charts as SVG. */
export { type Axis, type Chart, chart, type Point, type Series } from "./chart.js";
export { linearScale, logScale, recallScale, type Scale } from "./scale.js";
export { table } from "./table.js";
