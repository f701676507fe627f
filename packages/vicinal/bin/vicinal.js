#!/usr/bin/env node
// The engine has no dependencies, so its command line is a package of its own: run it where it is installed.
let cli;
try {
  cli = import.meta.resolve("@vicinal/cli");
} catch {
  console.error("vicinal: the command line is a package of its own: add it with `npm install @vicinal/cli`");
  process.exitCode = 1;
}
if (cli) {
  const { run } = await import(cli);
  process.exitCode = await run(process.argv.slice(2));
}
