#!/usr/bin/env node
// Committed, not built: npm links bins before `prepare` builds what this imports.
import { run } from "../dist/index.js";

process.exitCode = await run(process.argv.slice(2));
