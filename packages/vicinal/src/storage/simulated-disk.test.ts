import { describe, expect, test } from "vitest";
import { testConformance } from "./directory-conformance.test.helper.js";
import { randomFrom, SimulatedDisk } from "./simulated-disk.test.helper.js";

describe("a simulated disk without faults", () => {
  testConformance(async () => new SimulatedDisk(randomFrom(1)));
});

const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

/** What a power cut leaves of a file of 2000 synced bytes and 2000 that were not, over many seeds. */
async function outcomes(change: (disk: SimulatedDisk) => Promise<void>): Promise<Set<string>> {
  const found = new Set<string>();
  for (let seed = 1; seed <= 300; seed++) {
    const disk = new SimulatedDisk(randomFrom(seed));
    await change(disk);
    const after = disk.afterCrash();
    const size = await after.size("file");
    if (size === undefined) found.add("absent");
    else {
      const content = await after.read("file", 0, size);
      const kinds = [content.subarray(0, 2000), content.subarray(2000)].map((part) =>
        [...new Set(part)].sort().join(),
      );
      found.add(kinds.join(" then "));
    }
  }
  return found;
}

describe("a power cut", () => {
  test("keeps what was synced, and of what was not any part", async () => {
    const found = await outcomes(async (disk) => {
      const writer = await disk.create("file");
      await writer.append(bytes(2000, 1));
      await writer.sync();
      await writer.append(bytes(2000, 2));
    });
    expect(found).toEqual(new Set(["1 then ", "1 then 2", "1 then 0,2", "1 then 0"]));
  });

  test("may undo a creation and a deletion that no sync made durable", async () => {
    expect(
      await outcomes(async (disk) => {
        await disk.create("file");
      }),
    ).toEqual(new Set(["absent", " then "]));
    expect(
      await outcomes(async (disk) => {
        const writer = await disk.create("file");
        await writer.append(bytes(1, 1));
        await writer.sync();
        await disk.delete("file");
      }),
    ).toEqual(new Set(["absent", "1 then "]));
  });

  test("after a failed sync may find the bytes gone though a later sync succeeded", async () => {
    const found = await outcomes(async (disk) => {
      const writer = await disk.create("file");
      await writer.append(bytes(2000, 1));
      await writer.sync();
      await writer.append(bytes(2000, 2));
      disk.fails = (operation) => operation === "sync";
      await expect(writer.sync()).rejects.toMatchObject({ code: "IO" });
      disk.fails = () => false;
      await writer.sync();
    });
    expect(found).toContain("1 then 2");
    expect(found).toContain("1 then 0,2");
    expect(found).not.toContain("absent");
  });
});

test("a full disk takes what fits, and says which file did not", async () => {
  const disk = new SimulatedDisk(randomFrom(1));
  disk.capacityBytes = 100;
  const writer = await disk.create("file");
  await expect(writer.append(bytes(150, 1))).rejects.toMatchObject({
    code: "DISK_FULL",
    details: { path: "file" },
  });
  expect(await disk.size("file")).toBe(100);
  await disk.delete("file");
  await (await disk.create("other")).append(bytes(100, 1));
});

test("where it is like Windows, nothing is deleted that is open", async () => {
  const disk = new SimulatedDisk(randomFrom(1), { windows: true });
  const writer = await disk.create("file");
  await expect(disk.delete("file")).rejects.toMatchObject({ code: "IO" });
  await writer.close();
  await disk.delete("file");
  expect(await disk.list()).toEqual([]);
});
