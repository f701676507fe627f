import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterEach, describe, expect, test } from "vitest";
import { lockFolder } from "./lock.js";
import { temporaryFolders } from "./temporary-folder.test.helper.js";

const temporaryFolder = temporaryFolders();
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Says `ready`, and on each line of input locks the folder and prints `held` or the error's code and pid. */
const openerCode = `
  const { lockFolder } = await import(${JSON.stringify(new URL("./lock.js", import.meta.url).href)});
  const { createInterface } = await import("node:readline");
  console.log("ready");
  for await (const path of createInterface({ input: process.stdin })) {
    if (path === "release") { await globalThis.lock.release(); console.log("released"); continue; }
    try { globalThis.lock = await lockFolder(path); console.log("held"); }
    catch (error) { console.log(error.code + " " + error.details.pid); }
  }`;

class Opener {
  readonly child = spawn(process.execPath, ["--input-type=module", "-e", openerCode], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  private readonly lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();

  constructor() {
    children.push(this.child);
  }

  async line(): Promise<string> {
    return (await this.lines.next()).value;
  }

  async ask(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    return this.line();
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

async function openers(count: number): Promise<Opener[]> {
  const started = Array.from({ length: count }, () => new Opener());
  for (const opener of started) expect(await opener.line()).toBe("ready");
  return started;
}

function socketsIn(path: string): string[] {
  return fs.readdirSync(path).filter((name) => name.startsWith("lock-"));
}

describe("lockFolder", () => {
  test("a second lock in the same process is refused until the first is released", async () => {
    const path = temporaryFolder();
    const lock = await lockFolder(path);
    await expect(lockFolder(path)).rejects.toMatchObject({
      code: "FOLDER_IN_USE",
      message: expect.stringContaining(path),
      details: { pid: process.pid },
    });
    await lock.release();
    await lock.release();
    const again = await lockFolder(path);
    await again.release();
    if (process.platform !== "win32") expect(socketsIn(path)).toEqual([]);
  });

  test("another process is refused and told who holds it; kill -9 frees it", async () => {
    const path = temporaryFolder();
    const [first, second] = await openers(2);
    expect(await first.ask(path)).toBe("held");
    expect(await second.ask(path)).toBe(`FOLDER_IN_USE ${first.child.pid}`);
    await expect(lockFolder(path)).rejects.toMatchObject({ details: { pid: first.child.pid } });
    await first.kill();
    expect(await second.ask(path)).toBe("held");
    if (process.platform !== "win32") expect(socketsIn(path).length).toBe(1);
    expect(await second.ask("release")).toBe("released");
    await (await lockFolder(path)).release();
  });

  test("a stopped holder still holds", async () => {
    if (process.platform === "win32") return;
    const path = temporaryFolder();
    const [holder] = await openers(1);
    expect(await holder.ask(path)).toBe("held");
    holder.child.kill("SIGSTOP");
    await expect(lockFolder(path)).rejects.toMatchObject({
      code: "FOLDER_IN_USE",
      details: { pid: holder.child.pid },
    });
  });

  test("of openers that race, beside stale sockets, exactly one gets it", async () => {
    const racers = await openers(4);
    const corpse = new Opener();
    expect(await corpse.line()).toBe("ready");
    const stalePath = temporaryFolder();
    expect(await corpse.ask(stalePath)).toBe("held");
    await corpse.kill();
    for (let round = 0; round < 25; round++) {
      const path = round === 0 ? stalePath : temporaryFolder();
      const answers = await Promise.all(racers.map((racer) => racer.ask(path)));
      const held = answers.filter((answer) => answer === "held");
      expect(held.length, `round ${round}: ${answers}`).toBe(1);
      const winner = racers[answers.indexOf("held")];
      for (const answer of answers) if (answer !== "held") expect(answer).toMatch(/^FOLDER_IN_USE \d+$/);
      expect(await winner.ask("release")).toBe("released");
    }
  });

  test("of locks that race in one process exactly one gets it", async () => {
    for (let round = 0; round < 20; round++) {
      const path = temporaryFolder();
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => lockFolder(path)));
      const held = results.filter((result) => result.status === "fulfilled");
      expect(held.length).toBe(1);
      await held[0].value.release();
    }
  });

  test("a folder with a path too long for a socket is locked as well", async () => {
    const path = join(temporaryFolder(), "x".repeat(120));
    const [other] = await openers(1);
    const lock = await lockFolder(path);
    expect(await other.ask(path)).toBe(`FOLDER_IN_USE ${process.pid}`);
    await lock.release();
    expect(await other.ask(path)).toBe("held");
    expect(socketsIn(path)).toEqual([]);
  });

  test("different names of one folder are one lock", async () => {
    if (process.platform === "win32") return;
    const path = temporaryFolder();
    const alias = join(temporaryFolder(), "alias");
    fs.symlinkSync(path, alias);
    const lock = await lockFolder(alias);
    await expect(lockFolder(join(path, "."))).rejects.toMatchObject({ code: "FOLDER_IN_USE" });
    await lock.release();
  });

  test("a folder that may not be written is FOLDER_NOT_WRITABLE", async () => {
    if (process.platform === "win32") return;
    const path = temporaryFolder();
    fs.chmodSync(path, 0o555);
    const code = `
      const { lockFolder } = await import(${JSON.stringify(new URL("./lock.js", import.meta.url).href)});
      const told = (path) => lockFolder(path).then(() => "held", (error) => error.code + " " + error.message);
      console.log(await told(${JSON.stringify(path)}));
      console.log(await told(${JSON.stringify(join(path, "below"))}));`;
    // Root may write anywhere: the child is nobody.
    const identity = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const run = promisify(execFile);
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", code], identity);
    const [itself, below] = stdout.split("\n");
    expect(itself).toMatch(new RegExp(`^FOLDER_NOT_WRITABLE .*${path}: .*EACCES`));
    expect(below).toMatch(new RegExp(`^FOLDER_NOT_WRITABLE .*${path}/below: .*EACCES`));
  });

  test("a file in the folder's place is named", async () => {
    const path = join(temporaryFolder(), "file");
    fs.writeFileSync(path, "x");
    await expect(lockFolder(path)).rejects.toMatchObject({ message: expect.stringContaining(path) });
  });

  test("does not keep the process running", async () => {
    const path = temporaryFolder();
    const code = `
      const { lockFolder } = await import(${JSON.stringify(new URL("./lock.js", import.meta.url).href)});
      await lockFolder(${JSON.stringify(path)});`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: "inherit" });
    children.push(child);
    const [exitCode] = await once(child, "exit");
    expect(exitCode).toBe(0);
  });
});
