//! Every route of the API times every kind of caller, against a real house: who gets in and who
//! does not. The rows are written by hand, apart from the table that the gate reads; a route
//! without a row fails, and so does a row whose answer is another one. What comes out is printed
//! as docs/permissions.md.

use super::site::{Person, Site};
use gavel_auction::command::Roles;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_engine::chat::Kept;
use gavel_server::permissions::{DOORS, verb_of};
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

/// The kinds of callers, in the order of the marks of a row.
pub(super) const CALLERS: [&str; 7] =
    ["public", "bidder", "stranger", "seller", "clerk", "admin", "banned"];

/// A route, of what it is asked, with which body, and what each caller gets:
/// `+` he may (whatever then comes of it), `s` sign in first, `-` forbidden, `0` not found.
pub(super) type Row = (&'static str, &'static str, &'static str, &'static str, &'static str);

/// In paths: `{auction}` is open and has the bidder's bid `{bid}`, `{draft}` is not published,
/// `{id}` is somebody else. Where a body is `{}`, a 400 shows that the caller was let in.
pub(super) const ROWS: &[Row] = &[
    ("GET", "/health/live", "", "", "+++++++"),
    ("GET", "/health/ready", "", "", "+++++++"),
    ("GET", "/v1/auctions", "", "", "+++++++"),
    ("POST", "/v1/auctions", "", CREATE, "s-++---"),
    ("GET", "/v1/auctions/{auction}", "", "", "+++++++"),
    ("GET", "/v1/auctions/{auction}", "{draft}", "", "000+++0"),
    ("PATCH", "/v1/auctions/{auction}", "{draft}", r#"{"title":"A pot"}"#, "s-0+---"),
    ("POST", "/v1/auctions/{auction}/accept", "", r#"{"price":1000}"#, "s+++++-"),
    ("POST", "/v1/auctions/{auction}/addenda", "", r#"{"text":"A note"}"#, "s--+---"),
    ("GET", "/v1/auctions/{auction}/bids", "", "", "+++++++"),
    ("GET", "/v1/auctions/{auction}/bids", "{draft}", "", "000+++0"),
    ("POST", "/v1/auctions/{auction}/bids", "", r#"{"amount":90000,"confirm":true}"#, "s+-----"),
    ("GET", "/v1/auctions/{auction}/bids/mine", "", "", "s++++++"),
    ("DELETE", "/v1/auctions/{auction}/bids/{bid}", "", "", "s+-----"),
    ("GET", "/v1/auctions/{auction}/bids/{bid}/explanation", "", "", "s+-----"),
    ("POST", "/v1/auctions/{auction}/bids/{bid}/void", "", REASON, "s----+-"),
    ("POST", "/v1/auctions/{auction}/buy-now", "", "", "s+-----"),
    ("POST", "/v1/auctions/{auction}/cancel", "", REASON, "s---++-"),
    ("GET", "/v1/auctions/{auction}/certificate", "{draft}", "", "000+++0"),
    ("POST", "/v1/auctions/{auction}/certify", "", "", "s----+-"),
    ("GET", "/v1/auctions/{auction}/chat", "", "", "+++++++"),
    ("GET", "/v1/auctions/{auction}/chat", "{draft}", "", "000+++0"),
    ("PATCH", "/v1/auctions/{auction}/chat", "", r#"{"open":false}"#, "s---++-"),
    ("POST", "/v1/auctions/{auction}/chat", "", r#"{"message":"Hello"}"#, "s+++++-"),
    ("POST", "/v1/auctions/{auction}/chat", "{draft}", r#"{"message":"Hello"}"#, "s00+++-"),
    ("POST", "/v1/auctions/{auction}/chat/mutes", "", r#"{"user":1}"#, "s---++-"),
    ("DELETE", "/v1/auctions/{auction}/chat/mutes/{user}", "", "", "s---++-"),
    ("DELETE", "/v1/auctions/{auction}/chat/{message}", "", "", "s---++-"),
    ("POST", "/v1/auctions/{auction}/close", "", REASON, "s---++-"),
    ("GET", "/v1/auctions/{auction}/events", "", "", "+++++++"),
    ("GET", "/v1/auctions/{auction}/events", "{draft}", "", "000+++0"),
    ("POST", "/v1/auctions/{auction}/hold", "", REASON, "s---++-"),
    ("GET", "/v1/auctions/{auction}/promotion", "", "", "+++++++"),
    ("GET", "/v1/auctions/{auction}/promotion", "{draft}", "", "000+++0"),
    ("PUT", "/v1/auctions/{auction}/promotion", "{draft}", r#"{"on":false}"#, "s-0+---"),
    ("POST", "/v1/auctions/{auction}/publish", "{draft}", "", "s-0+---"),
    ("POST", "/v1/auctions/{auction}/register", "", "", "s++----"),
    ("POST", "/v1/auctions/{auction}/registrations/{paddle}/approve", "", "", "s--+++-"),
    ("POST", "/v1/auctions/{auction}/registrations/{paddle}/decline", "", "", "s--+++-"),
    ("POST", "/v1/auctions/{auction}/reopen", "", REOPEN, "s----+-"),
    ("POST", "/v1/auctions/{auction}/resume", "", "", "s---++-"),
    ("GET", "/v1/auctions/{auction}/shills", "", "", "s----+-"),
    ("GET", "/v1/auctions/{auction}/stream", "", "", "+++++++"),
    ("GET", "/v1/auctions/{auction}/stream", "{draft}", "", "000+++0"),
    ("GET", "/v1/audit", "", "", "s----+-"),
    ("GET", "/v1/categories", "", "", "+++++++"),
    ("POST", "/v1/categories", "", CATEGORY, "s---++-"),
    ("GET", "/v1/events", "", "", "s---++-"),
    ("GET", "/v1/heads", "", "", "+++++++"),
    ("GET", "/v1/items", "", "", "s-++++-"),
    ("POST", "/v1/items", "", ITEM, "s-++++-"),
    ("DELETE", "/v1/items/{item}", "", "", "s-0+++-"),
    ("GET", "/v1/items/{item}", "", "", "s-0+++-"),
    ("PATCH", "/v1/items/{item}", "", r#"{"title":"A bus"}"#, "s-0+++-"),
    ("POST", "/v1/items/{item}/pictures", "", "", "s-0+++-"),
    ("DELETE", "/v1/items/{item}/pictures/{picture}", "", "", "s-0+++-"),
    ("GET", "/v1/me/auctions", "", "", "s++++++"),
    ("GET", "/v1/me/bids", "", "", "s++++++"),
    ("GET", "/v1/me/notifications", "", "", "s++++++"),
    ("POST", "/v1/me/notifications/read", "", r#"{"upto":1}"#, "s++++++"),
    ("GET", "/v1/me/subscriptions", "", "", "s++++++"),
    ("PUT", "/v1/me/subscriptions", "", r#"{"won":true}"#, "s++++++"),
    ("GET", "/v1/me/watchlist", "", "", "s++++++"),
    ("DELETE", "/v1/me/watchlist/{auction}", "", "", "s++++++"),
    ("PUT", "/v1/me/watchlist/{auction}", "", "", "s++++++"),
    ("PUT", "/v1/me/watchlist/{auction}", "{draft}", "", "s00+++0"),
    ("GET", "/v1/meta", "", "", "+++++++"),
    ("GET", "/v1/operations/{operation}", "", "", "s+00000"),
    ("POST", "/v1/password/forgotten", "", "{}", "+++++++"),
    ("POST", "/v1/password/reset", "", "{}", "+++++++"),
    ("GET", "/v1/pictures/{picture}", "", "", "+++++++"),
    ("GET", "/v1/receipts/{operation}", "", "", "s+00000"),
    ("GET", "/v1/roles", "", "", "+++++++"),
    ("DELETE", "/v1/session", "", "", "s++++++"),
    ("POST", "/v1/session", "", "{}", "+++++++"),
    ("GET", "/v1/shills", "", "", "s----+-"),
    ("POST", "/v1/tickets", "", "", "s+++++-"),
    ("GET", "/v1/time", "", "", "+++++++"),
    ("GET", "/v1/users", "", "", "s----+-"),
    ("POST", "/v1/users", "", "{}", "+++++++"),
    ("POST", "/v1/users/confirm", "", "{}", "+++++++"),
    ("DELETE", "/v1/users/me", "", "{}", "s++++++"),
    ("GET", "/v1/users/me", "", "", "s++++++"),
    ("PATCH", "/v1/users/me", "", r#"{"name":"Anna"}"#, "s++++++"),
    ("POST", "/v1/users/me/confirmation", "", "", "s++++++"),
    ("GET", "/v1/users/me/export", "", "", "s++++++"),
    ("DELETE", "/v1/users/me/second-factor", "", "{}", "s++++++"),
    ("POST", "/v1/users/me/second-factor", "", "{}", "s++++++"),
    ("POST", "/v1/users/me/second-factor/confirm", "", "{}", "s++++++"),
    ("DELETE", "/v1/users/me/sessions", "", "", "s++++++"),
    ("GET", "/v1/users/me/sessions", "", "", "s++++++"),
    ("DELETE", "/v1/users/me/sessions/{session}", "", "", "s000000"),
    ("GET", "/v1/users/me/spending", "", "", "s++++++"),
    ("DELETE", "/v1/users/{id}", "", "", "s----+-"),
    ("DELETE", "/v1/users/{id}", "{self}", "", "s------"),
    ("GET", "/v1/users/{id}", "", "", "+++++++"),
    ("PATCH", "/v1/users/{id}", "", LIMIT, "s----+-"),
    ("PATCH", "/v1/users/{id}", "{self}", LIMIT, "s------"),
    ("DELETE", "/v1/users/{id}/ban", "", "", "s----+-"),
    ("POST", "/v1/users/{id}/ban", "", r#"{"reason":"shill"}"#, "s----+-"),
    ("POST", "/v1/users/{id}/ban", "{self}", r#"{"reason":"shill"}"#, "s------"),
    ("GET", "/v1/users/{id}/links", "", "", "s----+-"),
    ("GET", "/v1/users/{id}/profile", "", "", "s----+-"),
    ("PATCH", "/v1/users/{id}/roles", "", r#"{"roles":["bidder"]}"#, "s----+-"),
    ("PATCH", "/v1/users/{id}/roles", "{self}", r#"{"roles":["bidder"]}"#, "s------"),
    ("DELETE", "/v1/users/{id}/sessions", "", "", "s----+-"),
    ("GET", "/v1/users/{id}/sessions", "", "", "s----+-"),
    ("GET", "/v1/users/{id}/shills", "", "", "s----+-"),
    ("GET", "/v1/users/{id}/spending", "", "", "s----+-"),
    ("GET", "/v1/waiting", "", "", "s----+-"),
    ("DELETE", "/v1/waiting/{act}", "", "", "s----0-"),
];

const LIMIT: &str = r#"{"spend_limit":100000}"#;
const CATEGORY: &str = r#"{"name":"Cars","attributes":[{"name":"year","type":"integer"}]}"#;
const ITEM: &str = r#"{"title":"A car","category":"Cars","attributes":{"year":1999}}"#;
const CREATE: &str =
    r#"{"title":"A kettle","currency":"EUR","preset":"ladder","duration_seconds":600}"#;
const REASON: &str = r#"{"reason":"mistake"}"#;
const REOPEN: &str = r#"{"reason":"mistake","ends_at":"2199-01-01T00:00:00Z"}"#;

/// A fresh auction and fresh people around it, so that no request sees what another one did.
pub(super) struct Scene {
    pub(super) callers: [Option<Person>; 7],
    auction: String,
    draft: String,
    bid: String,
    operation: String,
    item: String,
    picture: String,
    message: String,
    other: i64,
}

pub(super) fn scene(site: &Site, pictured: bool) -> Scene {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let person = |name: &str, roles| site.person(&format!("{name}.{number}.x"), roles);
    let bidder = person("bidder", Roles { bidder: true, ..Roles::default() });
    let seller = person("seller", Roles::MEMBER);
    let banned = person("banned", Roles::MEMBER);
    let terms = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": 600, "terms": {"eligibility": "approved"}});
    let made = site.post("/v1/auctions", &seller, &terms).expect(201);
    let path = format!("/v1/auctions/{}", made["id"]);
    site.post(&format!("{path}/register"), &bidder, &Value::Null).expect(201);
    site.post(&format!("{path}/registrations/1/approve"), &seller, &Value::Null).expect(200);
    let bid = site.post(&format!("{path}/bids"), &bidder, &json!({"amount": 1000})).expect(201);
    let mut draft = terms.clone();
    draft["publish"] = json!(false);
    let draft = site.post("/v1/auctions", &seller, &draft).expect(201);
    site.ban(&banned);
    let stranger = person("stranger", Roles::MEMBER);
    let other = person("other", Roles::MEMBER).id;
    let (clerk, admin) = (person("clerk", Roles::CLERK), person("admin", Roles::ADMIN));
    let read = |body| serde_json::from_str::<Value>(body).unwrap();
    site.post("/v1/categories", &clerk, &read(CATEGORY)).expect(201);
    let item = site.post("/v1/items", &seller, &read(ITEM)).expect(201)["id"].to_string();
    let gif = || {
        let path = format!("/v1/items/{item}/pictures");
        let bytes = b"GIF89a\x01\0\x01\0\0\0\0\x3b".to_vec();
        pictured.then(|| site.send_bytes("POST", &path, &seller, "image/gif", bytes))
    };
    let picture = gif().map(|gif| gif.expect(201)["name"].as_str().unwrap().to_owned());
    let ids = (AuctionId::new(made["id"].as_i64().unwrap()), UserId::new(bidder.id));
    let (chats, now) = (&site.house().chats, site.house().now());
    let kept = chats.say(ids.0.unwrap(), ids.1.unwrap(), "Hello", now, None).unwrap();
    let Kept::New(message) = kept else { panic!("{kept:?}") };
    let callers = [None, Some(bidder), Some(stranger), Some(seller), Some(clerk), Some(admin)];
    let [public, bidder, stranger, seller, clerk, admin] = callers;
    Scene {
        callers: [public, bidder, stranger, seller, clerk, admin, Some(banned)],
        auction: made["id"].to_string(),
        draft: draft["id"].to_string(),
        bid: bid["bid"].to_string(),
        item,
        picture: picture.unwrap_or_default(),
        message: message.to_string(),
        operation: bid["operation"].as_str().unwrap().to_owned(),
        other,
    }
}

/// The path of a row, as a caller asks for it.
pub(super) fn path_of(row: &Row, scene: &Scene, caller: usize) -> String {
    let (_, route, about, ..) = *row;
    let own = scene.callers[caller].as_ref().map_or(scene.other, |by| by.id);
    let user = if about == "{self}" { own } else { scene.other };
    let auction = if about == "{draft}" { &scene.draft } else { &scene.auction };
    route
        .replace("{auction}", auction)
        .replace("{bid}", &scene.bid)
        .replace("{paddle}", "1")
        .replace("{operation}", &scene.operation)
        .replace("{picture}", &scene.picture)
        .replace("{item}", &scene.item)
        .replace("{message}", &scene.message)
        .replace("{user}", &scene.other.to_string())
        .replace("{session}", "0011223344556677")
        .replace("{id}", &user.to_string())
}

/// What a caller gets.
pub(super) fn mark(site: &Site, row: &Row, scene: &Scene, caller: usize) -> char {
    let (method, route, _, body, _) = *row;
    let by = scene.callers[caller].as_ref();
    let path = path_of(row, scene, caller);
    // A stream has no end; its head says all.
    let method = if route.ends_with("/stream") { "HEAD" } else { method };
    let reply = site.ask(method, &path, by, Some("k"), body);
    match reply.status {
        401 => 's',
        403 => '-',
        404 => '0',
        status if status < 500 || route == "/health/ready" => '+',
        _ => panic!("{method} {path}: {}", reply.text), // not ours: a status
    }
}

/// What the description of the API says there is.
pub(super) fn described(site: &Site) -> BTreeSet<(String, String)> {
    let text = site.get("/openapi.json", None).text;
    let description: Value = serde_json::from_str(&text).unwrap();
    let mut all = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for method in ["get", "put", "post", "patch", "delete", "head", "options", "trace"] {
            if item.get(method).is_some() {
                all.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    all
}

#[test]
fn sec_s8_s9_every_route_times_every_caller() {
    let site = Site::new();
    site.house().ready.store(true, Ordering::Release);
    let described = described(&site);
    let rows: BTreeSet<_> =
        ROWS.iter().map(|(method, path, ..)| (method.to_string(), path.to_string())).collect();
    assert_eq!(rows, described, "every route of the description has a row, and no other");
    let doors: BTreeSet<_> = DOORS
        .iter()
        .flat_map(|(path, verbs)| {
            verbs.iter().map(|(method, _)| (method.to_string(), path.to_string()))
        })
        .collect();
    assert_eq!(doors, described, "every route of the description has a verb, and no other");
    let mut wrong = String::new();
    let mut page = HEAD.to_owned();
    for row in ROWS {
        // Whoever only reads leaves the scene as it was.
        let reads = row.0 == "GET";
        let shared = scene(&site, true);
        let one = |caller| match reads {
            true => mark(&site, row, &shared, caller),
            false => mark(&site, row, &scene(&site, row.1.contains("{picture}")), caller),
        };
        let marks: String = (0..CALLERS.len()).map(one).collect();
        let (method, route, about, _, expected) = *row;
        if marks != expected {
            writeln!(wrong, "{method} {route} {about}: {marks}, not {expected}").unwrap();
        }
        line(&mut page, row);
    }
    assert_eq!(wrong, "", "\n{wrong}");
    is_up_to_date("docs/permissions.md", &page);
}

const HEAD: &str = "# Who may do what\n\n\
    Every route times every kind of caller, as a test observes it on a real house \
    (`crates/server/tests/security/matrix.rs`, which also writes this page). *Yes* means that the \
    caller is let in; what then comes of it, the rules of the auction say. *404* means that he \
    does not learn whether there is such a thing.\n\n\
    The stranger is a member who has nothing to do with the auction; the bidder has a bid in it, \
    the seller owns it. The public's row changes with `users.public` and \
    `users.open_registration`. What is in no row nobody may: \
    `crates/server/src/permissions.rs`. Dialects have [doors of their own](dialects/doors.md).\n\n\
    | Route | Of | Verb | public | bidder | stranger | seller | clerk | admin | banned |\n\
    |---|---|---|---|---|---|---|---|---|---|\n";

fn line(page: &mut String, (method, route, about, _, marks): &Row) {
    let verb = verb_of(&Method::from_bytes(method.as_bytes()).unwrap(), route).unwrap().word();
    let about = match *about {
        "{draft}" => "a draft",
        "{self}" => "oneself",
        other => other,
    };
    write!(page, "| `{method} {route}` | {about} | {verb} |").unwrap();
    for mark in marks.chars() {
        let word = match mark {
            '+' => "yes",
            's' => "sign in",
            '-' => "no",
            _ => "404", // not ours: a mark
        };
        write!(page, " {word} |").unwrap();
    }
    page.push('\n');
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever changes who may do what writes the page anew"
)]
fn is_up_to_date(page: &str, text: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(page);
    if std::env::var_os("GAVEL_WRITE_PAGES").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{page} is stale: GAVEL_WRITE_PAGES=1 cargo test --test security matrix");
}

#[test]
fn sec_s9_no_other_method_and_no_override_opens_a_door() {
    let site = Site::new();
    let member = site.member("anna");
    for method in ["TRACE", "PROPFIND", "CONNECT", "OPTIONS", "PUT"] {
        for path in ["/v1/users", "/v1/users/1/roles", "/v1/auctions", "/v1/events"] {
            let status = site.ask(method, path, Some(&member), None, "").status;
            assert!(matches!(status, 404 | 405), "{method} {path}: {status}");
        }
    }
    for header in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let request = http::Request::get("/v1/users/1/roles")
            .header("host", "house")
            .header("authorization", format!("Bearer {}", member.token))
            .header(header, "PATCH")
            .body(axum::body::Body::empty());
        assert_eq!(site.send(request.unwrap()).status, 405, "{header}");
    }
}
