// Product quantization with 16 centroids per part.
//
// Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor Search" (2011): a vector is cut into parts of equal
// length, each part is replaced by the number of its nearest centroid. A distance to a query is then a sum of look-ups.
//
//   codebook of one part:  width rows of 16 f32: component 0 of the 16 centroids, component 1, ...
//
// so that one pass over a part's components compares it with all 16 centroids, four vectors of four at a time.

/** Squared distances of a part to its 16 centroids would be a + b; here the four vectors of them, through `out`. */
// @ts-ignore: decorator
@inline
function partDistances(x: usize, width: u32, codebook: usize, out: usize): void {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  for (let i: u32 = 0; i < width; i++) {
    const value = v128.load32_splat(x + (<usize>i << 2));
    const row = codebook + (<usize>i << 6);
    let gap = f32x4.sub(value, v128.load(row));
    a = f32x4.add(a, f32x4.mul(gap, gap));
    gap = f32x4.sub(value, v128.load(row, 16));
    b = f32x4.add(b, f32x4.mul(gap, gap));
    gap = f32x4.sub(value, v128.load(row, 32));
    c = f32x4.add(c, f32x4.mul(gap, gap));
    gap = f32x4.sub(value, v128.load(row, 48));
    d = f32x4.add(d, f32x4.mul(gap, gap));
  }
  v128.store(out, a);
  v128.store(out, b, 16);
  v128.store(out, c, 32);
  v128.store(out, d, 48);
}

// @ts-ignore: decorator
@inline
function nearestPart(x: usize, width: u32, codebook: usize, scratch: usize): u32 {
  partDistances(x, width, codebook, scratch);
  let best: u32 = 0;
  let least = load<f32>(scratch);
  for (let e: u32 = 1; e < 16; e++) {
    const distance = load<f32>(scratch + (<usize>e << 2));
    if (distance < least) {
      least = distance;
      best = e;
    }
  }
  return best;
}

/** Codes of `x`, one byte per part. Behind them, 64 bytes of `codes` are used as scratch. */
export function codebookEncode(x: usize, padded: u32, parts: u32, codebooks: usize, codes: usize): void {
  const width = padded / parts;
  const scratch = (codes + <usize>parts + 15) & ~15;
  for (let part: u32 = 0; part < parts; part++) {
    const codebook = codebooks + <usize>part * (<usize>width << 6);
    const best = nearestPart(x + <usize>part * (<usize>width << 2), width, codebook, scratch);
    store<u8>(codes + part, <u8>best);
  }
}

/** The vector that codes stand for. */
export function codebookVector(codes: usize, padded: u32, parts: u32, codebooks: usize, y: usize): void {
  const width = padded / parts;
  for (let part: u32 = 0; part < parts; part++) {
    const entry = codebooks + <usize>part * (<usize>width << 6) + (<usize>load<u8>(codes + part) << 2);
    for (let i: u32 = 0; i < width; i++) {
      store<f32>(y + (<usize>(part * width + i) << 2), load<f32>(entry + (<usize>i << 6)));
    }
  }
}

/** Inner products of a query's parts with their centroids: 16 f32 per part. */
export function codebookDots(query: usize, padded: u32, parts: u32, codebooks: usize, values: usize): void {
  const width = padded / parts;
  let row = codebooks;
  for (let part: u32 = 0; part < parts; part++) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    for (let i: u32 = 0; i < width; i++) {
      const value = v128.load32_splat(query + (<usize>(part * width + i) << 2));
      a = f32x4.add(a, f32x4.mul(value, v128.load(row)));
      b = f32x4.add(b, f32x4.mul(value, v128.load(row, 16)));
      c = f32x4.add(c, f32x4.mul(value, v128.load(row, 32)));
      d = f32x4.add(d, f32x4.mul(value, v128.load(row, 48)));
      row += 64;
    }
    const at = values + (<usize>part << 6);
    v128.store(at, a);
    v128.store(at, b, 16);
    v128.store(at, c, 32);
    v128.store(at, d, 48);
  }
}

/**
 * One round of Lloyd's algorithm over `count` vectors of `padded` floats: every part's centroids move to the mean of what is
 * nearest to them; one without any takes the place of the vector numbered by its own turn. `sums`: (width + 1) x 16
 * f32 and 64 bytes. Returns nothing: codebooks are changed in place.
 */
export function codebookRound(
  rows: usize, count: u32, padded: u32, parts: u32, codebooks: usize, sums: usize, turn: u32,
): void {
  const width = padded / parts;
  const sumBytes = <usize>(width + 1) << 6;
  const stride = <usize>padded << 2;
  for (let part: u32 = 0; part < parts; part++) {
    const codebook = codebooks + <usize>part * (<usize>width << 6);
    const offset = <usize>part * (<usize>width << 2);
    memory.fill(sums, 0, sumBytes);
    for (let n: u32 = 0; n < count; n++) {
      const x = rows + <usize>n * stride + offset;
      const best = nearestPart(x, width, codebook, sums + sumBytes);
      const at = sums + (<usize>best << 2);
      for (let i: u32 = 0; i < width; i++) {
        const place = at + (<usize>i << 6);
        store<f32>(place, load<f32>(place) + load<f32>(x + (<usize>i << 2)));
      }
      const taken = at + (<usize>width << 6);
      store<f32>(taken, load<f32>(taken) + 1);
    }
    for (let e: u32 = 0; e < 16; e++) {
      const at = sums + (<usize>e << 2);
      const taken = load<f32>(at + (<usize>width << 6));
      const spare = rows + <usize>((turn * 16 + e) * 2654435761 % count) * stride + offset;
      for (let i: u32 = 0; i < width; i++) {
        const value = taken > 0 ? load<f32>(at + (<usize>i << 6)) / taken : load<f32>(spare + (<usize>i << 2));
        store<f32>(codebook + (<usize>i << 6) + (<usize>e << 2), value);
      }
    }
  }
}
