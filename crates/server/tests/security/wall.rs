//! The outer wall: what every reply says of itself, who may keep it, which names and which pages
//! are let in, and what a cookie is good for.

use super::matrix::described;
use super::served::{Reply, Served};
use super::site::{Person, Site};
use gavel_auction::command::Roles;
use serde_json::json;
use std::collections::HashMap;

const JSON: &str = "content-type: application/json\r\n";

/// What is served besides the API.
const PAGES: [&str; 10] = [
    "/",
    "/page.js",
    "/page.css",
    "/page.svg",
    "/page/desk.js",
    "/pictures/books.svg",
    "/docs/",
    "/openapi.json",
    "/problems",
    "/nowhere",
];

/// Every route of the description, with numbers for its parameters, and every page.
fn all(site: &Site) -> Vec<(String, String)> {
    let pages = PAGES.iter().map(|path| ("GET".to_owned(), (*path).to_owned()));
    let routes = described(site).into_iter().map(|(method, path)| {
        // A stream has no end; its head says all.
        let method = if path.ends_with("/stream") { "HEAD".to_owned() } else { method };
        let plain = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        (method, plain.collect::<Vec<_>>().join("/"))
    });
    routes.chain(pages).collect()
}

#[test]
fn sec_s38_every_route_says_how_its_reply_may_be_used() {
    let site = Site::new();
    site.house().ready.store(true, std::sync::atomic::Ordering::Release);
    let all = all(&site);
    assert!(all.len() > 60, "{}", all.len());
    for (number, (method, path)) in all.into_iter().enumerate() {
        // Somebody new each time: signing out is a route, too.
        let admin = site.person(&format!("admin{number}x"), Roles::ADMIN);
        for by in [None, Some(&admin)] {
            let reply = site.ask(&method, &path, by, Some("k"), "");
            let is = |name: &str| {
                let mut values = reply.headers.get_all(name).iter();
                let value = values.next().unwrap_or_else(|| panic!("{method} {path}: no {name}"));
                assert!(values.next().is_none(), "{method} {path}: {name} twice");
                value.to_str().unwrap()
            };
            assert_eq!(is("x-content-type-options"), "nosniff");
            assert_eq!(is("referrer-policy"), "no-referrer");
            assert_eq!(is("cross-origin-opener-policy"), "same-origin");
            assert_eq!(is("cross-origin-resource-policy"), "same-origin");
            let policy = is("content-security-policy");
            for part in ["default-src 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(part), "{method} {path}: {policy}");
            }
            let scripts = policy.split(';').find(|part| part.contains("script-src"));
            assert!(!scripts.unwrap_or_default().contains("unsafe"), "{method} {path}: {policy}");
            is("cache-control");
            if path.starts_with("/v1/") {
                assert_eq!(is("vary"), VARY);
            }
            assert!(!reply.headers.contains_key("strict-transport-security"), "not by TLS");
            assert!(!reply.headers.contains_key("access-control-allow-origin"), "{path}");
            assert!(!reply.headers.contains_key("server"), "{path}");
        }
    }
}

const VARY: &str = "authorization, cookie";

/// A cache between the house and everybody, which keeps whatever it is allowed to.
#[derive(Default)]
struct Cache(HashMap<(String, String), String>);

impl Cache {
    /// What somebody gets by way of it; and whether that came from the cache.
    fn ask(&mut self, site: &Site, path: &str, by: &Person) -> (String, bool) {
        let own = site.get(path, Some(by));
        let about = |name: &str| {
            let values = own.headers.get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
        };
        let varies = about("vary").contains("authorization");
        let key = (path.to_owned(), if varies { by.token.clone() } else { String::new() });
        if let Some(kept) = self.0.get(&key) {
            return (kept.clone(), true);
        }
        let control = about("cache-control");
        if !control.contains("no-store") && !control.contains("private") {
            self.0.insert(key, own.text.clone());
        }
        (own.text, false)
    }
}

#[test]
fn sec_s32_a_shared_cache_gives_nobody_what_is_anothers() {
    let site = Site::new();
    site.house().ready.store(true, std::sync::atomic::Ordering::Release);
    let (anna, ben) = (site.member("anna"), site.member("ben"));
    let auction = site.auction(
        &anna,
        json!({"preset": "english", "duration_seconds": 600,
        "reserve": 5_000}),
    );
    let mut cache = Cache::default();
    let mut kept = 0;
    for (method, path) in all(&site) {
        if method != "GET" {
            continue;
        }
        let (first, _) = cache.ask(&site, &path, &anna);
        let (second, hit) = cache.ask(&site, &path, &ben);
        assert!(!hit || first == site.get(&path, Some(&ben)).text, "{path}: {second}");
        kept += u32::from(hit);
    }
    assert!(kept > 0, "the cache of this test keeps something");
    for path in ["/v1/users/me", "/v1/users/me/sessions", "/v1/users/me/export"] {
        let reply = site.get(path, Some(&anna));
        assert_eq!(reply.headers["cache-control"], "no-store", "{path}");
    }
    // What the seller sees and what others see have different tags, so that none is taken for
    // the other.
    let tag =
        |by: &Person| site.get(&auction, Some(by)).headers["etag"].to_str().unwrap().to_owned();
    assert_ne!(tag(&anna), tag(&ben));
    let ask = |by: &Person, tag: &str| {
        let request = http::Request::get(&auction)
            .header("host", "house")
            .header("authorization", format!("Bearer {}", by.token))
            .header("if-none-match", tag);
        site.send(request.body(axum::body::Body::empty()).unwrap()).status
    };
    assert_eq!((ask(&ben, &tag(&ben)), ask(&ben, &tag(&anna))), (304, 200));
}

#[test]
fn sec_s31_only_the_names_of_the_house_are_answered_to() {
    let house = Served::with(&["server.hosts=auctions.example.com"]);
    let ask = |hosts: &str| {
        let head = format!("GET /v1/time HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
        house.raw(head.as_bytes()).status
    };
    for host in ["auctions.example.com", "AUCTIONS.example.com:443", "localhost:1", "127.0.0.1"] {
        assert_eq!(ask(&format!("host: {host}\r\n")), 200, "{host}");
    }
    assert_eq!(ask("host: [::1]:8080\r\n"), 200);
    let evil =
        ["evil.example", "auctions.example.com.evil.example", "10.0.0.1", "localhost.evil", ""];
    for host in evil {
        assert_eq!(ask(&format!("host: {host}\r\n")), 421, "{host}");
    }
    assert_eq!(ask("host: localhost\r\nhost: evil.example\r\n"), 400);
    assert_eq!(ask("host: evil.example\r\nx-forwarded-host: localhost\r\n"), 421);
}

#[test]
fn sec_s31_a_forwarded_address_changes_no_limit() {
    let house = Served::with(&["limits.logins_per_minute_per_account=5"]);
    let body = br#"{"login":"anna","password":"a wrong password"}"#;
    let mut refused = 0;
    for n in 0..12 {
        let headers = format!(
            "{JSON}x-forwarded-for: 10.0.0.{n}\r\nforwarded: for=10.0.0.{n}\r\n\
             x-real-ip: 10.0.0.{n}\r\n"
        );
        refused += u32::from(house.send("POST", "/v1/session", &headers, body).status == 429);
    }
    assert!((6..=7).contains(&refused), "{refused}");
}

#[test]
fn sec_s31_nobody_comes_from_this_machine_by_way_of_its_proxy() {
    let house = Served::with(&["dialects.on=items", "server.trusted_proxies=127.0.0.1"]);
    let ask = |header: &[u8]| {
        let head = b"GET /item/1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        house.raw(&[head, header, b"\r\n"].concat()).status
    };
    assert_eq!(ask(b""), 404, "whoever is here is believed");
    for header in [
        &b"x-forwarded-for: 192.0.2.1\r\n"[..],
        b"x-forwarded-for: \xff\r\n",
        b"x-forwarded-for: 192.0.2.1, unknown\r\n",
        b"x-forwarded-for:\r\n",
        b"x-forwarded-for: 192.0.2.1\r\nx-forwarded-for: 127.0.0.1, \xff\r\n",
        b"x-forwarded-for: 127.0.0.1\r\n",
        b"forwarded: for=127.0.0.1\r\n",
        b"x-real-ip: 127.0.0.1\r\n",
        b"via: 1.1 proxy\r\n",
    ] {
        assert_eq!(ask(header), 403, "{}", String::from_utf8_lossy(header));
    }
}

#[test]
fn sec_s31_who_cannot_be_read_is_not_the_proxy() {
    let house = Served::with(&[
        "server.trusted_proxies=127.0.0.1",
        "limits.logins_per_minute_per_account=1",
    ]);
    let attempt = br#"{"login":"anna","password":"a wrong password"}"#;
    let ask = |told: &str| {
        let headers = format!("{JSON}{told}");
        house.send("POST", "/v1/session", &headers, attempt).status
    };
    assert_eq!(ask("x-forwarded-for: nobody\r\n"), 401);
    assert_eq!(ask("x-forwarded-for: 10.0.0.1, nobody\r\n"), 429);
    assert_eq!(ask(""), 401, "the proxy itself");
    assert_eq!(ask("x-forwarded-for: nobody, 10.0.0.1\r\n"), 401);
}

#[test]
fn sec_s9_pages_of_other_origins_are_let_in_by_name_only() {
    let ask = |house: &Served, method: &str, origin: &str| {
        let headers = format!("origin: {origin}\r\naccess-control-request-method: POST\r\n");
        house.send(method, "/v1/auctions", &headers, b"")
    };
    let allowed = |reply: &Reply| reply.header("access-control-allow-origin").map(str::to_owned);
    let closed = Served::new();
    let reply = ask(&closed, "OPTIONS", "https://shop.example.com");
    assert_eq!((reply.status, allowed(&reply)), (405, None));
    let house = Served::with(&["server.origins=https://shop.example.com"]);
    let reply = ask(&house, "OPTIONS", "https://shop.example.com");
    assert_eq!(reply.status, 204);
    assert_eq!(allowed(&reply).as_deref(), Some("https://shop.example.com"));
    assert!(reply.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert_eq!(reply.header("access-control-allow-credentials"), None, "no cookies");
    let reply = ask(&house, "GET", "https://shop.example.com");
    assert_eq!((reply.status, allowed(&reply).is_some()), (200, true));
    assert!(reply.head.contains("vary: origin"), "{}", reply.head);
    let others =
        ["null", "https://shop.example.com.evil.example", "http://shop.example.com", "https://x"];
    for origin in others {
        assert_eq!(ask(&house, "OPTIONS", origin).status, 405, "{origin}");
        let reply = ask(&house, "GET", origin);
        assert_eq!((reply.status, allowed(&reply)), (200, None), "{origin}");
        assert!(reply.head.contains("vary: origin"), "{}", reply.head);
    }
}

#[test]
fn sec_s16_a_cookie_is_good_on_pages_of_this_house_only() {
    let house = Served::with(&["house.url=https://auctions.example.com/house"]);
    let own = format!("origin: http://{}\r\n", house.address);
    let body = format!(r#"{{"login":"admin","password":"{}","cookie":true}}"#, house.password);
    let sign_in = |headers: &str| {
        house.send("POST", "/v1/session", &format!("{JSON}{headers}"), body.as_bytes())
    };
    for foreign in ["", "origin: https://evil.example\r\n", "origin: null\r\n"] {
        let reply = sign_in(foreign);
        assert_eq!((reply.status, reply.header("set-cookie")), (403, None), "{foreign}");
    }
    let reply = sign_in(&own);
    assert_eq!((reply.status, reply.json().get("token")), (201, None), "{reply:?}");
    let set = reply.header("set-cookie").unwrap();
    for part in ["__Host-gavel=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let cookie = format!("cookie: a=b; {}\r\n", set.split(';').next().unwrap());
    let send = |method: &str, path: &str, headers: &str, body: &str| {
        house.send(method, path, &format!("{cookie}{headers}"), body.as_bytes()).status
    };
    assert_eq!(send("GET", "/v1/users/me", "", ""), 200);
    let create =
        r#"{"title":"A kettle","currency":"EUR","preset":"english","duration_seconds":600}"#;
    let make = |headers: &str, body: &str| {
        send(
            "POST",
            "/v1/auctions",
            &format!("{headers}idempotency-key: {}\r\n", headers.len()),
            body,
        )
    };
    // A form, a text that is JSON, another page, no page at all.
    let evil = "origin: https://evil.example\r\n";
    let form = format!("{evil}content-type: application/x-www-form-urlencoded\r\n");
    assert_eq!(make(&form, "title=x"), 403);
    assert_eq!(make(&format!("{evil}content-type: text/plain\r\n"), create), 403);
    assert_eq!(make(&format!("{own}content-type: text/plain\r\n"), create), 415);
    assert_eq!(make(&format!("{evil}{JSON}"), create), 403);
    assert_eq!(make(&format!("{own}{evil}{JSON}"), create), 403);
    assert_eq!(make(JSON, create), 403);
    assert_eq!(send("DELETE", "/v1/session", evil, ""), 403);
    assert_eq!(send("PATCH", "/v1/users/me", &format!("{evil}{JSON}"), "{}"), 403);
    // Its own pages, also by the name that the configuration gives it.
    assert_ne!(make(&format!("{own}{JSON}"), create), 403);
    assert_ne!(make(&format!("origin: https://auctions.example.com\r\n{JSON}"), create), 403);
    // A second cookie of that name is somebody else's doing.
    let two = format!("cookie: __Host-gavel={}\r\n", "x".repeat(43));
    assert_eq!(send("GET", "/v1/users/me", &two, ""), 401);
    let gone = house.send("DELETE", "/v1/session", &format!("{cookie}{own}"), b"");
    assert_eq!(gone.status, 204);
    assert!(gone.header("set-cookie").unwrap().contains("Max-Age=0"), "{gone:?}");
    // A cookie that is no longer good locks nobody out.
    assert_eq!(send("GET", "/v1/users/me", "", ""), 401);
    assert_eq!(send("GET", "/v1/auctions", "", ""), 200);
    assert_eq!(
        house.send("POST", "/v1/session", &format!("{cookie}{own}{JSON}"), body.as_bytes()).status,
        201
    );
}
