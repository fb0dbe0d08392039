// The client in Node. Without a WebSocket of its own, or with one that cannot
// compress, Node gets that of the package ws, which offers compression as browsers do.
import { headers, wsconnect } from "@nats-io/nats-core";
import WebSocket from "ws";
import { job, report, restart } from "./control.js";
import { run } from "./scenarios.js";

if (!job.builtin) globalThis.WebSocket = WebSocket;
await run({ wsconnect, headers, report, restart, ...job });
process.exit(0); // the control channel is open
