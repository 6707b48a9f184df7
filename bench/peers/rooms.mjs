// The peer of the live room on Node: the reference server, which sends everybody in a room an
// update as long as Gavel's, so often, once all who are awaited are in, and does nothing else.
import { createServer } from "node:http";
import { Server } from "socket.io";

const [every, awaited] = process.argv.slice(2).map(Number);
let inside = 0;
const http = createServer((request, response) => response.end("{}"));
const io = new Server(http, { perMessageDeflate: false });
io.on("connection", (socket) => {
  socket.on("join_auction", () => {
    socket.join("1");
    socket.emit("joined_auction", {});
    inside += 1;
  });
  socket.emit("connected", {});
});
const update = {
  from_version: 1000, auction_id: 1, version: 1000, state: "open", high_bid: 100000,
  minimum_next: 102500, top_bids: [{ paddle: 1, amount: 100000, bid: 1000 }], leader: 1,
  bid_count: 997, bidder_count: 1, participant_count: 10000,
  effective_end: "2027-01-15T08:00:00.000000Z", extended: false,
};
setInterval(() => {
  if (inside < awaited) return;
  const server_time = new Date().toISOString().replace("Z", "000Z");
  io.to("1").emit("bid_update", { ...update, server_time, you_are_winning: false });
}, every);
http.listen(0, "127.0.0.1", 511, () => console.log(`http://127.0.0.1:${http.address().port}`));
