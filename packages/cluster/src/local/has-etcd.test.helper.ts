import { isEtcdInstalled } from "./local-etcd.js";

/** Tests of the cluster are skipped where etcd is not installed; CI installs it. */
export const hasEtcd = process.env.CI === "true" || isEtcdInstalled();
