/** `vicinal verify` and `vicinal repair`: is everything that was stored there, and what can be made of what is not. */
import type { Fault, RepairReport, VerifyReport } from "vicinal";
import { stringifyJson } from "vicinal/protocol";
import { progress } from "../progress.js";

/** Exit codes: nothing to do; a command that failed; damage that is left. */
const CLEAN = 0;
const DAMAGED = 2;

/** Faults shown of a collection, and ids of a loss; `--json` shows all. */
const SHOWN = 20;
const SHOWN_IDS = 10;

export interface VerifyCommandOptions {
  /** Where snapshots lie; by default in the data folder. */
  snapshots?: string;
  json?: boolean;
}

export async function verifyFolder(
  folder: string,
  { snapshots, json }: VerifyCommandOptions,
): Promise<number> {
  const { verify } = await import("vicinal");
  const bar = progress(`verify ${folder}`);
  let report: VerifyReport | undefined;
  try {
    report = await verify(folder, {
      snapshots,
      progress: ({ bytes, total, collection }) => bar.update(bytes, total, collection),
    });
  } finally {
    bar.end(report ? `${sizeText(report.bytes)} in ${counted(report.files, "file")}` : "");
  }
  console.log(json ? stringifyJson(report) : verifyText(report));
  return report.ok ? CLEAN : DAMAGED;
}

export interface RepairCommandOptions {
  dryRun?: boolean;
  discard?: boolean;
  json?: boolean;
}

export async function repairFolder(folder: string, options: RepairCommandOptions): Promise<number> {
  const { repair } = await import("vicinal");
  const bar = progress(`repair ${folder}`);
  let report: RepairReport;
  try {
    report = await repair(folder, {
      dryRun: options.dryRun,
      discard: options.discard,
      progress: ({ bytes, total, collection }) => bar.update(bytes, total, collection),
    });
  } finally {
    bar.end();
  }
  console.log(options.json ? stringifyJson(report) : repairText(report));
  const damaged = report.faults.length > 0 || report.collections.some(({ faults }) => faults.length > 0);
  return !report.ok || (report.dryRun && damaged) ? DAMAGED : CLEAN;
}

export function verifyText(report: VerifyReport): string {
  const { path, faults, collections, snapshots, orphans } = report;
  const lines: string[] = [];
  if (faults.length > 0) lines.push("catalogue: damaged", ...faultLines(faults));
  for (const collection of collections) {
    const { name, points, records, faults } = collection;
    const log = records > 0 ? `, ${counted(records, "write")} in the log` : "";
    const state = !collection.ok ? "DAMAGED" : faults.length > 0 ? "ok, and some is to be built anew" : "ok";
    lines.push(`${name}: ${state} (${counted(points, "point")} in segments${log})`, ...faultLines(faults));
  }
  const whole = snapshots.filter(({ ok }) => ok).length;
  if (whole > 0) lines.push(`${counted(whole, "snapshot")}: ok`);
  const damaged = snapshots.filter(({ ok }) => !ok);
  for (const { name, collection, faults } of damaged) {
    const whose = collection === undefined ? "of all collections" : `of ${collection}`;
    lines.push(`snapshot ${name} ${whose}: DAMAGED`, ...faultLines(faults));
  }
  if (orphans.length > 0)
    lines.push(`${counted(orphans.length, "file")} that nobody names: the next opening deletes them`);
  if (collections.length === 0 && faults.length === 0) lines.push("no collections");
  if (faults.length > 0 || collections.some(({ faults }) => faults.length > 0))
    lines.push("", `Next: vicinal repair ${path} --dry-run`);
  if (damaged.length > 0)
    lines.push("", "Next: delete the damaged snapshots (vicinal snapshot delete) and take new ones");
  return lines.join("\n");
}

const costs: Record<Fault["role"], string> = {
  data: "holds data",
  derived: "is built anew at the next opening",
  spare: "is only kept for repair",
};

function faultLines(faults: readonly Fault[]): string[] {
  const lines = faults.slice(0, SHOWN).map(({ file, offset, what, expected, actual, role }) => {
    const why =
      what === "file"
        ? `expected ${expected}, found ${actual}`
        : `${what}: ${expected} expected, ${actual} found`;
    return `  ${file} at ${offset}: ${why} (${costs[role]})`;
  });
  if (faults.length > SHOWN) lines.push(`  and ${faults.length - SHOWN} more: see --json`);
  return lines;
}

export function repairText(report: RepairReport): string {
  const { path, dryRun, faults, recovered, dropped, collections, kept } = report;
  const lines: string[] = [];
  if (faults.length > 0) lines.push(dryRun ? "catalogue: would be written anew" : "catalogue: written anew");
  for (const name of recovered) lines.push(`  a collection of unknown name is called ${name} now`);
  for (const name of dropped) lines.push(`  ${name} has no files and is left out`);
  for (const { name, faults, repaired, failure } of collections) {
    if (failure !== undefined) lines.push(`${name}: CANNOT BE REPAIRED: ${failure}`);
    else if (!repaired) lines.push(`${name}: ok`);
    else {
      const done = dryRun ? "would be repaired" : "repaired";
      lines.push(
        `${name}: ${done} (${counted(faults.length, "fault")}), ${counted(repaired.points, "point")}`,
      );
      lines.push(...lossLines(repaired));
    }
  }
  if (kept !== undefined) lines.push(`damaged files are kept in ${path}/${kept}`);
  if (dryRun && collections.some(({ repaired }) => repaired))
    lines.push("", `Nothing was changed. To do it: vicinal repair ${path}`);
  return lines.join("\n");
}

function lossLines({
  lost,
  rebuilt,
}: NonNullable<RepairReport["collections"][number]["repaired"]>): string[] {
  const lines: string[] = [];
  if (rebuilt.length > 0)
    lines.push(`  ${counted(rebuilt.length, "derived file")} to be built anew by the next opening`);
  if (lost.points > 0) lines.push(`  lost: ${counted(lost.points, "row")} whose ids are damaged`);
  for (const { what, count, ids } of lost.incomplete) {
    const more = count > SHOWN_IDS ? ", ..." : "";
    lines.push(
      `  lost: the ${what} of ${counted(count, "point")}: ${ids.slice(0, SHOWN_IDS).join(", ")}${more}`,
    );
  }
  for (const { first, last } of lost.records)
    lines.push(
      `  lost: ${counted(last - first + 1, "write")} of the log, ${first === last ? `number ${first}` : `numbers ${first} to ${last}`}`,
    );
  if (lost.deletions > 0)
    lines.push(
      `  unknown: which of ${counted(lost.deletions, "row")} had been deleted; they are there again`,
    );
  if (lost.payloadChanges > 0)
    lines.push(`  lost: ${counted(lost.payloadChanges, "change")} of payloads; the older ones are there`);
  if (lost.patches > 0)
    lines.push("  lost: changes of payloads since they were written; the older ones are there");
  return lines.length > 0 ? lines : ["  nothing is lost"];
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** power;
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}
