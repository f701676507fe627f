/** The recall promise of every family, Euclid and Manhattan: see conformance-promise.test.helper.ts. */
import { promiseTests } from "./conformance-promise.test.helper.js";

promiseTests(["Euclid", "Manhattan"]);
