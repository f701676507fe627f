/** Hashing and binary codes against their twins, in every build. */
import { describe, expect, test } from "vitest";
import { hammingDistance, type Move, nearestCodes, probesOf, rotateByRounds } from "./hash-twins.js";
import { buildNames, type Instance, instance, runnable } from "./load.js";

/** A small seeded generator (mulberry32), so that a failure repeats. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Gives out addresses one after the other. */
function allocator(): (bytes: number) => number {
  let next = 1024;
  return (bytes) => {
    const at = next;
    next = Math.ceil((next + bytes) / 64) * 64;
    return at;
  };
}

describe.each(buildNames)("binary codes, build %s", (build) => {
  test("scans, reordered bits and multi-index searches find what the twins find", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const { exports: kernels, u8, u32 } = await instance(build, 64);
    for (const bits of [8, 31, 64, 65, 100, 128, 192, 256, 520, 4096]) {
      const next = random(bits);
      const stride = Math.ceil(bits / 64) * 8;
      const count = 1 + Math.floor(next() * 200);
      const parts = Math.ceil(bits / (1 + Math.floor(next() * 8)));
      const take = allocator();
      const raw = take((count + 1) * stride);
      const codes = take((count + 1) * stride);
      const order = take(bits * 4);
      const filter = take(64);
      const heap = take(64 * 8);
      u8.fill(0, raw, raw + (count + 1) * stride);
      const spread = next() / 2;
      for (let i = 0; i <= count; i++)
        for (let j = 0; j < bits; j++)
          if (next() < spread !== ((j * 7) % 3 === 0)) u8[raw + i * stride + (j >>> 3)] |= 1 << (j & 7);
      for (let j = 0; j < bits; j++) u32[order / 4 + j] = bits - 1 - j;
      kernels.binaryReorder(raw, codes, count + 1, stride, bits, order);
      const code = (ordinal: number) => u8.subarray(codes + ordinal * stride, codes + (ordinal + 1) * stride);
      for (let j = 0; j < bits; j++) {
        const from = (u8[raw + ((bits - 1 - j) >>> 3)] >>> ((bits - 1 - j) & 7)) & 1;
        expect((code(0)[j >>> 3] >>> (j & 7)) & 1).toBe(from);
      }
      let startCount = 0;
      for (let part = 0; part < parts; part++)
        startCount += 2 ** (Math.floor(bits / parts) + (part < bits % parts ? 1 : 0)) + 1;
      const head = take(kernels.mihBytes());
      const starts = take(startCount * 4);
      const members = take(parts * count * 4);
      const work = take(kernels.mihWorkBytes(bits, count));
      kernels.initMih(head, codes, stride, bits, count, parts, starts, members);
      for (let part = 0; part < parts; part++) kernels.mihFill(head, part);
      kernels.initMihWork(work, bits);
      const query = codes + count * stride;
      const chosen = Array.from({ length: count }, (_, i) => i).filter(() => next() < 0.5);
      u32.fill(0, filter / 4, filter / 4 + 16);
      for (const i of chosen) u32[filter / 4 + (i >>> 5)] |= 1 << (i & 31);
      for (const k of [1, 3, 50]) {
        for (const filtered of [false, true]) {
          const from = filtered ? chosen : Array.from({ length: count }, (_, i) => i);
          const expected = nearestCodes(code(count), code, from, k);
          for (const mode of [0, 1, 2]) {
            const found = kernels.mihSearch(head, work, query, filtered ? filter : 0, k, heap, mode);
            const hits = Array.from({ length: found }, (_, i) => ({
              ordinal: u32[heap / 4 + 2 * i],
              distance: u32[heap / 4 + 2 * i + 1],
            }));
            expect(hits, `${bits} bits in ${parts} parts, ${count} codes, k ${k}, mode ${mode}`).toEqual(
              expected,
            );
          }
        }
      }
    }
  });

  test("a bit is set where a vector lies above its plane", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const { exports: kernels, u8, f32 } = await instance(build, 16);
    for (const [dimensions, bits] of [
      [1, 9],
      [3, 32],
      [20, 70],
    ]) {
      const next = random(dimensions);
      const take = allocator();
      const rows = take(dimensions * 4);
      const planes = take(bits * (dimensions + 1) * 4);
      const thresholds = take(bits * 4 + 16);
      const code = take(Math.ceil(bits / 64) * 8);
      for (let i = 0; i < dimensions; i++) f32[rows / 4 + i] = next() - 0.5;
      for (let i = 0; i < bits * (dimensions + 1); i++) f32[planes / 4 + i] = next() - 0.5;
      for (let i = 0; i < bits; i++) f32[thresholds / 4 + i] = (next() - 0.5) / 2;
      const norm = f32.slice(rows / 4, rows / 4 + dimensions).reduce((sum, x) => sum + x * x, 0);
      for (const largest of [0, norm + 4]) {
        kernels.binaryEncode(
          rows,
          dimensions,
          0,
          1,
          planes,
          thresholds,
          bits,
          largest,
          code,
          Math.ceil(bits / 64) * 8,
        );
        for (let bit = 0; bit < bits; bit++) {
          const plane = planes / 4 + bit * (dimensions + 1);
          let sum = largest > 0 ? 2 * f32[plane + dimensions] : 0;
          for (let j = 0; j < dimensions; j++) sum += f32[rows / 4 + j] * f32[plane + j];
          const margin = sum - f32[thresholds / 4 + bit];
          if (Math.abs(margin) > 1e-5)
            expect((u8[code + (bit >>> 3)] >>> (bit & 7)) & 1).toBe(margin > 0 ? 1 : 0);
        }
      }
    }
  });
});

const DIMENSIONS = 5;
enum Kind {
  Stable = 0,
  Hyperplane = 1,
  CrossPolytope = 2,
}

/** One table of drawn functions over random rows, hashed and filled. */
function hashed(made: Instance, kind: Kind, functions: number, count: number, seed: number) {
  const { exports: kernels, f32, u32 } = made;
  const next = random(seed);
  const take = allocator();
  const padded = 8;
  const cellBits = 4;
  const head = take(kernels.lshBytes());
  const rows = take(count * DIMENSIONS * 4);
  const length = kind === Kind.CrossPolytope ? 3 * padded : DIMENSIONS + 1;
  const directions = take(functions * length * 4);
  const offsets = take(functions * 4);
  const multipliers = take(functions * 4);
  const starts = take((2 ** cellBits + 1) * 4);
  const entries = take(count * 8);
  const fingerprints = take(count * 4);
  const query = take(DIMENSIONS * 4);
  const answer = take(kernels.lshAnswerBytes());
  const hits = take(count * 16);
  for (let i = 0; i < count * DIMENSIONS; i++) f32[rows / 4 + i] = next() * 4 - 2;
  for (let i = 0; i < DIMENSIONS; i++) f32[query / 4 + i] = next() * 4 - 2;
  for (let i = 0; i < functions * length; i++)
    f32[directions / 4 + i] = kind === Kind.CrossPolytope ? (next() < 0.5 ? -1 : 1) : next() * 2 - 1;
  for (let i = 0; i < functions; i++) {
    f32[offsets / 4 + i] = next();
    u32[multipliers / 4 + i] = Math.floor(next() * 2 ** 32) | 1;
  }
  kernels.initLsh(
    ...([
      head,
      0,
      kind,
      DIMENSIONS,
      rows,
      count,
      1,
      functions,
      cellBits,
      1 / 1.5,
      0,
      padded,
      padded,
    ] as const),
    ...([directions, offsets, multipliers, starts, entries] as const),
  );
  const work = take(kernels.lshWorkBytes(head, 256));
  kernels.initLshWork(work, head, 256);
  kernels.lshFingerprints(head, work, 0, 0, count, fingerprints);
  kernels.lshFill(head, 0, fingerprints);
  const vector = (at: number) => f32.slice(at / 4, at / 4 + DIMENSIONS);
  const direction = (j: number) => f32.slice(directions / 4 + j * length, directions / 4 + (j + 1) * length);
  /** What function j makes of a vector: its projection, in widths for p-stable. */
  const value = (j: number, x: Float32Array) => {
    const sum = x.reduce((total, component, i) => total + component * direction(j)[i], 0);
    return kind === Kind.Stable ? (sum + f32[offsets / 4 + j]) / 1.5 : sum;
  };
  const integer = (j: number, x: Float32Array) => {
    return kind === Kind.Hyperplane ? Number(value(j, x) >= 0) : Math.floor(value(j, x));
  };
  const rotated = (j: number, x: Float32Array) =>
    rotateByRounds(
      x,
      [0, 1, 2].map((round) => direction(j).slice(round * padded, (round + 1) * padded)),
    );
  const multiplier = (j: number) => u32[multipliers / 4 + j];
  const sum = (x: Float32Array) => {
    let total = 0;
    for (let j = 0; j < functions; j++) total = (total + Math.imul(multiplier(j), integer(j, x))) >>> 0;
    return total;
  };
  const row = (i: number) => vector(rows + i * DIMENSIONS * 4);
  return {
    kernels,
    u32,
    head,
    work,
    query,
    answer,
    hits,
    vector,
    row,
    value,
    integer,
    rotated,
    multiplier,
    sum,
    rows,
  };
}

describe.each(buildNames)("locality-sensitive hashing, build %s", (build) => {
  test.for([Kind.Stable, Kind.Hyperplane])("integers of kind %i", async (kind, { skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const made = await instance(build, 16);
    const { kernels, u32, head, work, rows, hits, row, integer } = hashed(made, kind, 7, 40, 5);
    for (let i = 0; i < 40; i++) {
      kernels.lshIntegers(head, work, 0, rows + i * DIMENSIONS * 4, hits);
      for (let j = 0; j < 7; j++)
        expect(u32[hits / 4 + j] | 0, `row ${i}, function ${j}`).toBe(integer(j, row(i)));
    }
  });

  test("a cross-polytope names the axis nearest to the rotated vector, and its sign", async ({ skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const made = await instance(build, 16);
    const { kernels, u32, head, work, rows, hits, row, rotated } = hashed(made, Kind.CrossPolytope, 7, 40, 5);
    for (let i = 0; i < 40; i++) {
      kernels.lshIntegers(head, work, 0, rows + i * DIMENSIONS * 4, hits);
      for (let j = 0; j < 7; j++) {
        const expected = rotated(j, row(i));
        const named = u32[hits / 4 + j];
        const component = expected[named >>> 1] * (named & 1 ? -1 : 1);
        // Two axes can be equally near: rounding decides between them.
        expect(component, `row ${i}, function ${j}`).toBeGreaterThan(
          Math.max(...expected.map(Math.abs)) - 1e-3,
        );
      }
    }
  });

  test.for([
    [Kind.Stable, 4],
    [Kind.Hyperplane, 8],
  ])("probes of kind %i come in order of their scores", async ([kind, functions], { skip }) => {
    if (!(await runnable(build))) skip("the platform has no relaxed SIMD");
    const made = await instance(build, 16);
    const count = 400;
    const table = hashed(made, kind, functions, count, 6 + kind);
    const { kernels, u32, query, vector, value, integer, multiplier, sum, row } = table;
    const x = vector(query);
    const moves: Move[] = [];
    for (let owner = 0; owner < functions; owner++) {
      const own = value(owner, x);
      if (kind === Kind.Hyperplane) {
        const difference = Math.imul(multiplier(owner), 1 - 2 * integer(owner, x));
        moves.push({ score: own * own, owner, difference });
        continue;
      }
      const below = own - Math.floor(own);
      moves.push({ score: below ** 2, owner, difference: -multiplier(owner) });
      moves.push({ score: (1 - below) ** 2, owner, difference: multiplier(owner) });
    }
    const probes = probesOf(sum(x), moves);
    const members = new Map<number, number[]>();
    for (let i = 0; i < count; i++) {
      const bucket = sum(row(i));
      members.set(bucket, [...(members.get(bucket) ?? []), i]);
    }
    for (const effort of [1, 2, 3, 5, 8, 13, 40, 81]) {
      const expected = probes.slice(0, effort).flatMap((probe) => members.get(probe.sum) ?? []);
      const { head, work, answer, hits } = table;
      const found = kernels.lshSearch(
        ...([
          head,
          work,
          answer,
          query,
          0,
          effort,
          count,
          hits,
          hits + count * 8,
          hits + count * 12,
        ] as const),
      );
      const got = Array.from({ length: found }, (_, i) => u32[(hits + count * 8) / 4 + i]);
      expect(
        got.sort((a, b) => a - b),
        `${effort} probes`,
      ).toEqual(expected.sort((a, b) => a - b));
    }
  });
});

test("the twin's distance counts bits", () => {
  expect(hammingDistance(Uint8Array.of(255, 1), Uint8Array.of(0, 3))).toBe(9);
});
