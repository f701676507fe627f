#!/usr/bin/env node
// Committed, not built: `npm start` names this file, and it imports what `prepare` has built.
import { start } from "../dist/start.js";

process.exitCode = await start(process.argv.slice(2));
