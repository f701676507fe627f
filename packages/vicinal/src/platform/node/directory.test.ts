import { execFile } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { testConformance } from "../../storage/directory-conformance.test.helper.js";
import { NodeDirectory } from "./directory.js";
import { fileError } from "./file-errors.js";
import { temporaryFolders } from "./temporary-folder.test.helper.js";

const temporaryFolder = temporaryFolders();

describe("NodeDirectory", () => {
  testConformance(async () => NodeDirectory.at(join(temporaryFolder(), "not/made/yet")));

  test("creates nothing before the first file", async () => {
    const path = join(temporaryFolder(), "db");
    const dir = NodeDirectory.at(path);
    expect(await dir.list()).toEqual([]);
    expect(await dir.size("x")).toBeUndefined();
    expect(fs.existsSync(path)).toBe(false);
  });

  test("knows the room on the disk of a folder that is not there yet", async () => {
    const space = await NodeDirectory.at(join(temporaryFolder(), "not/made/yet")).folder("nor/this").space();
    expect(space?.free).toBeGreaterThan(0);
    expect(space?.free).toBeLessThanOrEqual(space?.total as number);
  });

  test("lists files only, and only those that it can name", async () => {
    const path = temporaryFolder();
    fs.mkdirSync(join(path, "empty"));
    fs.writeFileSync(join(path, "two words"), "x");
    fs.writeFileSync(join(path, "file"), "x");
    expect(await NodeDirectory.at(path).list()).toEqual(["file"]);
  });

  test("leaves no empty folders behind, but the root", async () => {
    const path = temporaryFolder();
    const dir = NodeDirectory.at(join(path, "db"));
    for (const file of ["a/b/c/file", "a/other"]) await (await dir.create(file)).close();
    await dir.folder("a/b").delete("c/file");
    expect(fs.readdirSync(join(path, "db/a"))).toEqual(["other"]);
    await dir.delete("a/other");
    await dir.delete("a/other");
    expect(fs.readdirSync(join(path, "db"))).toEqual([]);
  });

  test("files come and go in one folder at the same time", async () => {
    const dir = NodeDirectory.at(join(temporaryFolder(), "db"));
    const work = async (name: string) => {
      for (let i = 0; i < 100; i++) {
        const writer = await dir.create(`x/y/${name}`);
        await writer.append(Uint8Array.of(i));
        if (i % 10 === 0) await writer.sync();
        await writer.close();
        expect(await dir.read(`x/y/${name}`, 0, 1)).toEqual(Uint8Array.of(i));
        await dir.delete(`x/y/${name}`);
      }
    };
    await Promise.all(["a", "b", "c"].map(work));
    expect(await dir.list()).toEqual([]);
  });

  test("keeps a bounded number of files open, and none after closing", async () => {
    if (!fs.existsSync("/proc/self/fd")) return;
    const path = temporaryFolder();
    const openBelow = () =>
      fs.readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith(path);
        } catch {
          return false;
        }
      }).length;
    for (let i = 0; i < 150; i++) fs.writeFileSync(join(path, `file-${i}`), "x");
    const dir = NodeDirectory.at(path);
    for (let i = 0; i < 150; i++) await dir.read(`file-${i}`, 0, 1);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(openBelow()).toBe(64);
    await dir.close();
    expect(openBelow()).toBe(0);
  });

  test("a folder that may not be written is FOLDER_NOT_WRITABLE, and still readable", async () => {
    const path = temporaryFolder();
    fs.writeFileSync(join(path, "file"), "x");
    fs.chmodSync(path, 0o555);
    const code = `
      const { NodeDirectory } = await import(${JSON.stringify(new URL("./directory.js", import.meta.url).href)});
      const dir = NodeDirectory.at(${JSON.stringify(path)});
      const told = async (work) => work().then(() => "done", (error) => error.code + " " + error.message);
      console.log(JSON.stringify([
        await told(() => dir.create("new")),
        await told(() => dir.create("folder/new")),
        await told(() => dir.reopen("file", 0)),
        await told(() => dir.delete("file")),
        await told(() => dir.read("file", 0, 1)),
      ]));`;
    // Root may write anywhere: the child is nobody.
    const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], identity);
    const [created, below, reopened, deleted, read] = JSON.parse(stdout);
    for (const answer of [created, below, reopened, deleted])
      expect(answer).toMatch(/^FOLDER_NOT_WRITABLE .*EACCES/);
    expect(created).toContain(join(path, "new"));
    expect(read).toBe("done");
  });

  test("what takes the place of a folder is named", async () => {
    const path = temporaryFolder();
    fs.writeFileSync(join(path, "file"), "x");
    await expect(NodeDirectory.at(path).create("file/below")).rejects.toMatchObject({
      message: expect.stringContaining(join(path, "file/below")),
    });
    fs.mkdirSync(join(path, "folder"));
    await expect(NodeDirectory.at(path).read("folder", 0, 1)).rejects.toMatchObject({
      code: "IO",
      message: expect.stringContaining("EISDIR"),
    });
  });
});

describe("fileError", () => {
  const systemError = (code: string) => Object.assign(new Error(code), { code, syscall: "write", errno: -1 });

  test.each([
    ["ENOSPC", "write", "DISK_FULL"],
    ["EDQUOT", "sync", "DISK_FULL"],
    ["EROFS", "create", "FOLDER_NOT_WRITABLE"],
    ["EACCES", "delete", "FOLDER_NOT_WRITABLE"],
    ["EPERM", "write", "FOLDER_NOT_WRITABLE"],
    ["EACCES", "read", "IO"],
    ["EIO", "sync", "IO"],
    ["EMFILE", "read", "IO"],
    ["ENOENT", "read", "FILE_NOT_FOUND"],
    ["EEXIST", "create", "FILE_EXISTS"],
  ] as const)("%s on %s is %s, names the path and keeps the cause", (code, action, expected) => {
    const error = fileError(systemError(code), action, "/data/file");
    expect(error).toMatchObject({ code: expected, message: expect.stringContaining("/data/file") });
    expect(error).toMatchObject({ details: { path: "/data/file" } });
  });

  test("leaves other errors as they are", () => {
    const error = new TypeError("no system's error");
    expect(fileError(error, "read", "/data/file")).toBe(error);
  });
});
