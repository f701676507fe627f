/** The command line of Vicinal. The file `bin/vicinal.js` calls `run`. */
import { readFileSync } from "node:fs";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Durability } from "vicinal";
import { defaultData, type Target } from "./client.js";
import { type AdviseCommandOptions, advise } from "./commands/advise.js";
import { clusterStatus, type StartOptions, startCluster } from "./commands/cluster.js";
import { type EmbedCommandOptions, embed } from "./commands/embed.js";
import { type ExportOptions, exportFile } from "./commands/export.js";
import { type ImportOptions, importFile } from "./commands/import.js";
import { type InfoOptions, info } from "./commands/info.js";
import { type SearchOptions, search } from "./commands/search.js";
import { type ServeOptions, serve } from "./commands/serve.js";
import type { NodeOptions } from "./commands/serve-cluster.js";
import {
  createSnapshot,
  deleteSnapshot,
  downloadSnapshot,
  listSnapshots,
  type RestoreOptions,
  restore,
} from "./commands/snapshot.js";
import {
  type RepairCommandOptions,
  repairFolder,
  type VerifyCommandOptions,
  verifyFolder,
} from "./commands/verify.js";
import { errorLine, errorStack } from "./errors.js";
import { formats } from "./readers/source.js";

/** Runs one command; resolves to the exit code: 0, 1 after one line on standard error, or 2 where data is damaged or unreadable. */
export async function run(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = commandLine((found) => {
    code = found;
  });
  try {
    await program.parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    // Commander has written its line (or the help) already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    console.error(program.opts<{ debug?: boolean }>().debug ? errorStack(error) : errorLine(error));
    return 1;
  }
}

/** @param exit Takes the exit code of a command that has an opinion. */
function commandLine(exit: (code: number) => void): Command {
  const program = new Command("vicinal")
    .description("Vicinal, a vector database: serve it, fill it, search it")
    .version(version())
    .option("--debug", "show the stack of an error")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "vicinal: ")) });

  program
    .command("serve")
    .description("serve a data folder over HTTP and gRPC until Ctrl-C")
    .option("--host <address>", "address to listen at", "127.0.0.1")
    .option("--port <number>", "port to listen at", between(0, 65_535), 6333)
    .option(
      "--grpc-port <number>",
      "port of the gRPC API (default: the one after --port)",
      between(0, 65_535),
    )
    .option("--no-grpc", "serve no gRPC")
    .option("--data <folder>", "data folder, made when absent", defaultData)
    .option("--snapshots <folder>", "folder of the snapshots (default: snapshots in the data folder)")
    .option("--read-only", "take no lock and write nothing; follow the process that writes to the folder")
    .option(
      "--durability <level>",
      "acknowledge writes when synced, or sync later: sync, interval:<ms>",
      durability,
      "sync" as const,
    )
    .option("--memory-budget <size>", "most memory for what is stored, for example 2GiB", byteSize)
    .option("--model <name>", "model that requests may name; may be given again", repeated)
    .option("--model-files <folder>", "let requests name files in this folder, as file: addresses")
    .option("--hooks <file>", "module with models of your own: export default { inference, rerank }")
    .option(
      "--cluster <etcd>",
      "join a cluster: etcd://host:port,host:port/name; --data is then this node's cache",
    )
    .option("--store <address>", "of a cluster: s3://bucket/prefix?endpoint=...&region=... or dir:/path")
    .option("--node <name>", "of a cluster: this node's name, which stays with its cache")
    .option(
      "--cluster-host <address>",
      "of a cluster: address at which other nodes are answered",
      "127.0.0.1",
    )
    .option("--cluster-port <number>", "of a cluster: port for other nodes, 0 for any", between(0, 65_535), 0)
    .option("--advertise <url>", "of a cluster: where other nodes reach this one, if elsewhere")
    .option(
      "--cluster-tls-ca <file>",
      "of a cluster: PEM of the authority that signed all nodes' certificates",
    )
    .option("--cluster-tls-cert <file>", "of a cluster: PEM of this node's certificate, shown to other nodes")
    .option("--cluster-tls-key <file>", "of a cluster: PEM of its key")
    .option("--verbose", "of a cluster: tell what this node does")
    .action(({ grpc, ...options }: ServeOptions & NodeOptions & { grpc: boolean }) =>
      serve(grpc ? options : { ...options, grpcPort: false }),
    );

  const cluster = program.command("cluster").description("look at a cluster, or try one out on this machine");
  cluster
    .command("status")
    .description("say what is wrong and what to do; exit code 2 where something is")
    .option("--url <address>", "of any of its nodes", "http://127.0.0.1:6333")
    .option("--json", "print JSON")
    .action(async (options: { url: string; json?: boolean }) => exit(await clusterStatus(options)));
  cluster
    .command("start")
    .description("run three members of etcd and some nodes on this machine until Ctrl-C")
    .option("--nodes <number>", "how many", between(1, 9), 3)
    .option("--data <folder>", "where all of it lies", "vicinal-cluster")
    .option("--port <number>", "port of the first node; the others are 10 apart", between(1, 60_000), 6333)
    .action((options: StartOptions) => startCluster(options));

  target(program.command("import <collection> <file>"))
    .description(`store the points of a file (${formats.join(", ")}); makes the collection when absent`)
    .addOption(
      new Option("--distance <name>", "distance of a new collection")
        .choices(["Cosine", "Dot", "Euclid", "Manhattan"])
        .default("Cosine"),
    )
    .option("--using <name>", "named vector that raw vectors (fvecs, npy) go into")
    .option("--first-id <number>", "id of the first raw vector", between(0, Number.MAX_SAFE_INTEGER), 0)
    .option("--batch <number>", "points sent at a time", between(1, 100_000), 1000)
    .action((collection: string, file: string, options: ImportOptions) =>
      importFile(collection, file, options),
    );

  target(program.command("export <collection> <file>"))
    .description("write the points of a collection to a new file of JSON lines")
    .option("--blobs", "with the points' blobs, as base64")
    .option("--batch <number>", "points read at a time", between(1, 100_000), 100)
    .action((collection: string, file: string, options: ExportOptions) =>
      exportFile(collection, file, options),
    );
  program
    .command("embed [paths...]")
    .description(
      "make vectors of folders, files or JSON lines (.jsonl, -); exit code 2 where some are unreadable",
    )
    .option(
      "--model <name>",
      "model that makes the vectors, or a file of word vectors (.txt, .vec, .bin, .npz, .npy)",
    )
    .option("--models", "list the models")
    .option("--into <place>", "data folder or address of a server; resumes what was begun")
    .option("--collection <name>", "collection, made when absent")
    .option("--using <name>", "named vector to fill")
    .option("--out <file>", "file instead: .jsonl (resumes) or .npy")
    .option("--field <name>", "field of a record: the text (default: text), or the name of a file (file)")
    .option("--batch <number>", "items embedded and stored at a time", between(1, 10_000), 16)
    .option("--workers <number>", "threads that run the model, each with its own copy", between(0, 64), 0)
    .option("--cache <folder>", "keep vectors there, and make none twice")
    .option("--prune", "delete points whose items are gone")
    .action(async (paths: string[], options: EmbedCommandOptions) => exit(await embed(paths, options)));

  target(program.command("advise <collection>"))
    .description("measure index families on the collection's own vectors and recommend one")
    .option("--using <name>", "named vector to advise on")
    .option("--recall <share>", "recall to reach", share, 0.95)
    .option("-k, --limit <number>", "neighbours wanted per query", between(1, 1000), 10)
    .option("--memory <size>", "most memory for vectors and index, for example 500MB", byteSize)
    .option("--latency <time>", "most time for 95 of 100 queries, for example 2ms", milliseconds)
    .option("--queries <file>", `real queries (${formats.join(", ")}); else vectors of the collection`)
    .option("--sample <number>", "most vectors to measure on", between(200, 1_000_000))
    .option("--points <number>", "size to plan for, when the collection will grow", between(1, 1e12))
    .option("--families <names>", "only these, separated by commas", (names) => names.split(","))
    .option("--time <seconds>", "begin nothing new after so long", between(1, 86_400), 300)
    .option("--no-verify", "do not build the leader over all points")
    .option("--svg <file>", "write a picture of memory against speed")
    .option("--apply", "give the collection the recommended index")
    .option("--json", "print JSON")
    .action((collection: string, options: AdviseCommandOptions) => advise(collection, options));

  target(program.command("search <collection>"))
    .description("print the nearest points: id, score and payload")
    .option("--vector <json>", "the query: a JSON array of numbers")
    .option("--id <id>", "the query: the vector of a stored point")
    .option("--using <name>", "named vector to search")
    .option("--limit <number>", "points wanted", between(1, 10_000), 10)
    .option("--filter <json>", "only points that this filter matches")
    .option("--recall <share>", "recall to reach, for example 0.95", share)
    .option("--ef <number>", "candidates kept by the search", between(1, 1_000_000))
    .option("--effort <number>", "dial of the index, whatever it is", between(1, 1_000_000))
    .option("--exact", "scan all points")
    .option("--explain", "say how the points were found")
    .option("--with-vector", "print the vectors too")
    .option("--json", "print JSON")
    .action((collection: string, options: SearchOptions) => search(collection, options));

  target(program.command("info [collection]"))
    .description("print what the database holds")
    .option("--memory", "print where the memory goes")
    .option("--json", "print JSON")
    .action((collection: string | undefined, options: InfoOptions) => info(collection, options));

  addSnapshots(program.command("snapshot").description("take, list, delete and download snapshots"));
  program
    .command("restore <archive>")
    .description("make a data folder from a snapshot that was downloaded")
    .option("--data <folder>", "data folder: empty or absent, unless --collection is given", defaultData)
    .option("--collection <name>", "restore this one collection, in the place of what is there")
    .option("--checksum <sha256>", "what the archive's SHA-256 must be")
    .action((archive: string, options: RestoreOptions) => restore(archive, options));

  program
    .command("verify <folder>")
    .description(
      "check every stored byte of a data folder and its snapshots; exit code 2 where something is damaged",
    )
    .option("--snapshots <folder>", "folder of the snapshots (default: snapshots in the data folder)")
    .option("--json", "print JSON")
    .action(async (folder: string, options: VerifyCommandOptions) =>
      exit(await verifyFolder(folder, options)),
    );

  program
    .command("repair <folder>")
    .description("make a damaged data folder whole again out of what is intact; says what is lost")
    .option("--dry-run", "only say what would be done; exit code 2 where something would be")
    .option("--discard", "keep no copies of damaged files")
    .option("--json", "print JSON")
    .action(async (folder: string, options: RepairCommandOptions) =>
      exit(await repairFolder(folder, options)),
    );
  return program;
}

/** Of one collection, or of all where none is named. */
function addSnapshots(command: Command): void {
  target(command.command("create [collection]"))
    .description("take a snapshot of a collection, or of all")
    .action((collection: string | undefined, options: Target) => createSnapshot(collection, options));
  target(command.command("list [collection]"))
    .description("list the snapshots of a collection, or those of all")
    .action((collection: string | undefined, options: Target) => listSnapshots(collection, options));
  target(command.command("delete <snapshot> [collection]"))
    .description("delete a snapshot")
    .action((name: string, collection: string | undefined, options: Target) =>
      deleteSnapshot(name, collection, options),
    );
  target(command.command("download <snapshot> <file> [collection]"))
    .description("write a snapshot to a file")
    .action((name: string, file: string, collection: string | undefined, options: Target) =>
      downloadSnapshot(name, file, collection, options),
    );
}

function target(command: Command): Command {
  return command
    .option("--data <folder>", `data folder, opened in this process (default: "${defaultData}")`)
    .option("--url <address>", "address of a server, instead of a data folder");
}

function repeated(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function between(low: number, high: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= low && value <= high) return value;
    throw new InvalidArgumentError(`It must be an integer from ${low} to ${high}.`);
  };
}

/** A number and a unit, as a number of the smallest unit. */
function measure(text: string, units: Record<string, number>, example: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text) ?? [];
  const factor = unit === undefined ? undefined : units[unit.toLowerCase()];
  if (factor !== undefined && Number(number) > 0) return Number(number) * factor;
  throw new InvalidArgumentError(
    `It must be a number above 0 with one of ${Object.keys(units).filter(Boolean).join(", ")}: ${example}.`,
  );
}

function byteSize(text: string): number {
  const units = {
    "": 1,
    b: 1,
    kb: 1e3,
    mb: 1e6,
    gb: 1e9,
    tb: 1e12,
    kib: 2 ** 10,
    mib: 2 ** 20,
    gib: 2 ** 30,
  };
  return Math.floor(measure(text, units, "500MB"));
}

function milliseconds(text: string): number {
  return measure(text, { "": 1, us: 0.001, ms: 1, s: 1000 }, "2ms");
}

/** The bounds are those of `Durability`. */
function durability(text: string): Durability {
  const [, interval] = /^interval:(\d{1,7})$/.exec(text) ?? [];
  if (text === "sync") return "sync";
  if (Number(interval) >= 1 && Number(interval) <= 3_600_000) return { interval: Number(interval) };
  throw new InvalidArgumentError("It must be sync, or interval: and milliseconds from 1 to 3600000.");
}

function share(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw new InvalidArgumentError("It must be a number above 0, at most 1.");
}

function version(): string {
  return JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
}
