/** Data folders that earlier versions wrote are opened, and say what they said then. See tests/compat/README.md. */
import { cp, readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { open, verify } from "vicinal";
import { describe, expect, test } from "vitest";
import { type Content, contentOf } from "./compat/content.js";
import { serve, withFolder } from "./homes.js";

const root = resolve(fileURLToPath(new URL("../compat", import.meta.url)));
const versions = (await readdir(root, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

const withData = async (version: string, work: (folder: string, expected: Content) => Promise<void>) => {
  const expected = JSON.parse(await readFile(join(root, version, "content.json"), "utf8"));
  await withFolder(async (folder) => {
    await cp(join(root, version, "data"), folder, { recursive: true });
    await work(folder, expected);
  });
};

/** REST writes float32 numbers as short as they can be. */
const asFloats = (value: unknown) =>
  JSON.parse(JSON.stringify(value), (_, part) => (typeof part === "number" ? Math.fround(part) : part));

test("there are folders to open", () => {
  expect(versions).toEqual(expect.arrayContaining(["2026-11", "2026-11b"]));
});

describe.each(versions)("data of %s", (version) => {
  test("is whole, and says what it said then; again after it was written to", () =>
    withData(version, async (folder, expected) => {
      expect(await verify(folder)).toMatchObject({ ok: true, orphans: [] });
      for (let opening = 0; opening < 2; opening++) {
        const database = await open(folder);
        try {
          expect(await contentOf(database)).toEqual(expected);
          for (const [name, { points_count }] of Object.entries(expected)) {
            if (!/^(family|code|type)-/.test(name) || opening > 0) continue;
            const { indexed_vectors_count } = await database.getCollection(name);
            // Read, not built anew: nothing has been waited for.
            expect(indexed_vectors_count, name).toBe(name === "family-flat" ? 0 : points_count);
            const query = [0.5, -0.25, 0.125, 0.75, -0.5, 0.25, -1, 0.375];
            expect((await database.query(name, { query, limit: 5 })).points, name).toHaveLength(5);
          }
          await database.upsert("family-hnsw", { points: [{ id: 9000, vector: new Array(8).fill(1) }] });
          await database.waitForIndex("family-hnsw", { everything: true });
          await database.delete("family-hnsw", { points: [9000] });
        } finally {
          await database.close();
        }
      }
      expect(await verify(folder)).toMatchObject({ ok: true });
    }));

  test("knows the operations that were named", () =>
    withData(version, async (folder, expected) => {
      const database = await open(folder);
      try {
        for (const operationId of version === "2026-11" ? [] : ["saved", "logged"])
          await database.engine.forRequest({ operationId }).delete("everything", { points: [1] });
        expect(await contentOf(database)).toEqual(expected);
      } finally {
        await database.close();
      }
    }));

  test("its snapshot can be restored from", () =>
    withData(version, async (folder) => {
      const database = await open(folder);
      try {
        const snapshots = await database.listSnapshots("everything");
        expect(snapshots).toHaveLength(version === "2026-11" ? 0 : 1);
        for (const { name } of snapshots) {
          await database.recoverSnapshot("everything", { location: name });
          const expected = JSON.parse(await readFile(join(root, version, "snapshot.json"), "utf8"));
          expect((await contentOf(database)).everything).toEqual(expected);
        }
      } finally {
        await database.close();
      }
    }));

  test("is served over HTTP", () =>
    withData(version, async (folder, expected) => {
      const { rest, close } = await serve(folder);
      try {
        const { points } = (await rest.result("POST", "/collections/all/points/scroll", {
          limit: 1000,
          with_vector: true,
        })) as { points: unknown[] };
        expect(asFloats(points)).toEqual(asFloats(expected.everything.points));
      } finally {
        await close();
      }
    }));
});

/** The table of contents of a section file, read as docs/format.md draws it. */
async function contentsOf(file: string): Promise<{ meta: object; sections: [string][] }> {
  const bytes = await readFile(file);
  const trailer = bytes.length - 64;
  const from = Number(bytes.readBigUInt64LE(trailer + 16));
  return JSON.parse(bytes.toString("utf8", from, from + bytes.readUInt32LE(trailer + 12)));
}

test.each(versions)(
  "docs/format.md names every section and every member of the files of %s",
  async (version) => {
    const text = await readFile(join(root, "../../docs/format.md"), "utf8");
    const data = join(root, version, "data");
    const names = new Set<string>();
    for (const entry of await readdir(data, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (!entry.isFile()) continue;
      if (path.includes("segments")) {
        const { meta, sections } = await contentsOf(path);
        for (const name of [...Object.keys(meta), ...sections.map(([name]) => name)]) names.add(name);
      } else if (entry.name.startsWith("manifest")) {
        const body = (await readFile(path))
          .subarray(28)
          .toString()
          .replace(/SYNCED\n\0$/, "");
        for (const name of Object.keys(JSON.parse(body))) names.add(name);
      }
    }
    expect(names.size).toBeGreaterThan(50);
    const missing = [...names].filter(
      (name) => !new RegExp(`[\`"]${name.replaceAll(".", "\\.")}[\`"]`).test(text),
    );
    expect(missing).toEqual([]);
  },
);
