import { describe, expect, it } from "vitest";
import { bitWords, hasBit } from "../runtime/bits.js";
import { seededRandom } from "../runtime/random.js";
import { boxArea, circleArea, type GeoArea, type GeoPoint, haversine, polygonArea } from "./geo.js";
import { GeoColumn } from "./geo-column.js";
import type { JsonObject } from "./json.js";
import { parsePath } from "./path.js";

function ring(...corners: [lon: number, lat: number][]): { points: GeoPoint[] } {
  return { points: [...corners, corners[0]].map(([lon, lat]) => ({ lon, lat })) };
}

const square = ring([0, 0], [10, 0], [10, 10], [0, 10]);

describe("areas", () => {
  it("measures great circles", () => {
    // Berlin to Paris, and half way around.
    expect(haversine(13.405, 52.52, 2.3522, 48.8566)).toBeCloseTo(877_464, -2);
    expect(haversine(0, 0, 180, 0)).toBeCloseTo(Math.PI * 6_371_008.8, 3);
  });

  it.each<[string, GeoArea, [number, number][], [number, number][]]>([
    [
      "a box",
      boxArea({ top_left: { lon: 10, lat: 50 }, bottom_right: { lon: 20, lat: 40 } }),
      [[15, 45]],
      [
        [10, 45],
        [20, 45],
        [15, 50],
        [15, 40],
        [25, 45],
      ],
    ],
    [
      "a box over the antimeridian",
      boxArea({ top_left: { lon: 170, lat: 10 }, bottom_right: { lon: -170, lat: -10 } }),
      [
        [175, 0],
        [-175, 0],
        [180, 0],
        [-180, 0],
      ],
      [
        [170, 0],
        [-170, 0],
        [0, 0],
        [175, 11],
      ],
    ],
    [
      "a circle over the antimeridian",
      circleArea({ center: { lon: 179.9, lat: 0 }, radius: 50_000 }),
      [
        [-179.9, 0],
        [179.9, 0.4],
      ],
      [
        [-179, 0],
        [0, 0],
      ],
    ],
    [
      "a circle around a pole",
      circleArea({ center: { lon: 0, lat: 89.9 }, radius: 50_000 }),
      [
        [180, 89.9],
        [90, 89.7],
      ],
      [[180, 89]],
    ],
    [
      "a polygon",
      polygonArea({ exterior: square }),
      [[5, 5]],
      [
        [0, 5],
        [5, 10],
        [0, 0],
        [11, 5],
        [-1, 0],
      ],
    ],
    [
      "a polygon that is not convex",
      polygonArea({ exterior: ring([0, 0], [10, 0], [10, 10], [5, 5], [0, 10]) }),
      [
        [1, 5],
        [9, 5],
        [5, 4],
      ],
      [
        [5, 6],
        [5, 5],
      ],
    ],
    [
      "a polygon with a hole, whose edge is outside",
      polygonArea({ exterior: square, interiors: [ring([4, 4], [6, 4], [6, 6], [4, 6])] }),
      [
        [3, 5],
        [7, 7],
      ],
      [
        [5, 5],
        [4, 5],
        [4, 4],
      ],
    ],
  ])("%s", (_, area, inside, outside) => {
    for (const [lon, lat] of inside) expect([lon, lat, area.contains(lon, lat)]).toEqual([lon, lat, true]);
    for (const [lon, lat] of outside) expect([lon, lat, area.contains(lon, lat)]).toEqual([lon, lat, false]);
  });
});

describe("GeoColumn", () => {
  const rows = 6000;
  const random = seededRandom(62);
  type Place = GeoPoint & JsonObject;
  const place = (): Place => ({ lon: random() * 360 - 180, lat: (random() - 0.5) * 180 });
  const places: Place[][] = Array.from({ length: rows }, (_, row) =>
    row % 7 === 0 ? [] : Array.from({ length: row % 5 === 0 ? 3 : 1 }, place),
  );
  const areas: GeoArea[] = [];
  for (let i = 0; i < 30; i++) {
    areas.push(circleArea({ center: place(), radius: 10 ** (3 + (i % 5)) }));
    areas.push(boxArea({ top_left: place(), bottom_right: place() }));
    const { lon, lat } = place();
    areas.push(polygonArea({ exterior: ring([lon, lat], [lon / 2, lat], [lon / 3, -lat], [lon, 0]) }));
  }
  const column = new GeoColumn(parsePath("a"));
  const compare = (): void => {
    for (const area of areas) {
      const bits = new Uint32Array(bitWords(column.rowCount));
      column.markArea(area, bits);
      const expected = places.map((held) => held.some(({ lon, lat }) => area.contains(lon, lat)));
      const found = expected.map((_, row) => hasBit(bits, row));
      expect(found).toEqual(expected);
      expect(column.estimateArea(area)).toBeGreaterThanOrEqual(0);
    }
  };

  it("finds what lies in an area, whatever has been added and changed since", () => {
    places.forEach((held, row) => {
      column.append({ a: held });
      // An order is made early, so that many rows come late.
      if (row === 3000) column.markArea(areas[0], new Uint32Array(bitWords(rows)));
    });
    compare();
    for (let row = 0; row < 500; row += 3) {
      places[row] = [place(), place()];
      column.update(row, { a: places[row] });
    }
    compare();
    for (let i = 0; i < 900; i++) {
      places.push([place()]);
      column.append({ a: places[places.length - 1][0] });
    }
    compare();
  });

  it("looks only at the neighbourhood", () => {
    let looked = 0;
    const area = circleArea({ center: { lon: 10, lat: 50 }, radius: 100_000 });
    column.markArea(
      {
        bounds: area.bounds,
        contains: (lon, lat) => {
          looked++;
          return area.contains(lon, lat);
        },
      },
      new Uint32Array(bitWords(column.rowCount)),
    );
    expect(looked).toBeLessThan(column.rowCount / 4);
  });
});
