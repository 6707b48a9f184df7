//! Asking changes nothing, whoever asks; what changes something is asked for in one way only; and
//! no route is there for tests.

use super::matrix::{CALLERS, ROWS, Row, described, mark, path_of, scene};
use super::served::Served;
use super::site::{Person, Site};
use gavel_server::http::dialects::DIALECTS;
use http::Request;
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Every row of the log and of what is known of people.
fn kept(site: &Site) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in ["log.db", "people.db"] {
        let path = site.data().join(file);
        let open = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
        let mut tables = open.prepare(tables).unwrap();
        let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
        for table in tables.map(Result::unwrap) {
            let mut rows = open.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
            let columns = rows.column_count();
            let values = |row: &rusqlite::Row<'_>| {
                (0..columns).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>()
            };
            let rows = rows.query_map([], values).unwrap();
            all.extend(rows.map(|row| format!("{file} {table} {:?}", row.unwrap())));
        }
    }
    all
}

/// The rows that are there now, once those who follow the log have come to its end.
fn at_rest(site: &Site) -> BTreeSet<String> {
    let mut last = kept(site);
    site.until(|| {
        std::thread::sleep(std::time::Duration::from_millis(300));
        std::mem::replace(&mut last, kept(site)) == last
    });
    last
}

#[track_caller]
fn nothing_changed(site: &Site, before: &BTreeSet<String>) {
    let after = kept(site);
    let changed: Vec<_> = after.symmetric_difference(before).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

fn reads(row: &&Row) -> bool {
    row.0 == "GET"
}

#[test]
fn sec_s16_asking_changes_nothing_whoever_asks() {
    let site = Site::new();
    site.house().ready.store(true, Ordering::Release);
    let scene = scene(&site, true);
    let before = at_rest(&site);
    assert!(before.len() > 30, "{}", before.len());
    let mut asked = 0;
    for row in ROWS.iter().filter(reads) {
        for caller in 0..CALLERS.len() {
            mark(&site, row, &scene, caller);
            asked += 1;
        }
    }
    assert!(asked > 200, "{asked}");
    for path in ["/", "/docs/", "/openapi.json", "/socket.io/?EIO=4&transport=polling"] {
        for by in &scene.callers {
            assert_eq!(site.get(path, by.as_ref()).status, 200, "{path}");
        }
    }
    nothing_changed(&site, &before);
    // That this would show.
    let one = scene.callers[1].as_ref();
    let wishes = site.ask("PUT", "/v1/me/subscriptions", one, None, r#"{"won":false}"#);
    assert_eq!(wishes.status, 200, "{}", wishes.text);
    assert_ne!(kept(&site), before);
}

/// A request as a browser sends it for whoever is signed in there by a cookie.
fn by_browser(site: &Site, row: &Row, path: &str, by: &Person, more: [&str; 2]) -> u16 {
    let [origin, kind] = more;
    let mut request = Request::builder()
        .method(row.0)
        .uri(path)
        .header("host", "house")
        .header("cookie", format!("__Host-gavel={}", by.token))
        .header("idempotency-key", "k")
        .header("content-type", kind);
    if !origin.is_empty() {
        request = request.header("origin", origin);
    }
    site.send(request.body(row.3.to_owned().into()).unwrap()).status
}

#[test]
fn sec_s16_what_changes_something_comes_by_no_get_no_form_and_no_page_of_others() {
    let site = Site::new();
    site.house().ready.store(true, Ordering::Release);
    let scene = scene(&site, true);
    let before = at_rest(&site);
    let known = described(&site);
    let kinds = ["application/x-www-form-urlencoded", "text/plain", "application/json"];
    let mut typed = 0;
    for row in ROWS.iter().filter(|row| !reads(row)) {
        let (method, route, _, body, marks) = *row;
        for caller in 1..CALLERS.len() {
            let (path, by) = (path_of(row, &scene, caller), scene.callers[caller].as_ref());
            if !known.contains(&("GET".to_owned(), route.to_owned())) {
                for method in ["GET", "HEAD"] {
                    let status = site.ask(method, &path, by, Some("k"), body).status;
                    assert_eq!(status, 405, "{method} {path}");
                }
            }
            for origin in ["", "null", "https://evil.example", "http://house.evil.example"] {
                for kind in kinds {
                    let status = by_browser(&site, row, &path, by.unwrap(), [origin, kind]);
                    assert_eq!(status, 403, "{method} {path} from {origin} as {kind}");
                }
            }
            let may = marks.as_bytes()[caller] == b'+' && !body.is_empty();
            for kind in kinds.iter().take(2).filter(|_| may) {
                let bytes = body.as_bytes().to_vec();
                let reply = site.send_bytes(method, &path, by.unwrap(), kind, bytes);
                assert_eq!(reply.status, 415, "{method} {path} as {kind}: {}", reply.text);
                typed += 1;
            }
        }
    }
    assert!(typed > 100, "{typed}");
    nothing_changed(&site, &before);
}

/// What a route is not called that customers use.
const WORDS: [&str; 12] = [
    "test", "tests", "testing", "debug", "mock", "fake", "dev", "dump", "eval", "exec", "pprof",
    "backdoor",
];

fn is_for_tests(path: &str) -> bool {
    let mut parts = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    parts.any(|part| WORDS.contains(&part))
}

/// The texts in our sources that begin with a slash, without those of tests within them.
fn paths_in(directory: &Path, all: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            paths_in(&path, all);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let served = text.split("#[cfg(test)]").next().unwrap_or_default();
            let quoted = served.split('"').filter(|it| it.starts_with('/') && !it.contains('\n'));
            all.extend(quoted.map(str::to_owned));
        }
    }
}

#[test]
fn sec_s27_no_route_is_there_for_tests_and_no_other_way_to_sign_in_knows_a_default() {
    let house = Served::with(&["dialects.on=all"]);
    let description = house.get("/openapi.json", None).json();
    let mut routes: BTreeSet<String> =
        description["paths"].as_object().unwrap().keys().cloned().collect();
    for dialect in DIALECTS {
        routes.extend(dialect.doors.iter().map(|(route, _)| (*route).to_owned()));
    }
    paths_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut routes);
    assert!(routes.contains("/v1/session") && routes.contains("/socket.io/"), "{routes:?}");
    let wrong: Vec<_> = routes.iter().filter(|route| is_for_tests(route)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let admin = house.admin();
    let roots = ["", "/v1", "/health", "/dialects/cars", "/socket.io", "/docs"];
    for word in WORDS {
        for path in roots.map(|root| format!("{root}/{word}")) {
            for method in ["GET", "POST"] {
                let status = house.ask(method, &path, Some(&admin), &json!({})).status;
                assert!(matches!(status, 404 | 405), "{method} {path}: {status}");
            }
        }
    }
    for password in ["", "admin", "password", "gavel", "changeme"] {
        let body = json!({"identifier": "admin", "password": password});
        let status = house.ask("POST", "/dialects/cars/auth/local", None, &body).status;
        assert!((400..500).contains(&status), "{password}: {status}");
        let basic = base64(format!("admin:{password}").as_bytes());
        for token in [format!("Basic {basic}"), format!("Bearer {password}")] {
            let headers = format!("authorization: {token}\r\n");
            assert_eq!(house.send("GET", "/v1/users/me", &headers, b"").status, 401, "{token}");
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
