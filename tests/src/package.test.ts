/** What a user of the engine downloads: small, without native code, without a dependency, and nothing of our workshop. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

interface Packed {
  size: number;
  files: { path: string }[];
}

function pack(name: string): Packed {
  // One command line for the shell, since npm is a script that Windows starts through one.
  const command = `npm pack --dry-run --json --ignore-scripts -w packages/${name}`;
  const output = execFileSync(command, {
    cwd: root,
    shell: true,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return (JSON.parse(output) as Packed[])[0];
}

test("the engine's package stays under 1 MB", () => {
  expect(pack("vicinal").size).toBeLessThan(1_000_000);
});

test.each(["vicinal", "server", "cli"])("package %s holds neither tests nor sources", (name) => {
  const paths = pack(name).files.map(({ path }) => path);
  expect(paths).toContain("README.md");
  expect(paths.some((path) => path.startsWith("dist/"))).toBe(true);
  expect(
    paths.filter((path) => /\.test\.|\.map$|\.wasm$|\.node$|^src\/|assembly|tsbuildinfo/.test(path)),
  ).toEqual([]);
});

test("the engine has no dependency and no install script", () => {
  const {
    dependencies,
    optionalDependencies,
    peerDependencies,
    scripts = {},
  } = JSON.parse(readFileSync(join(root, "packages/vicinal/package.json"), "utf8"));
  expect({ ...dependencies, ...optionalDependencies, ...peerDependencies }).toEqual({});
  for (const step of ["preinstall", "install", "postinstall"]) expect(scripts).not.toHaveProperty(step);
});
