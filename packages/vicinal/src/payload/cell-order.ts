/**
 * CellOrder: places on the globe in the order of a space-filling curve, so that an area is few runs of neighbours.
 *
 * Morton, A computer oriented geodetic data base (IBM, 1966); as a quadtree on a sorted list: Gargantini, An effective
 * way to represent quadtrees (CACM 1982). A key interleaves 16 bits of latitude and longitude each (cells of about 300 by
 * 600 m); each quadrant of the map, of any size, is one run of keys. A search descends the quadrants that meet the box and
 * are not empty, and takes over whole runs where a quadrant lies within it or has few places left.
 *
 * Cost: two passes of counting sort to build, 8 bytes per place; a search looks at the places in the box and a few dozen
 * around it. All places that it names are candidates: the caller compares exactly.
 */
import type { GeoBounds } from "./geo.js";

const AXIS_BITS = 16;
const AXIS_CELLS = 1 << AXIS_BITS;
/** So few places are handed over rather than divided further. */
const RUN_MIN = 64;

export class CellOrder {
  readonly #keys: Uint32Array;
  readonly #places: Uint32Array;

  /** Places are known by their number; NaN coordinates are left out. */
  constructor(count: number, lonOf: (place: number) => number, latOf: (place: number) => number) {
    const keys = new Uint32Array(count);
    const places = new Uint32Array(count);
    let taken = 0;
    for (let place = 0; place < count; place++) {
      const lon = lonOf(place);
      if (Number.isNaN(lon)) continue;
      keys[taken] = interleaved(cellOf(lon, 360), cellOf(latOf(place), 180));
      places[taken++] = place;
    }
    [this.#keys, this.#places] = sortedByKey(keys.subarray(0, taken), places.subarray(0, taken));
  }

  /** Calls `visit` with runs of candidates: places `order[start..end - 1]`. */
  search(bounds: GeoBounds, visit: (order: Uint32Array, start: number, end: number) => void): void {
    const south = cellOf(bounds.south, 180);
    const north = cellOf(bounds.north, 180);
    const boxes =
      bounds.west > bounds.east
        ? [
            [bounds.west, 180],
            [-180, bounds.east],
          ]
        : [[bounds.west, bounds.east]];
    for (const [west, east] of boxes) {
      this.#descend({ west: cellOf(west, 360), east: cellOf(east, 360), south, north }, visit);
    }
  }

  memoryBytes(): number {
    return this.#keys.byteLength + this.#places.byteLength;
  }

  #descend(box: GeoBounds, visit: (order: Uint32Array, start: number, end: number) => void): void {
    const enter = (x: number, y: number, size: number, start: number, end: number): void => {
      if (start === end || x > box.east || x + size <= box.west || y > box.north || y + size <= box.south)
        return;
      const within = x >= box.west && x + size - 1 <= box.east && y >= box.south && y + size - 1 <= box.north;
      if (within || size === 1 || end - start <= RUN_MIN) {
        visit(this.#places, start, end);
        return;
      }
      const half = size >>> 1;
      const east = lowerBound(this.#keys, interleaved(x + half, y), start, end);
      const north = lowerBound(this.#keys, interleaved(x, y + half), east, end);
      const northEast = lowerBound(this.#keys, interleaved(x + half, y + half), north, end);
      enter(x, y, half, start, east);
      enter(x + half, y, half, east, north);
      enter(x, y + half, half, north, northEast);
      enter(x + half, y + half, half, northEast, end);
    };
    enter(0, 0, AXIS_CELLS, 0, this.#keys.length);
  }
}

function cellOf(degrees: number, span: number): number {
  const cell = Math.floor(((degrees + span / 2) / span) * AXIS_CELLS);
  return Math.min(AXIS_CELLS - 1, Math.max(0, cell));
}

/** Bits of x on even, of y on odd places. */
function interleaved(x: number, y: number): number {
  return (spread(x) | (spread(y) << 1)) >>> 0;
}

function spread(value: number): number {
  let bits = value & 0xffff;
  bits = (bits | (bits << 8)) & 0x00ff_00ff;
  bits = (bits | (bits << 4)) & 0x0f0f_0f0f;
  bits = (bits | (bits << 2)) & 0x3333_3333;
  return (bits | (bits << 1)) & 0x5555_5555;
}

/** Counting sort by the low, then by the high half of the keys. */
function sortedByKey(keys: Uint32Array, places: Uint32Array): [Uint32Array, Uint32Array] {
  let from: Uint32Array[] = [keys, places];
  let to: Uint32Array[] = [new Uint32Array(keys.length), new Uint32Array(keys.length)];
  const starts = new Uint32Array(0x1_0001);
  for (const shift of [0, 16]) {
    starts.fill(0);
    for (const key of from[0]) starts[((key >>> shift) & 0xffff) + 1]++;
    for (let i = 1; i < starts.length; i++) starts[i] += starts[i - 1];
    for (let i = 0; i < keys.length; i++) {
      const at = starts[(from[0][i] >>> shift) & 0xffff]++;
      to[0][at] = from[0][i];
      to[1][at] = from[1][i];
    }
    [from, to] = [to, from];
  }
  return [from[0], from[1]];
}

function lowerBound(keys: Uint32Array, key: number, start: number, end: number): number {
  let low = start;
  let high = end;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle] < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
