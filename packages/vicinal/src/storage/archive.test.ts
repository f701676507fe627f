import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ArchiveFile, ArchiveReader, archiveSize, writeArchive } from "./archive.js";

const fileOf = (name: string, bytes: Uint8Array): ArchiveFile => ({
  name,
  size: bytes.length,
  chunks: () => [bytes],
});

async function archived(files: ArchiveFile[]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeArchive(files)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function* cutUp(bytes: Uint8Array, step: number): Generator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += step) yield bytes.subarray(offset, offset + step);
}

async function readAll(chunks: Iterable<Uint8Array>): Promise<[string, string][]> {
  const reader = new ArchiveReader(chunks);
  const found: [string, string][] = [];
  for (let file = await reader.next(); file; file = await reader.next())
    found.push([file.name, Buffer.from(await reader.exactly(file.size)).toString("hex")]);
  return found;
}

const contents = fc.array(fc.uint8Array({ maxLength: 1600 }), { maxLength: 5 });

test("what is read is what was written, whatever the chunks", async () => {
  await fc.assert(
    fc.asyncProperty(contents, fc.integer({ min: 1, max: 3000 }), async (files, step) => {
      const bytes = await archived(files.map((content, i) => fileOf(`f/${i}`, content)));
      expect(bytes.length).toBe(archiveSize(files.map(({ length }) => length)));
      expect(await readAll(cutUp(bytes, step))).toEqual(
        files.map((content, i) => [`f/${i}`, Buffer.from(content).toString("hex")]),
      );
    }),
    { numRuns: 60 },
  );
});

test("an archive that is cut short, or has bytes behind its end, is refused", async () => {
  const bytes = await archived([fileOf("a", new Uint8Array(700).fill(7)), fileOf("b", new Uint8Array(3))]);
  for (let length = 0; length < bytes.length; length += 97)
    await expect(readAll([bytes.subarray(0, length)]), `${length} bytes`).rejects.toThrow(/ends within/);
  await expect(readAll([bytes, new Uint8Array([1])])).rejects.toThrow(/behind its end/);
  await expect(readAll([bytes, new Uint8Array(20_000)])).rejects.toThrow(/behind its end/);
  expect(await readAll([bytes, new Uint8Array(512)])).toHaveLength(2);
});

test("a changed bit of a header is refused or changes nothing that is read", async () => {
  const bytes = await archived([fileOf("name", new Uint8Array(3).fill(9))]);
  const whole = await readAll([bytes]);
  let refusals = 0;
  for (let bit = 0; bit < 512 * 8; bit += 3) {
    const changed = bytes.slice();
    changed[bit >> 3] ^= 1 << (bit & 7);
    await readAll([changed]).then(
      (found) => expect(found, `bit ${bit}`).toEqual(whole),
      (reason: Error) => {
        refusals++;
        expect(reason.message).toContain("refused");
      },
    );
  }
  expect(refusals).toBeGreaterThan(1000);
});

test("sizes of 8 GiB and more stand in base 256", async () => {
  const size = 9 * 2 ** 30 + 5;
  const files: ArchiveFile[] = [{ name: "large", size, chunks: () => [] }];
  const [header] = [(await writeArchive(files).next()).value as Uint8Array];
  expect(await new ArchiveReader([header]).next()).toEqual({ name: "large", size });
});

test.skipIf(process.platform === "win32")("tar reads what is written, and is read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vicinal-"));
  try {
    writeFileSync(join(folder, "ours.tar"), await archived([fileOf("objects/ab", Buffer.from("hello"))]));
    execFileSync("tar", ["-xf", "ours.tar"], { cwd: folder });
    expect(readFileSync(join(folder, "objects/ab"), "utf8")).toBe("hello");
    execFileSync("tar", ["--format=ustar", "-cf", "theirs.tar", "objects/ab"], { cwd: folder });
    const theirs = await readAll([readFileSync(join(folder, "theirs.tar"))]);
    expect(theirs).toEqual([["objects/ab", Buffer.from("hello").toString("hex")]]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
