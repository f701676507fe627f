/** The task that builds a graph on a worker; see runtime/tasks.ts. */
import { runStepsTask } from "../steps-runner.js";
import { nsgSteps } from "./build-steps.js";

export const run = runStepsTask(nsgSteps);
