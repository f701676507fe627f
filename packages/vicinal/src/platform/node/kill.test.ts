/** A process that writes a log and commits manifests is killed at any moment; what it said it had, is there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { FileLog } from "../../storage/log.js";
import { Manifests } from "../../storage/manifest.js";
import { NodeDirectory } from "./directory.js";
import { lockFolder } from "./lock.js";
import { temporaryFolders } from "./temporary-folder.test.helper.js";

const temporaryFolder = temporaryFolders();
const KILLS = 12;

const modules = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);

/** Appends record after record, each naming its number; says each acknowledged one; commits a manifest at times. */
const writerCode = `
  const { NodeDirectory } = await import(${modules("./directory.js")});
  const { lockFolder } = await import(${modules("./lock.js")});
  const { FileLog } = await import(${modules("../../storage/log.js")});
  const { Manifests } = await import(${modules("../../storage/manifest.js")});
  await lockFolder(process.argv[1]);
  const dir = NodeDirectory.at(process.argv[1]);
  const manifests = new Manifests(dir);
  const after = (await manifests.latest())?.value.after ?? 0;
  const log = await FileLog.open(dir, { after }, () => {});
  const text = (sequence) => new TextEncoder().encode(String(sequence).repeat(1 + (sequence % 50)));
  for (;;) {
    const first = log.next;
    await log.append([text(first), text(first + 1), text(first + 2)]);
    console.log("logged " + (first + 2));
    if (first % 7 === 0) {
      await log.rotate();
      await manifests.commit({ after: first });
      console.log("committed " + first);
      await log.truncate(first);
    }
  }`;

test(`of ${KILLS} killed writers no acknowledged record or manifest is lost`, async () => {
  const path = temporaryFolder();
  let logged = 0;
  let committed = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", writerCode, path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let lineCount = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, number] = line.split(" ");
      if (what === "logged") logged = Number(number);
      else committed = Number(number);
      if (++lineCount === 5 + kill * 11) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    expect(child.signalCode).toBe("SIGKILL");

    const lock = await lockFolder(path);
    const dir = NodeDirectory.at(path);
    const manifest = await new Manifests(dir).latest();
    const after = (manifest?.value as { after: number } | undefined)?.after ?? 0;
    expect(after).toBeGreaterThanOrEqual(committed);
    let last = after;
    const log = await FileLog.open(dir, { after }, ({ sequence, bytes }) => {
      expect(sequence).toBe(last + 1);
      expect(new TextDecoder().decode(bytes)).toBe(String(sequence).repeat(1 + (sequence % 50)));
      last = sequence;
    });
    expect(last).toBeGreaterThanOrEqual(logged);
    expect(last % 3, "half a batch").toBe(0);
    await log.close();
    await dir.close();
    await lock.release();
  }
  expect(committed).toBeGreaterThan(0);
});
