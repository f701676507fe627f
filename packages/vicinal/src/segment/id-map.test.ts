import fc from "fast-check";
import { expect, test } from "vitest";
import type { PointId } from "../payload/id.js";
import { IdColumn, IdKey } from "./id-column.js";
import { IdMap } from "./id-map.js";

const uuid = fc.uuid().map((text) => text.toLowerCase());
const id: fc.Arbitrary<PointId> = fc.oneof(
  fc.integer({ min: 0, max: 50 }),
  fc.constantFrom<PointId>(2 ** 32, Number.MAX_SAFE_INTEGER, 2n ** 53n, 2n ** 64n - 1n),
  uuid,
);

test("agrees with a Map under any sequence of writes", () => {
  const operation = fc.record({ delete: fc.boolean(), id });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const column = new IdColumn();
      const map = new IdMap(() => column);
      const model = new Map<PointId, number>();
      const key = new IdKey();
      for (const { delete: gone, id } of operations) {
        key.set(id);
        if (gone) expect(map.delete(key)).toBe(model.delete(id));
        else {
          column.append(key);
          map.set(key, 0, column.count - 1);
          model.set(id, column.count - 1);
        }
      }
      expect(map.count).toBe(model.size);
      for (const [id, row] of model) {
        expect(map.find(key.set(id))).toBe(true);
        expect(map.row).toBe(row);
        expect(column.get(row)).toBe(id);
      }
      for (const { id } of operations) expect(map.find(key.set(id))).toBe(model.has(id));
    }),
    { seed: 1122, numRuns: 200 },
  );
});

test("holds many ids without losing one", () => {
  const column = new IdColumn();
  const map = new IdMap(() => column);
  const key = new IdKey();
  for (let i = 0; i < 50_000; i++) {
    column.append(key.set(i * 7));
    map.set(key, 0, i);
  }
  for (let i = 0; i < 50_000; i += 3) map.delete(key.set(i * 7));
  for (let i = 0; i < 50_000; i++) expect(map.find(key.set(i * 7))).toBe(i % 3 !== 0);
});

test("enters the live rows of a segment, and tells of those that are there", () => {
  const columns = [new IdColumn(), new IdColumn()];
  const map = new IdMap((slot) => columns[slot]);
  const key = new IdKey();
  const live = new Uint32Array(64).fill(0xffffffff);
  live[0] = 0xfffffffe;
  map.reserve(2001);
  const never = () => expect.unreachable("no id is there");
  for (let i = 0; i < 2000; i++) columns[0].append(key.set(i));
  map.add(0, 0, 1500, live, never);
  map.add(0, 1500, 2000, live, never);
  expect(map.count).toBe(1999);
  expect(map.find(key.set(0))).toBe(false);
  for (let i = 0; i < 2000; i++)
    columns[1].append(key.set(i === 7 ? "00000000-0000-0000-0000-000000000007" : 1999 - i));
  const twice: number[] = [];
  map.add(1, 0, 2000, live.fill(0xffffffff), (row) => {
    expect([map.slot, map.row]).toEqual([0, 1999 - row]);
    twice.push(row);
  });
  expect(twice).toEqual(Array.from({ length: 1999 }, (_, row) => row).filter((row) => row !== 7));
  expect(map.count).toBe(2001);
  expect(map.find(key.set("00000000-0000-0000-0000-000000000007")) && map.slot).toBe(1);
});

test("orders rows by id, numbers before UUIDs, and survives a round trip", () => {
  fc.assert(
    fc.property(fc.uniqueArray(id, { maxLength: 60 }), (ids) => {
      const column = new IdColumn();
      for (const one of ids) column.append(new IdKey().set(one));
      const words = (name: string) => {
        const section = column.sections().find((candidate) => candidate.name === name);
        return section && new Uint32Array(section.bytes.slice().buffer);
      };
      const loaded = IdColumn.load(ids.length, words("ids") ?? new Uint32Array(0), words("id-kinds"));
      const sorted = Array.from(loaded.order(), (row) => loaded.get(row));
      const expected = [...ids].sort((a, b) => {
        if ((typeof a === "string") !== (typeof b === "string")) return typeof a === "string" ? 1 : -1;
        return a < b ? -1 : a > b ? 1 : 0;
      });
      expect(sorted).toEqual(expected);
    }),
    { seed: 1122, numRuns: 200 },
  );
});
