/** A node as a process of its own: `node node.js <options of joinCluster as JSON>`. Ends with its parent. */
import { type JoinOptions, joinCluster } from "@vicinal/cluster";

const joined = await joinCluster({
  ...(JSON.parse(process.argv[2]) as JoinOptions),
  log: process.env.VICINAL_LOG ? (message, details) => console.error(message, details) : undefined,
});
process.send?.({ ready: true });
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuSeconds: (user + system) / 1e6, counts: joined.node.counts });
});
process.on("disconnect", () => process.exit(0));
