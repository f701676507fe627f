/** Postings against plain loops: each vector once, filtered, the nearest k, whatever the number of members. */
import { describe, expect, test } from "vitest";
import { codeDistance, encode, encodeQuery } from "./code-twins.js";
import { metricNames, metrics } from "./float-twins.js";
import { buildNames, instance, runnable } from "./load.js";
import { seededRandom } from "./test-data.test.helper.js";

const ROWS = 70;
const align = (address: number) => Math.ceil(address / 64) * 64;

describe.each(buildNames)("postings, build %s", (build) => {
  test.each([1, 7, 24, 100])("are scored as the twins score them: %i dimensions", async (dimensions) => {
    if (!(await runnable(build))) return;
    const { exports, u8, u32, f32 } = await instance(build, 16);
    const next = seededRandom(dimensions);
    const padded = Math.ceil(dimensions / 8) * 8;
    const stride = padded + 8;
    const query = 64;
    const mean = align(query + dimensions * 4);
    const words = align(mean + dimensions * 4);
    const rows = align(words + padded * 2);
    const codes = align(rows + ROWS * dimensions * 4);
    const posting = align(codes + ROWS * stride);
    const remaining = align(posting + ROWS * (4 + Math.max(stride, dimensions * 4)));
    const fresh = remaining + 64;
    const heap = fresh + 512;
    const tally = heap + 1024;
    const answers = tally + 64;
    for (let i = 0; i < dimensions; i++) {
      f32[query / 4 + i] = next() * 2 - 1;
      f32[mean / 4 + i] = next() - 0.5;
    }
    for (let i = 0; i < ROWS * dimensions; i++) f32[rows / 4 + i] = next() * 2 - 1;
    const row = (i: number) => f32.slice(rows / 4 + i * dimensions, rows / 4 + (i + 1) * dimensions);
    const asked = f32.slice(query / 4, query / 4 + dimensions);
    const means = f32.slice(mean / 4, mean / 4 + dimensions);
    exports.encodeRows(rows, dimensions, 0, ROWS, mean, padded, 1, codes, stride);
    const scale = exports.encodeQuery(query, mean, dimensions, padded, words);
    const coded = encodeQuery(asked, means);
    const codeDistanceOf = (i: number) => codeDistance(coded, 0, encode(row(i), means, true));

    const scorers = [
      { name: "codes", bytes: stride, from: codes, metric: -1, distance: codeDistanceOf },
      ...metricNames.map((name, metric) => ({
        name,
        bytes: dimensions * 4,
        from: rows,
        metric,
        distance: (i: number) => metrics[name](asked, row(i)),
      })),
    ];
    for (const { name, bytes, from, metric, distance } of scorers) {
      for (const share of [0, 0.3, 1]) {
        const k = 1 + Math.floor(next() * 12);
        const allowed = new Set(Array.from({ length: ROWS }, (_, i) => i).filter(() => next() < share));
        u32.fill(0, remaining / 4, remaining / 4 + 4);
        for (const i of allowed) u32[remaining / 4 + (i >>> 5)] |= 1 << (i & 31);
        u32.fill(0, tally / 4, tally / 4 + 2);
        const seen = new Set<number>();
        for (const length of [0, 1, 3, 4, 9, 33]) {
          // Members of different postings overlap; one names a vector that is not there.
          const members = Array.from({ length }, () => Math.floor(next() * ROWS));
          members.forEach((member, i) => {
            u32[posting / 4 + i] = i === 2 ? ROWS : member;
            const at = posting + length * 4 + i * bytes;
            u8.copyWithin(at, from + member * bytes, from + (member + 1) * bytes);
            if (i !== 2 && allowed.has(member)) seen.add(member);
          });
          if (metric < 0)
            exports.postingCodes(
              ...([words, scale, posting, length, bytes, padded, ROWS] as const),
              ...([remaining, fresh, k, heap, tally] as const),
            );
          else
            exports.postingRows(
              ...([metric, query, posting, length, dimensions, ROWS] as const),
              ...([remaining, fresh, k, heap, tally] as const),
            );
        }
        const scored = u32[tally / 4 + 1];
        const found = exports.postingHits(heap, tally, answers, answers + 256);
        const where = `${name}, ${share}`;
        expect(scored, where).toBe(seen.size);
        expect(found, where).toBe(Math.min(k, seen.size));
        const ordinals = [...u32.slice(answers / 4, answers / 4 + found)];
        expect(new Set(ordinals).size, where).toBe(found);
        const expected = [...seen].map(distance).sort((a, b) => a - b);
        ordinals.forEach((ordinal, i) => {
          expect(seen.has(ordinal), where).toBe(true);
          const got = f32[answers / 4 + 64 + i];
          const near = 1e-4 * (1 + Math.abs(expected[i]));
          expect(Math.abs(got - expected[i]), where).toBeLessThan(near);
          expect(Math.abs(got - distance(ordinal)), where).toBeLessThan(near);
        });
      }
    }
  });
});
