/** What the geographic conditions mean. */
import { type FieldTest, guess, itemTest, unionOf } from "./field-test.js";
import { type GeoArea, geoPointOf } from "./geo.js";
import { GeoColumn } from "./geo-column.js";

export function areaTest(area: GeoArea): FieldTest {
  return itemTest(
    (item) => {
      const point = geoPointOf(item);
      return point !== undefined && area.contains(point.lon, point.lat);
    },
    {
      mark(column, bits) {
        if (column instanceof GeoColumn) column.markArea(area, bits);
        return "others open";
      },
      estimate: (column) =>
        column instanceof GeoColumn ? guess(column, column.estimateArea(area)) : unionOf([]),
    },
  );
}
