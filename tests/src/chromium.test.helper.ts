/** Pages in a real browser: bundled as users bundle them, served from memory and folders, opened in Chromium. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { build } from "vite";
import { expect, test } from "vitest";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Whether there is a browser; in CI its absence is a failure. */
export function browserIsThere(): boolean {
  if (existsSync(executablePath)) return true;
  console.log(`Skipped, no browser: there is no ${executablePath} (set CHROMIUM to the path of one)`);
  test.runIf(process.env.CI === "true")("there is a browser", () => {
    expect.fail(`There is no ${executablePath}`);
  });
  return false;
}

/** Bundles a page whose program is a compiled module. Returns the folder of the bundle. */
export async function bundlePage(folder: string, program: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.html"), '<script type="module" src="./main.js"></script>');
  await writeFile(join(folder, "main.js"), `import ${JSON.stringify(program)};`);
  await build({
    root: folder,
    logLevel: "warn",
    configFile: false,
    base: "./",
    worker: { format: "es" },
  });
  return join(folder, "dist");
}

/** Gives a new page to `use`, and ends the browser. What the page said is told when it fails. */
export async function withPage<T>(use: (page: Page) => Promise<T>): Promise<T> {
  const profile = await mkdtemp(join(tmpdir(), "vicinal-browser-"));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    headless: true,
  });
  const said: string[] = [];
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("console", (message) => said.push(message.text()));
    page.on("requestfailed", (request) => said.push(`${request.url()} failed`));
    return await use(page);
  } catch (error) {
    throw new Error(`${error}\n${said.join("\n")}`, { cause: error });
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true });
  }
}
