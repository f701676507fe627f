import * as fc from "fast-check";
import { expect, it } from "vitest";
import { chart, linearScale, logScale, recallScale } from "./index.js";
import { placeLabels } from "./labels.js";

const values = fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 30 });

it.each([
  ["linear", linearScale],
  ["logarithmic", logScale],
])("a %s scale has room for every value and few, rising ticks", (_name, scaleOf) => {
  fc.assert(
    fc.property(values, (given) => {
      const scale = scaleOf(given);
      for (const value of given) {
        expect(scale.place(value)).toBeGreaterThanOrEqual(-1e-9);
        expect(scale.place(value)).toBeLessThanOrEqual(1 + 1e-9);
      }
      expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
      expect(scale.ticks.length).toBeLessThanOrEqual(14);
      const places = scale.ticks.map(scale.place);
      expect(places[0]).toBeCloseTo(0, 9);
      expect(places.at(-1)).toBeCloseTo(1, 9);
      for (let i = 1; i < places.length; i++) expect(places[i] - places[i - 1]).toBeGreaterThan(0.02);
    }),
    { seed: 42 },
  );
});

it("a scale of recalls has the nines equally far apart", () => {
  const { place, ticks, format } = recallScale(0.8);
  expect(ticks.map(format)).toEqual(["0.8", "0.9", "0.95", "0.98", "0.99", "0.995", "0.999", "1"]);
  expect(place(0.99) - place(0.9)).toBeCloseTo(place(0.999) - place(0.99), 9);
  expect([place(0.8), place(1)]).toEqual([0, 1]);
});

it("names cover neither points nor each other, and stay in the frame", () => {
  const frame = { left: 0, top: 0, right: 300, bottom: 200 };
  const place = fc.record({ x: fc.integer({ min: 0, max: 300 }), y: fc.integer({ min: 0, max: 200 }) });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 25 }), (dots) => {
      const wanted = dots.map((dot, i) => ({ ...dot, radius: 4, text: `name ${i}` }));
      const labels = placeLabels(wanted, wanted, frame, { size: 12, character: 0.6 });
      const boxes = labels.map(({ x, y, anchor, text }) => {
        const width = text.length * 7.2;
        const left = { start: x, middle: x - width / 2, end: x - width }[anchor];
        return { left, right: left + width, top: y - 9.6, bottom: y + 3 };
      });
      for (const [i, a] of boxes.entries()) {
        expect(a.left >= 0 && a.right <= 300 && a.top >= 0 && a.bottom <= 200).toBe(true);
        for (const { x, y } of dots)
          expect(x > a.left && x < a.right && y > a.top && y < a.bottom, "a name lies on a point").toBe(
            false,
          );
        for (const b of boxes.slice(i + 1))
          expect(a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom).toBe(false);
      }
    }),
    { seed: 42 },
  );
  const free = placeLabels([{ x: 100, y: 100, radius: 4.5, text: "one" }], [], frame, {
    size: 12,
    character: 0.6,
  });
  expect(free).toEqual([{ x: 109, y: 104, anchor: "start", text: "one" }]);
});

it("draws one dot for each point, one line for each joined series, and escapes texts", () => {
  const points = [
    { x: 1, y: 10 },
    { x: 2, y: 100, label: "the <best>", ringed: true },
  ];
  const svg = chart({
    title: "a<b",
    subtitle: "c & d",
    footer: "footer",
    x: { label: "across", scale: linearScale([1, 2]) },
    y: { label: "up", scale: logScale([10, 100]) },
    series: [
      { name: "joined", points, line: true },
      { name: "apart", points: [{ x: 1.5, y: 50 }] },
    ],
    frontier: points,
    limits: [
      { axis: "y", value: 20, name: "limit" },
      { axis: "x", value: 1000, name: "far outside" },
    ],
  });
  // Three points, one ring, two entries of the legend.
  expect(svg.match(/<circle/g)?.length).toBe(6);
  expect(svg.match(/<polyline/g)?.length).toBe(2);
  for (const written of ["a&lt;b", "c &amp; d", "the &lt;best>", ">limit<", ">joined<", ">apart<"])
    expect(svg).toContain(written);
  expect(svg).not.toContain("far outside");
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});
