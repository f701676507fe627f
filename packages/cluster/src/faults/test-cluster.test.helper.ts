/** Three members of etcd, three nodes, a folder for a store: all of them processes that can be killed, paused and started again. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd, pause } from "../etcd/etcd.js";
import { freePort, LocalEtcd } from "../local/local-etcd.js";
import { ClusterView } from "../node/cluster-view.js";
import { Metadata } from "../node/metadata.js";
import { HttpTransport } from "../node/wire.js";
import type { Faults } from "../store/faulty-store.test.helper.js";
import { Link } from "./link.test.helper.js";
import type { NodeProcessOptions } from "./node-process.test.helper.js";

const entry = new URL("./node-process.test.helper.js", import.meta.url);

export class TestCluster {
  readonly #folder = mkdtempSync(join(tmpdir(), "vicinal-cluster-"));
  readonly #processes = new Map<string, ChildProcess>();
  readonly #seed: number;
  readonly names: readonly string[];
  readonly members: LocalEtcd;
  readonly etcd: Etcd;
  readonly view: ClusterView;
  readonly metadata: Metadata;
  readonly transport: HttpTransport;
  /** Of each node: to the members of etcd, and from the others to it. */
  readonly #links = new Map<string, { etcd: Link[]; node: Link; port: number }>();
  faults: Faults = {};
  readonly storeUrl = `dir:${join(this.#folder, "store")}`;

  private constructor(members: LocalEtcd, names: readonly string[], seed: number) {
    this.members = members;
    this.names = names;
    this.#seed = seed;
    this.etcd = new Etcd({ hosts: members.hosts, timeoutMs: 1000 });
    this.view = new ClusterView(this.etcd);
    this.metadata = new Metadata(this.etcd, this.view);
    this.transport = new HttpTransport((node) => this.view.url(node));
  }

  static async start(names: readonly string[], seed: number): Promise<TestCluster> {
    const cluster = new TestCluster(await LocalEtcd.start(3), names, seed);
    try {
      await cluster.view.start(() => {});
      await Promise.all(names.map((name) => cluster.launch(name)));
      await cluster.view.refresh();
      return cluster;
    } catch (reason) {
      await cluster.stop();
      throw reason;
    }
  }

  isRunning(name: string): boolean {
    return this.#processes.has(name);
  }

  async launch(name: string): Promise<void> {
    const links = await this.#linksOf(name);
    const options: NodeProcessOptions = {
      node: name,
      etcd: links.etcd.map(({ port }) => `127.0.0.1:${port}`),
      port: links.port,
      advertise: `http://127.0.0.1:${links.node.port}`,
      store: this.storeUrl,
      folder: join(this.#folder, name),
      faults: this.faults,
      seed: this.#seed,
    };
    for (let attempt = 1; ; attempt++) {
      const child = fork(entry, [JSON.stringify(options)], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      });
      this.#processes.set(name, child);
      const [outcome] = await Promise.race([once(child, "message"), once(child, "exit")]);
      if (outcome === "ready") return;
      this.#processes.delete(name);
      // etcd may be away.
      if (attempt === 20) throw new Error(`node ${name} does not start: exit code ${outcome}`);
      await pause(300);
    }
  }

  async #linksOf(name: string) {
    const known = this.#links.get(name);
    if (known) return known;
    const port = await freePort();
    const etcd = await Promise.all(this.members.hosts.map((host) => Link.open(Number(host.split(":")[1]))));
    const links = { etcd, node: await Link.open(port), port };
    this.#links.set(name, links);
    return links;
  }

  /** Between a node and all others: `"deaf"`, nothing gets to it; `"mute"`, nothing comes from it. */
  cut(name: string, how: "none" | "both" | "deaf" | "mute"): void {
    const links = this.#links.get(name);
    if (!links) return;
    for (const link of links.etcd) link.cut = how === "deaf" ? "back" : how === "mute" ? "there" : how;
    links.node.cut = how === "deaf" ? "there" : how === "mute" ? "back" : how;
  }

  /** The clock of a node goes wrong by so many milliseconds. */
  setClock(name: string, offsetMs: number): void {
    const child = this.#processes.get(name);
    if (child?.connected) child.send({ offsetMs });
  }

  /** The disk of a node's cache has no room left, or has it again. */
  setFull(name: string, isFull: boolean): void {
    const child = this.#processes.get(name);
    if (child?.connected) child.send({ isFull });
  }

  async signal(name: string, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): Promise<void> {
    const child = this.#processes.get(name);
    if (!child) return;
    const ended = signal === "SIGKILL" || signal === "SIGTERM" ? once(child, "exit") : undefined;
    if (ended) this.#processes.delete(name);
    child.kill(signal);
    if (!ended) return;
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  }

  /** What the store does wrong from now on. */
  setFaults(faults: Faults): void {
    this.faults = faults;
    for (const child of this.#processes.values()) if (child.connected) child.send({ faults });
  }

  async stop(): Promise<void> {
    for (const name of [...this.#processes.keys()]) await this.signal(name, "SIGKILL");
    for (const { etcd, node } of this.#links.values()) for (const link of [...etcd, node]) link.close();
    this.transport.close();
    this.view.close();
    this.etcd.close();
    await this.members.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
