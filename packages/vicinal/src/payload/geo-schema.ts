/** The geographic conditions of filters as requests write them. */
import {
  array,
  createIssue,
  type Issue,
  named,
  number,
  object,
  optional,
  refined,
  type Schema,
  under,
} from "../runtime/schema.js";
import {
  type GeoBoundingBox,
  type GeoLineString,
  type GeoPolygon,
  type GeoRadius,
  isOnGlobe,
} from "./geo.js";

export const geoPoint = named(
  "GeoPoint",
  refined(object({ lon: number(), lat: number() }), (point) =>
    isOnGlobe(point)
      ? undefined
      : `expected \`lat\` within [-90;90] and \`lon\` within [-180;180], got ${point.lat} and ${point.lon}`,
  ),
);

/** A closed line: at least three corners, and the first once more. */
const lineString: Schema<GeoLineString> = named(
  "GeoLineString",
  refined(object({ points: array(geoPoint) }), ({ points }): Issue | undefined => {
    if (points.length < 4)
      return under(
        "points",
        createIssue(`polygon invalid, the size must be at least 4, got ${points.length}`),
      );
    const first = points[0];
    const last = points[points.length - 1];
    const apart = Math.max(Math.abs(first.lon - last.lon), Math.abs(first.lat - last.lat));
    if (apart <= Number.EPSILON) return undefined;
    return under(
      "points",
      createIssue("polygon invalid, the first and the last points should be the same to form a closed line"),
    );
  }),
);

export const geoBoundingBox: Schema<GeoBoundingBox> = named(
  "GeoBoundingBox",
  object({ top_left: geoPoint, bottom_right: geoPoint }),
);

export const geoRadius: Schema<GeoRadius> = named(
  "GeoRadius",
  object({ center: geoPoint, radius: number().describe("Metres.") }),
);

export const geoPolygon: Schema<GeoPolygon> = named(
  "GeoPolygon",
  object({ exterior: lineString, interiors: optional(array(lineString)) }),
);
