import { describe, expect, test } from "vitest";
import { hasEtcd } from "../local/has-etcd.test.helper.js";
import { freePort, LocalEtcd } from "../local/local-etcd.js";
import { Etcd, pause } from "./etcd.js";
import { Lease } from "./lease.js";

describe("a lease that nobody grants", () => {
  test("says why, and leaves nothing behind", async () => {
    const hosts = [`127.0.0.1:${await freePort()}`];
    await expect(Lease.grant({ hosts, timeoutMs: 500 })).rejects.toThrow(/ECONNREFUSED|No connection/);
  });
});

describe.skipIf(!hasEtcd)("a lease", () => {
  test("is closed as often as one likes, also after it was lost", async () => {
    const members = await LocalEtcd.start(1);
    try {
      const lease = await Lease.grant({ hosts: members.hosts });
      const lost = new Promise<string>((resolve) => {
        lease.onLost = resolve;
      });
      const etcd = new Etcd({ hosts: members.hosts });
      await etcd.client.leaseClient.leaseRevoke({ ID: lease.id });
      etcd.close();
      expect(await lost).toMatch(/expired or revoked/);
      await lease.close();
      await lease.close();
    } finally {
      await members.stop();
    }
  });

  test("waits no longer for a member that hangs than it is told", async () => {
    const members = await LocalEtcd.start(1);
    try {
      await members.signal(0, "SIGSTOP");
      await expect(Lease.grant({ hosts: members.hosts, timeoutMs: 300 })).rejects.toThrow();
      await members.signal(0, "SIGCONT");
      for (let attempt = 0; ; attempt++)
        try {
          await (await Lease.grant({ hosts: members.hosts })).close();
          break;
        } catch (reason) {
          if (attempt === 20) throw reason;
          await pause(100);
        }
    } finally {
      await members.stop();
    }
  });
});
