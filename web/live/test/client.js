// Drives the official client: commands come as lines of JSON, whatever happens goes out likewise.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
let socket;

const commands = {
  connect({ url, options }) {
    socket = io(url, { reconnectionDelay: 50, reconnectionDelayMax: 200, forceNew: true, ...options });
    socket.onAny((event, data) => tell({ event, data }));
    socket.on("connect", () => tell({ event: "!connect", data: socket.io.engine.transport.name }));
    socket.on("disconnect", (reason) => tell({ event: "!disconnect", data: reason }));
    socket.on("connect_error", ({ message, data, context }) =>
      tell({ event: "!refused", data: { message, data, status: context?.status ?? null } }));
    socket.io.on("reconnect_attempt", () => tell({ event: "!again", data: null }));
    socket.io.on("open", () =>
      socket.io.engine.on("upgrade", (transport) => tell({ event: "!upgrade", data: transport.name })));
  },
  async emit({ name, data }) {
    try {
      tell({ event: "!ack", data: await socket.timeout(15000).emitWithAck(name, data) });
    } catch (error) {
      tell({ event: "!ack", data: String(error) });
    }
  },
  send({ name, data }) {
    socket.emit(name, data);
  },
  raw({ text }) {
    socket.io.engine.write(text);
  },
  drop() {
    socket.io.engine.close();
  },
  close() {
    socket.close();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { op, ...rest } = JSON.parse(line);
  commands[op](rest);
}
process.exit(0);
