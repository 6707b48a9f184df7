// A real house for the tests: `gavel serve` on a scratch directory, killed and opened again at the
// same address; and a wire to it that can be held, cut, or lose a message.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const GAVEL = process.env.GAVEL_BIN;
export const PASSWORD = "correct horse battery staple";
const CALM = ["admin.listen=127.0.0.1:0", "limits.requests_per_second_per_ip=0",
  "limits.logins_per_minute_per_account=0", "limits.logins_per_hour_per_ip=0",
  "limits.registrations_per_hour_per_ip=0", "limits.bids_per_second_per_actor=0",
  "limits.bids_per_second_per_ip=0", "log.level=error"];

export const until = async (so, what, patience = 20_000) => {
  for (const end = Date.now() + patience; Date.now() < end;) {
    const found = await so();
    if (found) return found;
    await new Promise((after) => setTimeout(after, 10));
  }
  throw new Error(`not within ${patience} ms: ${what ?? so}`);
};

export class House {
  #sets;
  #child;
  static async open(t, sets = []) {
    if (!GAVEL) throw new Error("GAVEL_BIN names the house's binary");
    const house = new House();
    house.data = await mkdtemp(join(tmpdir(), "gavel-live-"));
    house.#sets = [...CALM, ...sets].flatMap((set) => ["--set", set]);
    house.port = 0;
    await house.start();
    t.after(async () => {
      await house.end("SIGKILL");
      await rm(house.data, { recursive: true, force: true });
    });
    return house;
  }

  async start() {
    const listen = `127.0.0.1:${this.port}`;
    const words = ["serve", "--listen", listen, "--data", this.data, ...this.#sets];
    this.#child = spawn(GAVEL, words, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.over = new Promise((over) => this.#child.on("exit", over));
    const lines = createInterface({ input: this.#child.stdout });
    this.url = await new Promise((found, fail) => {
      lines.on("line", (line) => {
        const address = /http:\/\/127\.0\.0\.1:\d+(?!\d|\/metrics)/.exec(line);
        if (address) found(address[0]);
      });
      this.#child.over.then(() => fail(new Error("the house did not open")));
    });
    this.port = Number(new URL(this.url).port);
  }

  async end(signal) {
    this.#child.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM") await this.#child.over;
  }

  signal(name) {
    this.#child.kill(name);
  }

  async ask(method, path, token, body) {
    const headers = { ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { "content-type": "application/json" }) };
    const reply = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await reply.text();
    return { status: reply.status, body: text ? JSON.parse(text) : null };
  }

  async must(method, path, token, body) {
    const reply = await this.ask(method, path, token, body);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(reply)}`);
    return reply.body;
  }

  async user(name) {
    const account = { username: name, email: `${name}@example.com`, password: PASSWORD };
    await this.must("POST", "/v1/users", null, account);
    return (await this.must("POST", "/v1/session", null, { login: name, password: PASSWORD })).token;
  }

  async auction(seller, about = {}) {
    const all = { title: "Lot", currency: "EUR", preset: "ladder", duration_seconds: 3600, ...about };
    return (await this.must("POST", "/v1/auctions", seller, all)).id;
  }

  bid(auction, token, amount) {
    return this.must("POST", `/v1/auctions/${auction}/bids`, token, { amount });
  }

  async log(auction) {
    return (await this.must("GET", `/v1/auctions/${auction}/events?limit=100`)).items.map((it) => it.event);
  }
}

/** A wire between a client and a house. */
export class Wire {
  #sockets = new Set();
  #fars = new Set();
  held = false;
  /** What comes from the house; a message that it is true of is lost. */
  loses = () => false;
  lost = 0;

  static async to(t, house) {
    const wire = new Wire();
    const server = createServer((near) => wire.#carry(near, connect(house.port, "127.0.0.1")));
    await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
    wire.url = `http://127.0.0.1:${server.address().port}`;
    t.after(() => {
      wire.cut();
      server.close();
    });
    return wire;
  }

  #carry(near, far) {
    let rest = Buffer.alloc(0);
    let frames = false;
    this.#fars.add(far);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        this.#fars.delete(socket);
        (socket === near ? far : near).destroy();
      });
    }
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      if (!frames) {
        const end = rest.indexOf("\r\n\r\n");
        if (end < 0) return;
        frames = rest.subarray(0, 12).toString() === "HTTP/1.1 101";
        near.write(rest.subarray(0, frames ? end + 4 : rest.length));
        rest = rest.subarray(frames ? end + 4 : rest.length);
      }
      for (let frame; frames && (frame = cut(rest)); rest = rest.subarray(frame.length)) {
        const text = frame.toString();
        if (this.loses(text)) this.lost += 1;
        else near.write(frame);
      }
    });
    if (this.held) far.pause();
  }

  /** Nothing goes through any more, and nothing ends. */
  hold() {
    this.held = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** Nothing that the house says is taken. */
  stop() {
    for (const far of this.#fars) far.pause();
  }

  release() {
    this.held = false;
    for (const socket of this.#sockets) socket.resume();
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The first frame of a server's, if it is whole. */
function cut(bytes) {
  if (bytes.length < 2) return null;
  const short = bytes[1];
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return null;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  return bytes.length < head + length ? null : bytes.subarray(0, head + length);
}
