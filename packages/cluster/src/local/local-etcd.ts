/**
 * An etcd of one or three members on loopback, for a cluster on one machine: to try it out, and for tests, which stop, pause and
 * start its members. It runs the program `etcd`, which must be installed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VicinalError } from "vicinal/shard";
import { Etcd, pause } from "../etcd/etcd.js";

/** Whether there is an `etcd` to run. */
export function isEtcdInstalled(): boolean {
  try {
    execFileSync("etcd", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Below those that systems give to connections that go out: nobody takes it by chance while it is not listened at. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_768);
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}

interface Member {
  name: string;
  client: number;
  peer: number;
  process?: ChildProcess;
}

export class LocalEtcd {
  readonly #folder: string;
  readonly #isTemporary: boolean;
  readonly #members: Member[] = [];
  readonly #flags: readonly string[];

  private constructor(folder: string | undefined, flags: readonly string[]) {
    this.#flags = flags;
    this.#isTemporary = folder === undefined;
    this.#folder = folder ?? mkdtempSync(join(tmpdir(), "vicinal-etcd-"));
  }

  /**
   * Resolves when it answers.
   * @param place Where its data stays, and the first of its ports, two a member: both the same the next time. Default: a temporary
   * folder, which goes when it is stopped, and any free ports.
   * @param flags Further ones of each member: `--quota-backend-bytes=8589934592`.
   */
  static async start(
    count: 1 | 3 = 1,
    place?: { folder: string; port: number },
    flags: readonly string[] = [],
  ): Promise<LocalEtcd> {
    if (!isEtcdInstalled())
      throw new VicinalError(
        "CLUSTER_UNAVAILABLE",
        "There is no program etcd on this machine: install it (Debian: etcd-server)",
      );
    const etcd = new LocalEtcd(place?.folder, flags);
    for (let i = 0; i < count; i++)
      etcd.#members.push({
        name: `m${i}`,
        client: place ? place.port + 2 * i : await freePort(),
        peer: place ? place.port + 2 * i + 1 : await freePort(),
      });
    for (let i = 0; i < count; i++) etcd.launch(i);
    await etcd.ready();
    return etcd;
  }

  get hosts(): string[] {
    return this.#members.map(({ client }) => `127.0.0.1:${client}`);
  }

  /** Starts a member, or starts it again with what it had. */
  launch(i: number): void {
    const { name, client, peer } = this.#members[i];
    const all = this.#members.map((member) => `${member.name}=http://127.0.0.1:${member.peer}`).join(",");
    const args = [
      ["--name", name],
      ["--data-dir", join(this.#folder, name)],
      ["--listen-client-urls", `http://127.0.0.1:${client}`],
      ["--advertise-client-urls", `http://127.0.0.1:${client}`],
      ["--listen-peer-urls", `http://127.0.0.1:${peer}`],
      ["--initial-advertise-peer-urls", `http://127.0.0.1:${peer}`],
      ["--initial-cluster", all],
      ["--auto-compaction-retention", "1h"],
      ["--log-level", "error"],
      this.#flags,
    ].flat();
    this.#members[i].process = spawn("etcd", args, {
      stdio: "ignore",
    });
  }

  async ready(): Promise<void> {
    const etcd = new Etcd({ hosts: this.hosts, timeoutMs: 500 });
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await etcd.get("ready");
          return;
        } catch (reason) {
          if (attempt === 40) throw reason;
          await pause(100);
        }
      }
    } finally {
      etcd.close();
    }
  }

  /** SIGKILL, SIGSTOP, SIGCONT to one member. */
  async signal(i: number, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const child = this.#members[i].process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    if (signal === "SIGKILL") await once(child, "exit");
  }

  async stop(): Promise<void> {
    for (let i = 0; i < this.#members.length; i++) await this.signal(i, "SIGKILL");
    if (this.#isTemporary) rmSync(this.#folder, { recursive: true, force: true });
  }
}
