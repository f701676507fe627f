/** What was measured of kept stores, as tables and as a picture. */
import { table } from "@vicinal/cli/report";
import type { Meta } from "../../data/layout.js";
import { barChart } from "../../report/bars.js";
import type { Machine } from "../../report/machine.js";
import type { measureDisk } from "./disk.js";
import type { Filled } from "./folders.js";
import type { MemoryResult } from "./memory.js";
import type { OpeningResult } from "./opening.js";

export interface StorageReport {
  machine: Machine;
  data: Meta;
  rounds: number;
  built?: { name: string; version: string; index: string; built: Filled["built"] }[];
  disk?: ReturnType<typeof measureDisk>;
  opening?: OpeningResult[];
  memory?: MemoryResult[];
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const milliseconds = (seconds: number) => `${(seconds * 1000).toFixed(0)} ms`;

export function printed({ data, disk, opening, memory }: StorageReport): string {
  const parts = [`${data.name}: ${data.count.toLocaleString("en")} x ${data.dimensions}`];
  if (disk) {
    const rows = disk.stores.map(({ name, bytes, ratio }) => [name, megabytes(bytes), ratio.toFixed(2)]);
    parts.push(table(["disk", "bytes", "over vectors, payloads, links"], rows));
  }
  if (opening) {
    const rows = opening.map(({ name, mode, wallSeconds, cpuSeconds }) => [
      `${name}: ${mode}`,
      milliseconds(wallSeconds),
      milliseconds(cpuSeconds),
    ]);
    parts.push(table(["opening, to the first answer", "wall", "processor"], rows));
  }
  if (memory) {
    const rows = memory.map(({ name, aboveBytes, tree, recall, cpuMsPerQuery }) => [
      name,
      megabytes(aboveBytes),
      tree ? megabytes(tree.bytes) : "-",
      recall.toFixed(3),
      cpuMsPerQuery.toFixed(2),
    ]);
    parts.push(
      table(["memory", "above a bare runtime", "its tree", "recall@10", "processor ms/query"], rows),
    );
  }
  return parts.join("\n\n");
}

export function picture({ machine, data, disk, opening, memory }: StorageReport): string {
  const groups = [];
  if (opening)
    groups.push({
      title: "opening in a new process, to the first answer: processor time (on the wall)",
      bars: opening.map(({ name, mode, wallSeconds, cpuSeconds }) => ({
        name: `${name}: ${mode}`,
        value: cpuSeconds,
        text: `${milliseconds(cpuSeconds)} (${milliseconds(wallSeconds)})`,
      })),
    });
  if (memory)
    groups.push({
      title: "memory above a bare runtime, at recall@10 of 0.95 or the next that can be had",
      bars: memory.map(({ name, aboveBytes, recall }) => ({
        name,
        value: aboveBytes,
        text: `${megabytes(aboveBytes)} (${recall.toFixed(3)})`,
      })),
    });
  if (disk)
    groups.push({
      title: "disk, over vectors, payloads and the links of a graph",
      bars: disk.stores.map(({ name, bytes, ratio }) => ({
        name,
        value: ratio,
        text: `${ratio.toFixed(2)} (${megabytes(bytes)})`,
      })),
    });
  const { processor, processors, node, commit, date } = machine;
  const title = `${data.name}: ${data.count.toLocaleString("en")} x ${data.dimensions} stored`;
  const footer = `${processor} (${processors} processors), Node ${node}, commit ${commit}, ${date.slice(0, 10)}; shorter is better`;
  return barChart(title, groups, footer);
}
