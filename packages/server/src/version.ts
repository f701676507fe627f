/** What the server says it is. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

export const productName = "Vicinal";

/** Version of Vicinal itself. */
export const productVersion: string = (require("../package.json") as { version: string }).version;

/** The version of Qdrant's API that is spoken. Official clients compare it with their own when they start. */
export const apiVersion = "1.19.0";
