/** Who may open a folder that is open already: the same process, another one, another copy of the module. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type OpenOptions, open } from "vicinal";
import { describe, expect, test } from "vitest";
import { refusal, withFolder } from "./homes.js";

const vectors = { size: 2, distance: "Dot" as const };

describe("in one process", () => {
  test("a second opening is another handle on the same database, each closed by itself", () =>
    withFolder(async (folder) => {
      const link = `${folder}-link`;
      await symlink(folder, link);
      const [first, second] = await Promise.all([open(folder), open(link)]);
      await first.createCollection("c", { vectors });
      await second.upsert("c", { points: [{ id: 1, vector: [1, 0] }] });
      expect(await first.count("c")).toEqual({ count: 1 });
      const accepted = first.upsert("c", { points: [{ id: 2, vector: [0, 1] }] });
      await first.close();
      expect(await accepted).toMatchObject({ status: "completed" });
      await first.close();
      expect(await refusal(first.count("c"))).toMatchObject({ code: "CLOSED" });
      expect(await refusal(first.engine.count("c", {}))).toMatchObject({ code: "CLOSED" });
      expect(await second.count("c")).toEqual({ count: 2 });
      // Closing has begun, so the next opening waits for its end and opens anew.
      const closing = second.close();
      const third = await open(folder);
      await closing;
      expect(await third.count("c")).toEqual({ count: 2 });
      expect(await refusal(second.count("c"))).toMatchObject({ code: "CLOSED" });
      await third.close();
      await holds(folder, async (child) => expect(child.text).toBe("open"));
    }));

  test("options that contradict the first opening's are refused by name", () =>
    withFolder(async (folder) => {
      const first = await open(folder, { recallCheckShare: 0.5 });
      const { code, message } = await refusal(open(folder, { recallCheckShare: 0.25 }));
      expect(code).toBe("BAD_REQUEST");
      expect(message).toContain("recallCheckShare 0.5; it cannot be 0.25");
      for (const options of [{}, { recallCheckShare: 0.5 }, { recallCheckShare: undefined }])
        await (await open(folder, options)).close();
      await first.close();
      await (await open(folder, { recallCheckShare: 0.25 })).close();
    }));

  test("hooks are each handle's own", () =>
    withFolder(async (folder) => {
      const one = await open(folder, { hooks: { inference: { m: () => [[1, 0]] } } });
      const other = await open(folder, { hooks: { inference: { m: () => [[0, 1]] } } });
      await one.createCollection("c", { vectors });
      await one.upsert("c", { points: [{ id: 1, vector: { text: "t", model: "m" } }] });
      await other.upsert("c", { points: [{ id: 2, vector: { text: "t", model: "m" } }] });
      const found = await one.retrieve("c", { ids: [1, 2], with_vector: true });
      expect(found.map(({ vector }) => [...(vector as Float32Array)])).toEqual([
        [1, 0],
        [0, 1],
      ]);
      await one.close();
      await other.close();
    }));

  test("an opening that fails keeps nobody from the next one", () =>
    withFolder((folder) =>
      holds(folder, async (child) => {
        const failed = await Promise.allSettled([open(folder), open(folder)]);
        expect(failed.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
        child.kill("SIGKILL");
        await once(child, "close");
        await (await open(folder)).close();
      }),
    ));

  test("another copy of the module finds the same database", () =>
    withFolder(async (folder) => {
      const own = dirname(dirname(fileURLToPath(import.meta.resolve("vicinal"))));
      const copy = join(folder, "copy");
      await mkdir(copy);
      for (const part of ["dist", "package.json"])
        await cp(join(own, part), join(copy, part), { recursive: true });
      const script = `
        import assert from "node:assert";
        import { open, VicinalError } from "vicinal";
        const other = await import(${JSON.stringify(pathToFileURL(join(copy, "dist/index.js")).href)});
        assert.notEqual(other.open, open);
        const data = ${JSON.stringify(join(folder, "data"))};
        const [mine, theirs] = [await open(data), await other.open(data)];
        await mine.createCollection("c", { vectors: { size: 2, distance: "Dot" } });
        await theirs.upsert("c", { points: [{ id: 1, vector: [1, 0] }] });
        assert.deepEqual(await mine.count("c"), { count: 1 });
        assert((await other.open("").catch((error) => error)) instanceof VicinalError);
        await mine.close();
        assert.deepEqual(await theirs.count("c"), { count: 1 });
        await theirs.close();`;
      const options = ["--input-type=module", "-e", script];
      const child = spawn(process.execPath, options, { cwd: import.meta.dirname, stdio: "inherit" });
      expect((await once(child, "close"))[0]).toBe(0);
    }));
});

interface Child extends ChildProcess {
  /** What it said first: "open", or the code and message of its refusal. */
  text: string;
  pid: number;
}

/** Runs with a child process that holds the folder, or tried to. */
async function holds(folder: string, run: (child: Child) => Promise<unknown>): Promise<void> {
  const script = `import { open } from "vicinal"; await open(${JSON.stringify(folder)}).then(() => process.stdout.write("open"), ({ code, message }) => process.stdout.write(code + " " + message)); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  try {
    const [said] = await once(child.stdout, "data");
    await run(Object.assign(child, { text: String(said) }) as Child);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

describe("in two processes", () => {
  test("the second is told who holds the folder, and opens at once when that one was killed", () =>
    withFolder((folder) =>
      holds(folder, async (child) => {
        const { code, message } = await refusal(open(folder));
        expect(code).toBe("FOLDER_IN_USE");
        expect(message).toContain(`process ${child.pid}`);
        child.kill("SIGKILL");
        await once(child, "close");
        const database = await open(folder);
        await holds(folder, async ({ text }) =>
          expect(text).toMatch(new RegExp(`^FOLDER_IN_USE .*process ${process.pid}`)),
        );
        await database.close();
      }),
    ));

  test.skipIf(process.platform === "win32")("a stopped holder still holds", () =>
    withFolder((folder) =>
      holds(folder, async (child) => {
        child.kill("SIGSTOP");
        expect(await refusal(open(folder))).toMatchObject({
          code: "FOLDER_IN_USE",
          message: expect.stringContaining(`process ${child.pid}`),
        });
        child.kill("SIGCONT");
        expect(await refusal(open(folder))).toMatchObject({ code: "FOLDER_IN_USE" });
      }),
    ),
  );
});

describe("read-only", () => {
  /** Names, sizes and times of everything in the folder. */
  const stamps = async (folder: string) => {
    const names = await readdir(folder, { recursive: true });
    const all = await Promise.all(names.map(async (name) => [name, await stat(join(folder, name))] as const));
    return all.map(([name, { size, mtimeMs }]) => [name, size, mtimeMs]).sort();
  };

  test("beside a writer, which it follows by itself", () =>
    withFolder(async (folder) => {
      expect(await refusal(open(folder, { readOnly: true }))).toMatchObject({ code: "FILE_NOT_FOUND" });
      const writer = await open(folder);
      await writer.createCollection("c", { vectors });
      const reader = await open(folder, { readOnly: true, refreshMs: 10 });
      const still = await open(folder, { readOnly: true, refreshMs: 0 });
      await writer.upsert("c", { points: [{ id: 1, vector: [1, 0] }] });
      await writer.waitForIndex("c", { everything: true });
      await expect.poll(() => reader.count("c")).toEqual({ count: 1 });
      expect(await still.count("c")).toEqual({ count: 0 });
      await still.refresh();
      expect((await still.query("c", { query: [1, 0] })).points).toMatchObject([{ id: 1, score: 1 }]);
      expect(await refusal(still.delete("c", { points: [1] }))).toMatchObject({ code: "READ_ONLY" });
      await Promise.all([reader.close(), still.close()]);
      expect(await refusal(reader.count("c"))).toMatchObject({ code: "CLOSED" });
      expect(await writer.count("c")).toEqual({ count: 1 });
      await writer.close();
    }));

  test("without a writer nothing changes in the folder, not even for many", () =>
    withFolder(async (folder) => {
      const writer = await open(folder);
      await writer.createCollection("c", { vectors });
      await writer.upsert("c", { points: [{ id: 1, vector: [1, 0] }] });
      await writer.close();
      const before = await stamps(folder);
      const readers = await Promise.all([1, 2, 3].map(() => open(folder, { readOnly: true })));
      for (const reader of readers) {
        expect(await reader.count("c")).toEqual({ count: 1 });
        await reader.refresh();
        await reader.close();
      }
      expect(await stamps(folder)).toEqual(before);
    }));

  test.each([
    [{ readOnly: "yes" }, "readOnly"],
    [{ refreshMs: 10 }, "refreshMs"],
    [{ readOnly: true, refreshMs: -1 }, "refreshMs"],
    [{ readOnly: true, refreshMs: Number.NaN }, "refreshMs"],
  ])("options %j are refused by name", async (options, name) => {
    const { code, message } = await refusal(open("./nowhere", options as OpenOptions));
    expect(code).toBe("BAD_REQUEST");
    expect(message).toContain(`open: ${name} `);
  });
});
