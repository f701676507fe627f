// Keys: a distance and an ordinal in one unsigned 64-bit number whose order is (distance, ordinal).
//
//   63                             32 31                              0
//   [ distance, bits made monotone  ][ low word: the ordinal           ]
//
// A float's bits order like an integer's once negative numbers are flipped; so one integer comparison
// replaces two, ties are broken by ordinal for free, and sorting needs no pairs.

/** Lanes: the monotone integer image of four floats. */
// @ts-ignore: decorator
@inline
export function monotone(d: v128): v128 {
  const sign = i32x4.shr_s(d, 31);
  return v128.xor(d, v128.or(sign, i32x4.splat(0x80000000)));
}

// @ts-ignore: decorator
@inline
export function keyOf(distance: f32, low: u32): u64 {
  const bits = reinterpret<i32>(distance);
  return ((<u64>(<u32>(bits ^ ((bits >> 31) | 0x80000000)))) << 32) | low;
}

// @ts-ignore: decorator
@inline
export function distanceOf(key: u64): f32 {
  const image = <i32>(key >> 32);
  return reinterpret<f32>(image ^ (~(image >> 31) | 0x80000000));
}

/** Distances that overflowed (infinite, or no number) become the largest float, so that keys stay ordered. */
// @ts-ignore: decorator
@inline
export function finite(d: v128): v128 {
  return f32x4.pmin(f32x4.splat(f32.MAX_VALUE), d);
}

// A binary max-heap of keys at `heap`: the worst of the best k on top.

export function siftDown(heap: usize, size: u32, key: u64): void {
  let at: u32 = 0;
  while (true) {
    let child: u32 = 2 * at + 1;
    if (child >= size) break;
    let value = load<u64>(heap + ((<usize>child) << 3));
    if (child + 1 < size) {
      const right = load<u64>(heap + ((<usize>child + 1) << 3));
      if (right > value) {
        value = right;
        child++;
      }
    }
    if (value <= key) break;
    store<u64>(heap + ((<usize>at) << 3), value);
    at = child;
  }
  store<u64>(heap + ((<usize>at) << 3), key);
}

/** Adds a key to a heap that holds `size` of at most `k`; returns the new size. */
export function offer(heap: usize, size: u32, k: u32, key: u64): u32 {
  if (size == k) {
    if (key < load<u64>(heap)) siftDown(heap, size, key);
    return size;
  }
  let at = size;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const value = load<u64>(heap + ((<usize>parent) << 3));
    if (value >= key) break;
    store<u64>(heap + ((<usize>at) << 3), value);
    at = parent;
  }
  store<u64>(heap + ((<usize>at) << 3), key);
  return size + 1;
}

/** Turns the heap into a rising array, in place. */
export function sortHeap(heap: usize, size: u32): void {
  while (size > 1) {
    size--;
    const last = load<u64>(heap + ((<usize>size) << 3));
    store<u64>(heap + ((<usize>size) << 3), load<u64>(heap));
    siftDown(heap, size, last);
  }
}

/** Splits `size` keys into ordinals (u32) and distances (f32). */
export function splitKeys(keys: usize, size: u32, ordinals: usize, distances: usize): void {
  for (let i: u32 = 0; i < size; i++) {
    const key = load<u64>(keys + ((<usize>i) << 3));
    store<u32>(ordinals + ((<usize>i) << 2), <u32>key);
    store<f32>(distances + ((<usize>i) << 2), distanceOf(key));
  }
}
