// Who looks at the page. His session is a cookie that no script can read; the live room lets him in
// by tickets, which the house gives for that cookie to pages of its own only.
import { find, put } from "/page/show.js";

/** Whether it is worth asking who is here: all that this machine remembers. */
const HINT = "gavel-signed-in";

/** Who is here, as the house knows him; null for a guest. */
export let user = null;
let told = () => {};
let wanted = null; // what whoever signs in was about to do
let joining = false; // whether the dialog opens an account

const hinted = () => { try { return localStorage.getItem(HINT) !== null; } catch { return false; } };
function hint(yes) {
  try {
    if (yes) localStorage.setItem(HINT, "1");
    else localStorage.removeItem(HINT);
  } catch {
    // Then the next page has to be signed in to anew.
  }
}

/** Asks the house; whatever it answers. Fails if nobody answers. */
export async function send(method, path, body, key) {
  const headers = { ...(body && { "content-type": "application/json" }), ...(key && { "idempotency-key": key }) };
  const reply = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const text = await reply.text();
  return { status: reply.status, body: text ? JSON.parse(text) : {} };
}

function is(someone) {
  const before = user;
  user = someone;
  hint(someone !== null);
  put(find("who"), someone ? someone.username : "");
  put(find("enter"), someone ? "Sign out" : "Sign in");
  find("enter").hidden = false;
  if (before?.id !== someone?.id) told(someone);
}

async function recognise() {
  for (;;) {
    try {
      const { status, body } = hinted() ? await send("GET", "/v1/users/me") : { status: 401 };
      if (status === 200) return is(body);
      if (status === 401 || status === 403) return is(null);
    } catch {
      // The house is away.
    }
    await new Promise((after) => setTimeout(after, 2000));
  }
}

let known = null;

/** Finds out who is here; tells whenever that changes. */
export function meet(tell) {
  told = tell;
  known = recognise();
}

/** What the live room is shown at each connection. */
export async function auth() {
  await known;
  if (user === null) return {};
  const { status, body } = await send("POST", "/v1/tickets");
  if (status === 201) return { ticket: body.ticket };
  if (status !== 401) throw new Error(String(status));
  is(null);
  return {};
}

/** Has somebody sign in, and then goes on. */
export function enter(then = null) {
  wanted = then;
  join(false);
  find("door").showModal();
}

function join(yes) {
  joining = yes;
  const form = find("door-form");
  put(find("door-title"), yes ? "Open an account" : "Sign in");
  put(find("door-go"), yes ? "Open it and sign in" : "Sign in");
  put(find("door-other"), yes ? "I have an account" : "I have no account yet");
  put(find("door-login"), yes ? "Username" : "Username or e-mail");
  put(find("door-said"), "");
  form.elements.email.required = yes;
  form.elements.password.autocomplete = yes ? "new-password" : "current-password";
  find("door-email").hidden = !yes;
  find("door-code").hidden = true;
}

async function signIn(fields) {
  const { login, email, password, code } = fields;
  if (joining) {
    const made = await send("POST", "/v1/users", { username: login, email, password }, crypto.randomUUID());
    if (made.status !== 201) return made.body;
    join(false); // what follows may fail, and is not to be done twice
  }
  const asks = { login, password, cookie: true, ...(code && { code }) };
  const { status, body } = await send("POST", "/v1/session", asks);
  if (status !== 201) return body;
  is(body.user);
  return null;
}

async function submit(event) {
  event.preventDefault();
  const form = find("door-form");
  const fields = Object.fromEntries(new FormData(form));
  find("door-go").disabled = true;
  const no = await signIn(fields).catch(() => ({ detail: "The house does not answer. Try again." }));
  find("door-go").disabled = false;
  if (no) {
    if (no.code === "second_factor_needed") find("door-code").hidden = false;
    return put(find("door-said"), no.detail);
  }
  form.reset();
  find("door").close();
  const then = wanted;
  wanted = null;
  then?.();
}

async function leave() {
  try {
    const { status } = await send("DELETE", "/v1/session");
    if (status < 300 || status === 401) is(null);
  } catch {
    // He is still signed in, and sees that.
  }
}

find("enter").addEventListener("click", () => (user ? leave() : enter()));
find("door-form").addEventListener("submit", submit);
find("door-other").addEventListener("click", () => join(!joining));
find("door-close").addEventListener("click", () => find("door").close());
// In another tab somebody has signed in or out.
addEventListener("storage", ({ key }) => { if (key === HINT || key === null) known = recognise(); });
