#!/usr/bin/env node
// Committed, not built: `npm start -w examples/photos-in-the-browser` names this file, and it imports what `prepare` has built.
import { main } from "../dist/main.js";

process.exitCode = await main(process.argv.slice(2));
