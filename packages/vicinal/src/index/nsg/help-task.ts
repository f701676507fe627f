/** The task that helps to build a graph; see runtime/tasks.ts. */
import { helpTask } from "../graph/help.js";
import { nsgMethod } from "./build-steps.js";

export const run = helpTask(nsgMethod);
