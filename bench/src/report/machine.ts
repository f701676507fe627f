/** What a result must carry so that another one can be compared with it. */
import { execFileSync } from "node:child_process";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";

export interface Machine {
  processor: string;
  processors: number;
  memoryGiB: number;
  system: string;
  node: string;
  commit: string;
  /** True when files differed from the commit. */
  changed: boolean;
  date: string;
}

export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    commit: git("rev-parse", "--short=12", "HEAD") || "unknown",
    changed: git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results") !== "",
    date: new Date().toISOString(),
  };
}

function git(...command: string[]): string {
  try {
    return execFileSync("git", command, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
