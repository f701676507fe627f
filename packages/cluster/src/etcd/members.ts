/** EtcdMembers: each member of etcd by itself, how large its database is, and what keeps it in shape. */
import { connect, type EtcdOptions } from "./etcd.js";

/** What the members raise when something is wrong with them, until somebody puts it away. */
export type EtcdAlarm = "NOSPACE" | "CORRUPT";

export interface EtcdMember {
  /** As it was given: `10.0.0.1:2379`. */
  host: string;
  /** Why it does not answer; the rest is absent then. */
  failure?: string;
  isLeader?: boolean;
  /** Whether it knows of a leader: it has a majority with it. */
  hasLeader?: boolean;
  /** Of its database file, and what of them is in use: the rest is free inside of the file. */
  bytes?: number;
  bytesInUse?: number;
  /** Of the last change that it knows. */
  revision?: number;
  alarms: EtcdAlarm[];
}

/** A member holds still while it is defragmented. */
const DEFRAGMENT_MS = 120_000;
const ALARMS = ["NOSPACE", "CORRUPT"] as const;
/** Numbers of etcd's protocol. */
const action = { get: 0, deactivate: 2 } as const;
const alarmTypes = { none: 0, NOSPACE: 1, CORRUPT: 2 } as const;

export class EtcdMembers {
  readonly #options: EtcdOptions;
  readonly #clients = new Map<string, ReturnType<typeof connect>>();

  constructor(options: EtcdOptions) {
    this.#options = options;
  }

  /** Those that were named when the cluster was joined, in that order. */
  async look(): Promise<EtcdMember[]> {
    const answers = await Promise.all(this.#options.hosts.map((host) => this.#status(host)));
    const raised = await this.#alarms(answers.find(({ failure }) => failure === undefined)?.host);
    return answers.map(({ id, ...member }) => ({
      ...member,
      alarms: raised.flatMap(({ member, alarm }) => (member === id ? [alarm] : [])),
    }));
  }

  async #status(host: string): Promise<Omit<EtcdMember, "alarms"> & { id?: string }> {
    try {
      const status = await this.#client(host).maintenance.status(this.#deadline());
      const id = status.header.member_id;
      return {
        id,
        host,
        isLeader: status.leader === id,
        hasLeader: status.leader !== "0",
        bytes: Number(status.dbSize),
        bytesInUse: Number(status.dbSizeInUse),
        revision: Number(status.header.revision),
      };
    } catch (reason) {
      return { host, failure: (reason as Error).message };
    }
  }

  async #alarms(host: string | undefined): Promise<{ member: string; alarm: EtcdAlarm }[]> {
    if (host === undefined) return [];
    const asked = { action: action.get, memberID: "0", alarm: alarmTypes.none };
    const answer = await this.#client(host)
      .maintenance.alarm(asked, this.#deadline())
      .catch(() => undefined);
    return (answer?.alarms ?? []).flatMap(({ memberID, alarm: raised }) => {
      const alarm = ALARMS.find((known) => known === String(raised).toUpperCase());
      return alarm ? [{ member: memberID, alarm }] : [];
    });
  }

  /** Forgets what was before that revision, on all members. False where that has been done before. */
  async compact(host: string, revision: number): Promise<boolean> {
    try {
      await this.#client(host).kv.compact({ revision, physical: true }, this.#deadline(DEFRAGMENT_MS));
      return true;
    } catch (reason) {
      if (/compacted/.test((reason as Error).message)) return false;
      throw reason;
    }
  }

  /** Gives what is free inside of the member's file back to the disk. The member answers nobody meanwhile. */
  async defragment(host: string): Promise<void> {
    await this.#client(host).maintenance.defragment(this.#deadline(DEFRAGMENT_MS));
  }

  /** Puts the alarm away, whoever raised it: writes are taken again. One whose reason is still there comes back. */
  async disarm(host: string, alarm: EtcdAlarm): Promise<void> {
    for (const raised of await this.#alarms(host)) {
      if (raised.alarm !== alarm) continue;
      const asked = { action: action.deactivate, memberID: raised.member, alarm: alarmTypes[alarm] };
      await this.#client(host).maintenance.alarm(asked, this.#deadline());
    }
  }

  #client(host: string): ReturnType<typeof connect> {
    let client = this.#clients.get(host);
    if (!client) {
      client = connect({ ...this.#options, hosts: [host] });
      this.#clients.set(host, client);
    }
    return client;
  }

  #deadline(ms = this.#options.timeoutMs ?? 2000): { deadline: number } {
    return { deadline: Date.now() + ms };
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }
}
