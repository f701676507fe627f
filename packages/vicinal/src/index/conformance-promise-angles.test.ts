/** The recall promise of every family, Cosine and Dot: see conformance-promise.test.helper.ts. */
import { promiseTests } from "./conformance-promise.test.helper.js";

promiseTests(["Cosine", "Dot"]);
