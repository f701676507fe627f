/**
 * The example page, started by its one command and used as people use it: pictures drawn or chosen, one of them clicked,
 * its nearest ones read. `VICINAL_SCREENSHOT=<file.png>` keeps a picture of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import { describe, expect, test } from "vitest";
import { browserIsThere, withPage } from "./chromium.test.helper.js";

const { VICINAL_MODELS: models, VICINAL_SCREENSHOT: screenshot } = process.env;
const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
const present = browserIsThere();

async function addressOf(command: ChildProcess): Promise<string> {
  let said = "";
  return new Promise((found, failed) => {
    const read = (text: Buffer) => {
      said += text;
      const address = /http:\/\/\S+/.exec(said);
      if (address) found(address[0]);
    };
    command.stdout?.on("data", read);
    command.stderr?.on("data", read);
    command.once("exit", (code) => failed(new Error(`It ended with code ${code}: ${said}`)));
  });
}

describe.runIf(present && models)("the page with photos", () => {
  test("finds what is alike, and names what it cannot read", { timeout: 90_000 }, async () => {
    const command = spawn(process.execPath, ["examples/photos-in-the-browser/bin/photos.js", "--port", "0"], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    try {
      const address = await addressOf(command);
      await withPage(async (page) => {
        await page.setViewportSize({ width: 1000, height: 640 });
        await page.goto(address);
        const status = page.locator("#status");
        const says = (text: string) => status.filter({ hasText: text }).waitFor({ timeout: 40_000 });
        await says("Choose pictures");
        await page.locator("#draw").click();
        await says("20 pictures, kept");

        const hitsOf = async (name: string) => {
          await page.locator("#all").getByRole("button", { name, exact: true }).click();
          await page.locator("#asked").filter({ hasText: name }).waitFor();
          return page.locator("#hits figcaption").allTextContents();
        };
        const found: Record<string, string[]> = {};
        for (const motif of ["stripes", "chequers", "ball", "hills", "rings"])
          found[motif] = await hitsOf(`${motif} 2`);
        for (const [motif, hits] of Object.entries(found)) {
          expect(hits).toHaveLength(5);
          // The other three of its motif come before anything else.
          for (const hit of hits.slice(0, 3)) expect(hit).toContain(motif);
          const distances = hits.map((hit) => Number.parseFloat(hit));
          expect(distances).toEqual(distances.toSorted((a, b) => a - b));
        }
        if (screenshot) {
          await hitsOf("hills 2");
          await page.screenshot({ path: screenshot, fullPage: true });
        }

        const grey = encode({ width: 64, height: 64, data: new Uint8Array(64 * 64).fill(90), channels: 1 });
        await page.locator("#files").setInputFiles([
          { name: "grey.png", mimeType: "image/png", buffer: Buffer.from(grey) },
          { name: "note.png", mimeType: "image/png", buffer: Buffer.from("no picture") },
        ]);
        await says("21 pictures, kept");
        expect(await page.locator("#failures li").allTextContents()).toEqual([
          "note.png: The bytes are no JPEG, PNG, WebP or GIF",
        ]);
      });
    } finally {
      command.kill("SIGINT");
    }
  });
});
