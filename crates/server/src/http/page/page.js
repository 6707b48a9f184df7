// The page's own script: asks the API and shows what it says. Texts are set as text, never as HTML.
"use strict";

const exponents = { JPY: 0, KRW: 0, VND: 0, CLP: 0, ISK: 0, KWD: 3, BHD: 3, OMR: 3, TND: 3, JOD: 3 };
const find = (id) => document.getElementById(id);
let ahead = 0;

function money(amount, currency) {
  if (amount === null || amount === undefined) return "–";
  const digits = exponents[currency] ?? 2;
  const major = amount / 10 ** digits;
  try {
    return new Intl.NumberFormat(undefined, { style: "currency", currency, minimumFractionDigits: digits }).format(major);
  } catch {
    return major.toFixed(digits) + " " + currency;
  }
}

function left(end) {
  if (!end) return "–";
  const seconds = Math.floor((Date.parse(end) - Date.now() - ahead) / 1000);
  if (seconds <= 0) return "closing";
  const [d, h, m] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const two = (n) => String(n).padStart(2, "0");
  return d > 0 ? `${d} d ${h} h` : `${two(h)}:${two(m)}:${two(seconds % 60)}`;
}

function row(auction) {
  const line = document.createElement("tr");
  const cell = (text, right) => {
    const td = document.createElement("td");
    td.textContent = text;
    if (right) td.className = "right";
    line.append(td);
    return td;
  };
  const link = document.createElement("a");
  link.href = "/v1/auctions/" + auction.id;
  link.textContent = auction.title;
  cell("").append(link);
  const first = auction.price === null && auction.minimum_next;
  cell((first ? "from " : "") + money(auction.price ?? auction.minimum_next, auction.currency), true);
  cell(String(auction.bid_count ?? "–"), true);
  const end = cell(left(auction.effective_end), true);
  end.dataset.end = auction.effective_end ?? "";
  return line;
}

async function refresh() {
  const note = find("note");
  try {
    const reply = await fetch("/v1/auctions?status=open&sort=ending&limit=50");
    if (!reply.ok) throw new Error(String(reply.status));
    const { items } = await reply.json();
    if (items.length > 0) ahead = Date.parse(items[0].server_time) - Date.now();
    find("list").hidden = items.length === 0;
    note.hidden = items.length > 0;
    note.textContent = "Nothing is on sale at the moment.";
    find("list").tBodies[0].replaceChildren(...items.map(row));
  } catch {
    note.hidden = false;
    note.textContent = "The house does not answer at the moment.";
  }
}

async function introduce() {
  const reply = await fetch("/v1/meta");
  if (!reply.ok) return;
  const meta = await reply.json();
  document.title = meta.name;
  find("name").textContent = meta.name;
  find("fingerprint").textContent = meta.fingerprint;
  ahead = Date.parse(meta.server_time) - Date.now();
}

setInterval(() => {
  find("clock").textContent = new Date(Date.now() + ahead).toISOString().slice(11, 19) + " UTC";
  for (const cell of document.querySelectorAll("[data-end]")) cell.textContent = left(cell.dataset.end);
}, 1000);
setInterval(refresh, 5000);
introduce();
refresh();
