/**
 * Places on the globe and the areas that filters ask for.
 *
 * The meaning is Qdrant's: the edges of an area do not belong to it; a box whose left edge lies east of its right one
 * crosses the antimeridian; distances are great circles of a sphere (haversine); polygons are flat in degrees, and
 * their holes, edges included, do not belong to them.
 */
import { isJsonObject, type JsonValue, memberOf } from "./json.js";

/** Degrees. */
export interface GeoPoint {
  lon: number;
  lat: number;
}

export interface GeoBoundingBox {
  top_left: GeoPoint;
  bottom_right: GeoPoint;
}

export interface GeoRadius {
  center: GeoPoint;
  /** Metres. */
  radius: number;
}

export interface GeoLineString {
  points: GeoPoint[];
}

export interface GeoPolygon {
  exterior: GeoLineString;
  interiors?: GeoLineString[] | null;
}

/** The mean radius of the Earth in metres (IUGG). */
const EARTH_RADIUS = 6_371_008.8;

/** Degrees of both axes, ends included. May contain more than the area; `west > east` crosses the antimeridian. */
export interface GeoBounds {
  west: number;
  east: number;
  south: number;
  north: number;
}

export interface GeoArea {
  contains(lon: number, lat: number): boolean;
  /** Where to look for its points. */
  readonly bounds: GeoBounds;
}

/** The place that a payload's value is: an object with numbers `lon` and `lat`. */
export function geoPointOf(value: JsonValue): GeoPoint | undefined {
  if (!isJsonObject(value)) return undefined;
  const lon = asDouble(memberOf(value, "lon"));
  const lat = asDouble(memberOf(value, "lat"));
  return lon === undefined || lat === undefined ? undefined : { lon, lat };
}

/** Whether it lies on the globe: what an index takes; a filter without index compares any numbers. */
export function isOnGlobe({ lon, lat }: GeoPoint): boolean {
  return lon >= -180 && lon <= 180 && lat >= -90 && lat <= 90;
}

function asDouble(value: JsonValue | undefined): number | undefined {
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

export function boxArea({ top_left, bottom_right }: GeoBoundingBox): GeoArea {
  const west = top_left.lon;
  const east = bottom_right.lon;
  const north = top_left.lat;
  const south = bottom_right.lat;
  const crosses = west > east;
  return {
    bounds: { west, east, south, north },
    contains: (lon, lat) =>
      south < lat && lat < north && (crosses ? lon > west || lon < east : west < lon && lon < east),
  };
}

export function circleArea({ center, radius }: GeoRadius): GeoArea {
  return {
    bounds: circleBounds(center, radius),
    contains: (lon, lat) => haversine(center.lon, center.lat, lon, lat) < radius,
  };
}

export function polygonArea({ exterior, interiors }: GeoPolygon): GeoArea {
  const outer = ringOf(exterior);
  const holes = (interiors ?? []).map(ringOf);
  return {
    bounds: outer.bounds,
    contains: (lon, lat) =>
      sideOf(outer, lon, lat) === "inside" && holes.every((hole) => sideOf(hole, lon, lat) === "outside"),
  };
}

/** Metres between two places. */
export function haversine(lon1: number, lat1: number, lon2: number, lat2: number): number {
  const toRadians = Math.PI / 180;
  const dLat = (lat2 - lat1) * toRadians;
  const dLon = (lon2 - lon1) * toRadians;
  const a =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(lat1 * toRadians) * Math.cos(lat2 * toRadians) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(a)));
}

/** The box around a circle, a little wider than it must be, so that rounding loses nothing. */
function circleBounds({ lon, lat }: GeoPoint, radius: number): GeoBounds {
  const angle = (radius / EARTH_RADIUS) * (1 + 1e-9) + 1e-9;
  const degrees = (angle * 180) / Math.PI;
  const south = lat - degrees;
  const north = lat + degrees;
  const whole = { west: -180, east: 180, south: Math.max(-90, south), north: Math.min(90, north) };
  // A circle around a pole has all longitudes.
  if (south <= -90 || north >= 90) return whole;
  const width =
    (Math.asin(Math.min(1, Math.sin(angle) / Math.cos((lat * Math.PI) / 180))) * 180) / Math.PI + 1e-9;
  if (width >= 180) return whole;
  const west = lon - width < -180 ? lon - width + 360 : lon - width;
  const east = lon + width > 180 ? lon + width - 360 : lon + width;
  return { ...whole, west, east };
}

/** A closed line, its coordinates in pairs. */
interface Ring {
  lons: Float64Array;
  lats: Float64Array;
  bounds: GeoBounds;
}

function ringOf({ points }: GeoLineString): Ring {
  const lons = Float64Array.from(points, ({ lon }) => lon);
  const lats = Float64Array.from(points, ({ lat }) => lat);
  const bounds = { west: Infinity, east: -Infinity, south: Infinity, north: -Infinity };
  for (const { lon, lat } of points) {
    bounds.west = Math.min(bounds.west, lon);
    bounds.east = Math.max(bounds.east, lon);
    bounds.south = Math.min(bounds.south, lat);
    bounds.north = Math.max(bounds.north, lat);
  }
  return { lons, lats, bounds };
}

/** By how often the ring winds around the place (Sunday's winding number). */
function sideOf({ lons, lats, bounds }: Ring, lon: number, lat: number): "inside" | "outside" | "edge" {
  if (lon < bounds.west || lon > bounds.east || lat < bounds.south || lat > bounds.north) return "outside";
  let winding = 0;
  for (let i = 0; i + 1 < lons.length; i++) {
    const turn = (lons[i + 1] - lons[i]) * (lat - lats[i]) - (lon - lons[i]) * (lats[i + 1] - lats[i]);
    if (turn === 0 && between(lon, lons[i], lons[i + 1]) && between(lat, lats[i], lats[i + 1])) return "edge";
    if (lats[i] <= lat) {
      if (lats[i + 1] > lat && turn > 0) winding++;
    } else if (lats[i + 1] <= lat && turn < 0) winding--;
  }
  return winding === 0 ? "outside" : "inside";
}

function between(value: number, a: number, b: number): boolean {
  return a < b ? a <= value && value <= b : b <= value && value <= a;
}
