/**
 * EtcdKeeper: one node keeps etcd in shape for all. It compacts what is older than a while, gives the room that became free back to
 * the disk, one member at a time and the leader last, and does both at once when etcd has no room left: then nothing can be written,
 * not even who is to do it, so that it is the first by name of the nodes that there are.
 */
import type { EtcdMember, EtcdMembers } from "../etcd/members.js";
import type { ClusterView } from "./cluster-view.js";

export interface EtcdKeeperOptions {
  /** Between two looks. Default 60,000. */
  everyMs?: number;
  /** What was changed longer ago, etcd forgets. Default 300,000. */
  keepMs?: number;
  /** A member whose file is smaller is not defragmented. Default 100 MiB. */
  defragmentBytes?: number;
  /** A member of whose file less is in use, 0 to 1, is defragmented. Default 0.5. */
  defragmentBelow?: number;
}

interface Home {
  node: string;
  members: EtcdMembers;
  view: ClusterView;
  log(message: string, details?: object): void;
}

export class EtcdKeeper {
  readonly #home: Home;
  readonly #options: Required<EtcdKeeperOptions>;
  /** Revisions as they were seen, oldest first. */
  readonly #seen: { revision: number; atMs: number }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(home: Home, options: EtcdKeeperOptions = {}) {
    this.#home = home;
    const {
      everyMs = 60_000,
      keepMs = 300_000,
      defragmentBytes = 100 * 2 ** 20,
      defragmentBelow = 0.5,
    } = options;
    this.#options = { everyMs, keepMs, defragmentBytes, defragmentBelow };
    this.#await();
  }

  #await(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#round = this.#work()
        .catch((reason) => this.#home.log("could not tidy up etcd", { reason }))
        .then(() => this.#await());
    }, this.#options.everyMs);
    this.#timer.unref();
  }

  async #work(): Promise<void> {
    const { node, view } = this.#home;
    const [first] = [...view.nodes.keys()].sort();
    if (first === node && !this.#closed) await this.care();
  }

  /** One round. */
  async care(): Promise<void> {
    const members = await this.#home.members.look();
    const answering = members.filter(({ failure }) => failure === undefined);
    const leader = answering.find(({ isLeader }) => isLeader);
    if (!leader) return;
    if (members.some(({ alarms }) => alarms.includes("CORRUPT"))) return;
    if (members.some(({ alarms }) => alarms.includes("NOSPACE"))) return this.#makeRoom(answering, leader);
    await this.#compact(leader);
    // While one is away, the others are needed.
    if (answering.length < members.length) return;
    const [next] = leaderLast(answering).filter((member) => this.#isFragmented(member));
    if (next) await this.#defragment(next);
  }

  /** Up to what was the last change a while ago. */
  async #compact({ host, revision = 0 }: EtcdMember): Promise<void> {
    const now = performance.now();
    this.#seen.push({ revision, atMs: now });
    let old: number | undefined;
    while (this.#seen.length > 0 && now - this.#seen[0].atMs >= this.#options.keepMs)
      old = this.#seen.shift()?.revision;
    if (old !== undefined && old > 0) await this.#home.members.compact(host, old);
  }

  async #makeRoom(answering: readonly EtcdMember[], { host, revision = 0 }: EtcdMember): Promise<void> {
    const { members, log } = this.#home;
    log("makes room in etcd, which has none left");
    await members.compact(host, revision);
    for (const member of leaderLast(answering)) await this.#defragment(member);
    await members.disarm(host, "NOSPACE");
  }

  #isFragmented({ bytes = 0, bytesInUse = 0 }: EtcdMember): boolean {
    const { defragmentBytes, defragmentBelow } = this.#options;
    return bytes > defragmentBytes && bytesInUse < bytes * defragmentBelow;
  }

  async #defragment({ host, bytes, bytesInUse }: EtcdMember): Promise<void> {
    const { members, log } = this.#home;
    await members.defragment(host);
    log(`defragmented ${host}`, { bytes, bytesInUse });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#round;
  }
}

function leaderLast(members: readonly EtcdMember[]): EtcdMember[] {
  return [...members].sort((a, b) => Number(a.isLeader) - Number(b.isLeader));
}

/** A member's file as large as this part of the quota is told of. */
const NEARLY_FULL = 0.8;
/** etcd's own, where its members are started without another. */
const QUOTA_BYTES = 2 * 2 ** 30;

/** What is wrong, in plain words, and what to do. */
export function problemsOfEtcd(members: readonly EtcdMember[], quotaBytes = QUOTA_BYTES): string[] {
  const problems: string[] = [];
  const answering = members.filter(({ failure }) => failure === undefined);
  for (const { host, failure } of members)
    if (failure !== undefined)
      problems.push(
        `etcd's member ${host} does not answer: ${failure}. Start it again; nothing can be written while most of them are away.`,
      );
  if (answering.length > 0 && !answering.some(({ hasLeader }) => hasLeader))
    problems.push(
      "etcd has no leader: nothing can be written. Start its members, or mend the network between them.",
    );
  const raising = (alarm: string) =>
    members.flatMap(({ host, alarms }) => (alarms.some((one) => one === alarm) ? [host] : []));
  const full = raising("NOSPACE");
  if (full.length > 0)
    problems.push(
      `etcd has no room left (alarm NOSPACE of ${full.join(", ")}): nothing can be written. A node compacts and defragments it within a minute; if the alarm comes back, start its members with a larger --quota-backend-bytes.`,
    );
  const corrupt = raising("CORRUPT");
  if (corrupt.length > 0)
    problems.push(
      `etcd's member ${corrupt.join(", ")} holds other data than the rest (alarm CORRUPT): nothing can be written. Take it out (etcdctl member remove), add it anew with an empty folder, then put the alarm away (etcdctl alarm disarm).`,
    );
  if (full.length === 0)
    for (const { host, bytesInUse = 0 } of answering)
      if (bytesInUse > quotaBytes * NEARLY_FULL)
        problems.push(
          `etcd's member ${host} is nearly full: ${mebibytes(bytesInUse)} in use of ${mebibytes(quotaBytes)}. Start the members with a larger --quota-backend-bytes.`,
        );
  return problems;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0)} MiB`;
}
