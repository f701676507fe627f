import { expect, test } from "vitest";
import { barChart } from "./bars.js";

test("bars are as long as their values, each group by a scale of its own, and texts are escaped", () => {
  const bars = (values: number[]) => values.map((value, i) => ({ name: `b${i}`, value, text: `<${value}>` }));
  const svg = barChart(
    "a & b",
    [
      { title: "one", bars: bars([10, 5, 0]) },
      { title: "two", bars: bars([1000]) },
    ],
    "made here",
  );
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  expect(widths[0]).toBe(2 * widths[1]);
  expect(widths[2]).toBe(1);
  expect(widths[3]).toBe(widths[0]);
  expect(svg).toContain("a &amp; b");
  expect(svg).toContain("&lt;5>");
  expect(svg).not.toContain("<5>");
});
