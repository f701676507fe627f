// Product quantization: 16 or 256 centroids per part.
//
// Jegou, Douze, Schmid, "Product Quantization for Nearest Neighbor Search" (2011): a vector is cut into parts of equal
// length, each part is replaced by the number of its nearest centroid. A distance to a query is then a sum of look-ups.
//
//   codebook of one part:  width rows of `size` f32: component 0 of all centroids, component 1, ...
//
// so that one pass over a part's components compares it with 16 centroids, in four registers of four.

/** Number of the centroid nearest to a part; ties go to the lower. `scratch` takes 64 bytes. */
function nearestPart(x: usize, width: u32, size: u32, codebook: usize, scratch: usize): u32 {
  let best: u32 = 0;
  let least = f32.POSITIVE_INFINITY;
  const rowBytes = <usize>size << 2;
  for (let first: u32 = 0; first < size; first += 16) {
    let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
    let row = codebook + (<usize>first << 2);
    for (let i: u32 = 0; i < width; i++) {
      const value = v128.load32_splat(x + (<usize>i << 2));
      let gap = f32x4.sub(value, v128.load(row));
      a = f32x4.add(a, f32x4.mul(gap, gap));
      gap = f32x4.sub(value, v128.load(row, 16));
      b = f32x4.add(b, f32x4.mul(gap, gap));
      gap = f32x4.sub(value, v128.load(row, 32));
      c = f32x4.add(c, f32x4.mul(gap, gap));
      gap = f32x4.sub(value, v128.load(row, 48));
      d = f32x4.add(d, f32x4.mul(gap, gap));
      row += rowBytes;
    }
    const limit = f32x4.splat(least);
    if (!v128.any_true(f32x4.lt(f32x4.min(f32x4.min(a, b), f32x4.min(c, d)), limit))) continue;
    v128.store(scratch, a);
    v128.store(scratch, b, 16);
    v128.store(scratch, c, 32);
    v128.store(scratch, d, 48);
    for (let e: u32 = 0; e < 16; e++) {
      const distance = load<f32>(scratch + (<usize>e << 2));
      if (distance < least) {
        least = distance;
        best = first + e;
      }
    }
  }
  return best;
}

/** Codes of `x`, one byte per part. Behind them, up to 80 bytes of `codes` are used as scratch. */
export function codebookEncode(x: usize, padded: u32, parts: u32, size: u32, codebooks: usize, codes: usize): void {
  const width = padded / parts;
  const scratch = (codes + <usize>parts + 15) & ~15;
  const bookBytes = <usize>width * <usize>size << 2;
  for (let part: u32 = 0; part < parts; part++) {
    const codebook = codebooks + <usize>part * bookBytes;
    store<u8>(codes + part, <u8>nearestPart(x + <usize>part * (<usize>width << 2), width, size, codebook, scratch));
  }
}

/** The vector that codes stand for. */
export function codebookVector(codes: usize, padded: u32, parts: u32, size: u32, codebooks: usize, y: usize): void {
  const width = padded / parts;
  const rowBytes = <usize>size << 2;
  let row = codebooks;
  for (let part: u32 = 0; part < parts; part++) {
    const entry = <usize>load<u8>(codes + part) << 2;
    for (let i: u32 = 0; i < width; i++) {
      store<f32>(y + (<usize>(part * width + i) << 2), load<f32>(row + entry));
      row += rowBytes;
    }
  }
}

/** Inner products of a query's parts with their centroids: `size` f32 per part. */
export function codebookDots(query: usize, padded: u32, parts: u32, size: u32, codebooks: usize, values: usize): void {
  const width = padded / parts;
  const rowBytes = <usize>size << 2;
  for (let part: u32 = 0; part < parts; part++) {
    for (let first: usize = 0; first < rowBytes; first += 64) {
      let row = codebooks + <usize>part * <usize>width * rowBytes + first;
      let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
      for (let i: u32 = 0; i < width; i++) {
        const value = v128.load32_splat(query + (<usize>(part * width + i) << 2));
        a = f32x4.add(a, f32x4.mul(value, v128.load(row)));
        b = f32x4.add(b, f32x4.mul(value, v128.load(row, 16)));
        c = f32x4.add(c, f32x4.mul(value, v128.load(row, 32)));
        d = f32x4.add(d, f32x4.mul(value, v128.load(row, 48)));
        row += rowBytes;
      }
      const at = values + <usize>part * rowBytes + first;
      v128.store(at, a);
      v128.store(at, b, 16);
      v128.store(at, c, 32);
      v128.store(at, d, 48);
    }
  }
}

/** Bytes that `codebookRound` sums in. */
export function codebookSumBytes(width: u32, size: u32): u32 {
  return (width + 1) * size * 4 + 64;
}

/**
 * One round of Lloyd's algorithm over `count` vectors of `padded` floats: every part's centroids move to the mean of what
 * is nearest to them; one without any takes a vector's part, another one in each round. Codebooks change in place.
 */
export function codebookRound(
  rows: usize, count: u32, padded: u32, parts: u32, size: u32, codebooks: usize, sums: usize, round: u32,
): void {
  const width = padded / parts;
  const rowBytes = <usize>size << 2;
  const sumBytes = <usize>(width + 1) * rowBytes;
  const stride = <usize>padded << 2;
  for (let part: u32 = 0; part < parts; part++) {
    const codebook = codebooks + <usize>part * <usize>width * rowBytes;
    const offset = <usize>part * (<usize>width << 2);
    memory.fill(sums, 0, sumBytes);
    for (let n: u32 = 0; n < count; n++) {
      const x = rows + <usize>n * stride + offset;
      const at = sums + (<usize>nearestPart(x, width, size, codebook, sums + sumBytes) << 2);
      for (let i: u32 = 0; i <= width; i++) {
        const place = at + <usize>i * rowBytes;
        store<f32>(place, load<f32>(place) + (i < width ? load<f32>(x + (<usize>i << 2)) : 1));
      }
    }
    for (let e: u32 = 0; e < size; e++) {
      const at = sums + (<usize>e << 2);
      const taken = load<f32>(at + <usize>width * rowBytes);
      // Fibonacci hashing picks the vector.
      const spare = rows + <usize>((round * size + e) * <u32>2654435761 % count) * stride + offset;
      for (let i: u32 = 0; i < width; i++) {
        const value = taken > 0 ? load<f32>(at + <usize>i * rowBytes) / taken : load<f32>(spare + (<usize>i << 2));
        store<f32>(codebook + <usize>i * rowBytes + (<usize>e << 2), value);
      }
    }
  }
}

/** Replaces `count` vectors by what their codes stand for. `scratch`: parts + 80 bytes. */
export function codebookSnap(
  rows: usize, count: u32, padded: u32, parts: u32, size: u32, codebooks: usize, scratch: usize,
): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = rows + <usize>i * (<usize>padded << 2);
    codebookEncode(row, padded, parts, size, codebooks, scratch);
    codebookVector(scratch, padded, parts, size, codebooks, row);
  }
}
