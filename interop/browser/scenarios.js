// What the JavaScript client is put through, wherever it runs. Each scenario gets a
// world: connect(options) returns a connection, restart() ends the server without a
// word and starts it again, url and expect are what the caller said of the server.
// A scenario fails by throwing.

const subject = (name) => `${name}.${Math.random().toString(36).slice(2)}`;

function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: got ${got}, want ${want}`);
}

function sameBytes(got, want, what) {
  equal(got.length, want.length, `${what}, length`);
  const at = want.findIndex((b, i) => got[i] !== b);
  if (at >= 0) throw new Error(`${what} differ at byte ${at}`);
}

// within fails a promise that takes too long.
function within(promise, what, milliseconds = 15000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never happened: ${what}`)), milliseconds);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// fails returns the error of a promise that has to fail.
async function fails(promise, what) {
  try {
    await within(promise, what);
  } catch (err) {
    return err;
  }
  throw new Error(`${what}: it succeeds`);
}

// collect takes n messages.
async function collect(sub, n) {
  const list = [];
  for await (const m of sub) {
    list.push(m);
    if (list.length === n) break;
  }
  return list;
}

// payloads are bytes that compress well, and bytes that do not.
function payloads(size) {
  const even = new Uint8Array(size).map((_, i) => 65 + (i % 26));
  const noise = new Uint8Array(size);
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  return { even, noise };
}

export const scenarios = {
  async "the extension is agreed on"({ url, expect }) {
    const socket = new WebSocket(url);
    try {
      await within(new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = () => reject(new Error("no socket")); }), "open");
      equal(/permessage-deflate/.test(socket.extensions), expect.compression, "compression");
    } finally {
      socket.close();
    }
  },

  async "publish and subscribe"({ connect }) {
    const nc = await connect();
    const to = subject("many");
    const got = collect(nc.subscribe(to), 1000);
    for (let i = 0; i < 1000; i++) nc.publish(to, `message ${i}`);
    const list = await within(got, "1000 messages");
    list.forEach((m, i) => equal(m.string(), `message ${i}`, "payload"));
    await nc.close();
  },

  async "wildcards and queue groups"({ connect }) {
    const [a, b, publisher] = [await connect(), await connect(), await connect()];
    const to = subject("queue");
    let shared = 0;
    let every = 0;
    for (const nc of [a, b]) {
      nc.subscribe(`${to}.*`, { queue: "workers", callback: () => shared++ });
      nc.subscribe(`${to}.>`, { callback: () => every++ });
      await nc.flush();
    }
    for (let i = 0; i < 100; i++) publisher.publish(`${to}.${i}`);
    await publisher.flush();
    for (const nc of [a, b]) await nc.flush();
    equal(shared, 100, "for the group");
    equal(every, 200, "for everybody");
    for (const nc of [a, b, publisher]) await nc.close();
  },

  async "requests"({ connect }) {
    const nc = await connect();
    const to = subject("echo");
    nc.subscribe(to, { callback: (_, m) => m.respond(m.data) });
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => nc.request(to, `${i}`, { timeout: 10000 })));
    answers.forEach((m, i) => equal(m.string(), `${i}`, "answer"));
    const err = await fails(nc.request(subject("nobody"), "", { timeout: 10000 }), "a request to nobody");
    equal(/no responders/i.test(String(err)), true, `no responders in ${err}`);
    await nc.close();
  },

  async "headers"({ connect, headers }) {
    const nc = await connect();
    const to = subject("headers");
    const got = collect(nc.subscribe(to), 1);
    const h = headers();
    h.append("Name", "value");
    h.append("Name", "another value");
    h.set("Text", "schön");
    nc.publish(to, "text", { headers: h });
    const [m] = await within(got, "the message");
    equal(m.string(), "text", "payload");
    equal(m.headers.values("Name").join("|"), "value|another value", "values");
    equal(m.headers.get("Text"), "schön", "value in another script");
    await nc.close();
  },

  async "large messages"({ connect, expect }) {
    const nc = await connect();
    const to = subject("large");
    for (const size of [0, 1, 125, 126, 4096, 65535, 65536, expect.largest]) {
      for (const [kind, data] of Object.entries(payloads(size))) {
        const got = collect(nc.subscribe(to, { max: 1 }), 1);
        nc.publish(to, data);
        const [m] = await within(got, `${kind} of ${size}`);
        sameBytes(m.data, data, `${kind} of ${size}`);
      }
    }
    await nc.close();
  },

  async "many large messages"({ connect }) {
    const [nc, publisher] = [await connect(), await connect()];
    const to = subject("bulk");
    const { noise } = payloads(100_000);
    const got = collect(nc.subscribe(to), 100);
    await nc.flush();
    for (let i = 0; i < 100; i++) {
      noise[0] = i;
      publisher.publish(to, noise);
      await publisher.flush();
    }
    const list = await within(got, "100 messages");
    list.forEach((m, i) => {
      noise[0] = i;
      sameBytes(m.data, noise, `message ${i}`);
    });
    for (const each of [nc, publisher]) await each.close();
  },

  async "drain"({ connect }) {
    const [nc, publisher] = [await connect(), await connect()];
    const to = subject("drain");
    let got = 0;
    nc.subscribe(to, { callback: () => got++ });
    await nc.flush();
    for (let i = 0; i < 1000; i++) publisher.publish(to, "x");
    await publisher.flush();
    await within(nc.drain(), "the end of the drain");
    equal(got, 1000, "messages before the end");
    equal(nc.isClosed(), true, "closed");
    equal(publisher.isClosed(), false, "the publisher closed");
    await publisher.close();
  },

  async "wrong credentials"({ wsconnect, url }) {
    const err = await fails(wsconnect({ servers: url, token: "wrong", reconnect: false }), "a wrong token");
    equal(/authorization/i.test(String(err)), true, `authorization in ${err}`);
  },

  async "reconnect after a restart"({ connect, restart }) {
    const nc = await connect({ reconnectTimeWait: 50, reconnectJitter: 0, maxReconnectAttempts: -1 });
    const to = subject("again");
    const got = collect(nc.subscribe(to), 2);
    nc.publish(to, "before");
    await nc.flush();
    const back = (async () => {
      for await (const s of nc.status()) if (s.type === "reconnect") return;
    })();
    await restart();
    await within(back, "the reconnect");
    nc.publish(to, "after");
    const list = await within(got, "both messages");
    equal(list.map((m) => m.string()).join(), "before,after", "messages");
    await nc.close();
  },
};

// run runs every scenario and reports each: its name, and the error if there is one.
export async function run({ wsconnect, headers, url, token, expect, restart, report }) {
  for (const [name, scenario] of Object.entries(scenarios)) {
    const open = [];
    const connect = async (options) => {
      const nc = await within(wsconnect({ servers: url, token, ...options }), "connected");
      open.push(nc);
      return nc;
    };
    let error = "";
    try {
      await scenario({ connect, wsconnect, headers, url, expect, restart });
    } catch (err) {
      error = String(err?.stack ?? err);
    }
    await Promise.all(open.map((nc) => nc.close()));
    await report(name, error);
  }
}
