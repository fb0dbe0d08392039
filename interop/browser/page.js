// The client in a page of a headless Chromium. The page comes from an HTTP server on
// job.page, which is the origin that the server under test allows. It has TLS if the
// server has: otherwise it would be another site, whose cookies the server would not get.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { chromium } from "playwright-core";
import { bundle } from "./bundle.js";
import { job, report, restart } from "./control.js";

const files = {
  "/": ["text/html", "<!doctype html><title>godwit</title><script src=nats.js></script>"],
  "/nats.js": ["text/javascript", bundle("@nats-io/nats-core", "nats")],
  "/scenarios.js": ["text/javascript", readFileSync(new URL("scenarios.js", import.meta.url), "utf8")],
};
const serve = (request, response) => {
  const [type, body] = files[request.url] ?? ["text/plain", ""];
  response.writeHead(body ? 200 : 404, { "Content-Type": `${type}; charset=utf-8` }).end(body);
};
const http = job.cert
  ? createSecureServer({ cert: readFileSync(job.cert), key: readFileSync(job.key) }, serve)
  : createServer(serve);
await new Promise((listening) => http.listen(job.page, listening));
const scheme = job.cert ? "https" : "http";

// Containers run as root, where Chromium has no sandbox of its own.
const browser = await chromium.launch({ executablePath: job.chromium, args: ["--no-sandbox"] });

async function open(origin) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  page.on("pageerror", (err) => console.error(err));
  await page.exposeFunction("report", report);
  await page.exposeFunction("restart", restart);
  await page.goto(origin);
  return page;
}

// check reports whether a function of the page returns nothing.
async function check(name, page, body) {
  let error = "";
  try {
    error = await page.evaluate(body, job);
  } catch (err) {
    error = String(err);
  }
  report(name, error);
}

const page = await open(`${scheme}://127.0.0.1:${job.page}/`);
await page.evaluate(async (job) => {
  const { run } = await import("/scenarios.js");
  await run({ wsconnect: nats.wsconnect, headers: nats.headers, report, restart, ...job });
}, job);

await check("credentials in a cookie", page, async (job) => {
  document.cookie = `token=${job.token}`;
  const nc = await nats.wsconnect({ servers: job.url, reconnect: false });
  await nc.flush();
  await nc.close();
  return "";
});

await check("a page of another origin", await open(`${scheme}://localhost:${job.page}/`), async (job) => {
  try {
    await nats.wsconnect({ servers: job.url, token: job.token, reconnect: false });
  } catch {
    return "";
  }
  return "it is connected";
});

await browser.close();
process.exit(0); // the control channel is open
