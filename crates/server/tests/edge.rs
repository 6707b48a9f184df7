//! The edge as a client sees it: what is malformed, what is not found, which headers every reply
//! has; and that nothing a client sends is answered with a failure of the house.

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;

use serde_json::json;
use served::Served;

const JSON: &str = "content-type: application/json\r\n";

#[test]
fn sec_s22_tricks_with_json_are_malformed() {
    let house = Served::new();
    let login = |body: &[u8]| house.send("POST", "/v1/session", JSON, body);
    for body in [
        &br#"{"login":"a","login":"admin","password":"x"}"#[..],
        br#"{"login":"a","\u006cogin":"admin","password":"x"}"#,
        b"\xef\xbb\xbf{\"login\":\"a\",\"password\":\"x\"}",
        br#"{"login":"a","password":"x"}{}"#,
        br#"{"login":"a","password":"x","admin":true}"#,
        br#"{"login":"a"}"#,
        br#"{"login":1,"password":"x"}"#,
        br#"{"login":"\ud800","password":"x"}"#,
        br#"{"login":"\u0000","password":"x"}"#,
        b"{\"login\":\"\xff\",\"password\":\"x\"}",
        br#"["a","x"]"#,
        b"",
        b"null",
    ] {
        let reply = login(body);
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed"), "{reply:?}");
        assert!(reply.json()["field"].is_string());
    }
    // What has named fields is read from an object only, however deep it stands.
    let (_, anna) = house.user("anna");
    let headers = format!("{JSON}authorization: Bearer {anna}\r\n");
    for (slots, field) in [
        (r"[]", "terms"),
        (r#"["beat_leader"]"#, "terms"),
        (r#"{"fees":[1000,0,0]}"#, "terms.fees"),
        (r#"{"settlement":[5,6]}"#, "terms.settlement"),
        (r#"{"increment":{"kind":"table","steps":[[0,5],[100,25]]}}"#, "terms.increment.steps"),
        (r#"{"increment":["fixed",5]}"#, "terms.increment"),
        (r#"{"close":{"kind":"soft","kind":"hard"}}"#, "kind"),
    ] {
        let lot = r#""title":"a","currency":"EUR","preset":"timed","duration_seconds":60"#;
        let body = format!(r#"{{{lot},"terms":{slots}}}"#);
        let reply = house.send("POST", "/v1/auctions", &headers, body.as_bytes());
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed"), "{slots} {reply:?}");
        assert_eq!(reply.json()["field"], field, "{slots}");
    }
    let body = br#"{"name":"cars","title":"Cars","attributes":[["make","text",[],false]]}"#;
    let headers = format!("{JSON}authorization: Bearer {}\r\n", house.admin());
    let reply = house.send("POST", "/v1/categories", &headers, body);
    assert_eq!((reply.status, reply.json()["field"].as_str()), (400, Some("attributes")));
    let deep = format!("{}{}", "[".repeat(100_000 / 2), "]".repeat(10_000));
    assert_eq!(login(deep.as_bytes()).status, 400);
    // Where any key may stand, the readers of fields would take the last one.
    let headers = format!("{JSON}authorization: Bearer {anna}\r\n");
    let body = br#"{"title":"a","category":"b","attributes":{"year":10,"ye\u0061r":999999}}"#;
    let reply = house.send("POST", "/v1/items", &headers, body);
    assert_eq!((reply.status, reply.json()["field"].as_str()), (400, Some("year")), "{reply:?}");
}

#[test]
fn sec_s20_sizes_at_the_limit_and_above() {
    let house = Served::new();
    let body = |length: usize| {
        let frame = r#"{"login":"a","password":""}"#.len();
        format!(r#"{{"login":"a","password":"{}"}}"#, "x".repeat(length - frame))
    };
    let send = |length: usize| house.send("POST", "/v1/session", JSON, body(length).as_bytes());
    assert_eq!(send(65_536).code(), "unauthenticated");
    assert_eq!((send(65_537).status, send(65_537).code().as_str()), (413, "too_large"));
    let target = |length: usize| format!("/v1/time?{}", "x".repeat(length - "/v1/time?".len()));
    let get = |path: &str, headers: &str| house.send("GET", path, headers, b"");
    assert_eq!(get(&target(8172), "").status, 400);
    assert_eq!(
        (get(&target(8173), "").status, get(&target(8173), "").code().as_str()),
        (414, "target_too_long")
    );
    // With host, connection and content-length, so many more make 64.
    let headers = |count: usize| (0..count).map(|n| format!("x-{n}: y\r\n")).collect::<String>();
    assert_eq!(get("/v1/time", &headers(61)).status, 200);
    assert_eq!(get("/v1/time", &headers(62)).status, 431);
    let large = |length: usize| get("/v1/time", &format!("x: {}\r\n", "y".repeat(length)));
    assert_eq!(large(16_000).status, 200);
    assert_eq!(large(16_400).code(), "headers_too_large");
}

#[test]
fn wrong_methods_types_and_paths_are_problem_documents() {
    let house = Served::new();
    let send = |method: &str, path: &str, headers: &str, body: &[u8]| {
        let reply = house.send(method, path, headers, body);
        (reply.status, reply.code())
    };
    let code = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(send("GET", "/nowhere", "", b""), code(404, "not_found"));
    assert_eq!(send("GET", "/v1/nowhere", "", b""), code(404, "not_found"));
    assert_eq!(send("GET", "/v1/users/999", "", b""), code(404, "not_found"));
    assert_eq!(send("GET", "/v1/users/0", "", b""), code(404, "not_found"));
    assert_eq!(send("GET", "/v1/users/1e3", "", b""), code(404, "not_found"));
    assert_eq!(send("GET", "/v1/users/%ff", "", b"").0 / 100, 4);
    assert_eq!(send("PUT", "/v1/time", "", b""), code(405, "method_not_allowed"));
    for method in ["TRACE", "PROPFIND", "OPTIONS"] {
        assert_eq!(send(method, "/v1/time", "", b""), code(405, "method_not_allowed"));
    }
    let xml = "accept: application/xml\r\n";
    assert_eq!(send("GET", "/v1/time", xml, b""), code(406, "not_acceptable"));
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1"]
    {
        let headers = format!("content-type: {kind}\r\n");
        let body = br#"{"login":"a","password":"x"}"#;
        let sent = send("POST", "/v1/session", &headers, body);
        assert_eq!(sent, code(415, "unsupported_media_type"));
    }
    let gzip = format!("{JSON}content-encoding: gzip\r\n");
    assert_eq!(send("POST", "/v1/session", &gzip, b"x"), code(415, "unsupported_media_type"));
    assert_eq!(send("GET", "/v1/time?x=1", "", b""), code(400, "malformed"));
    for query in ["q=%ff", "q=%C3", "q=%c3%28", "%e4=1"] {
        let path = format!("/v1/auctions?{query}");
        assert_eq!(send("GET", &path, "", b""), code(400, "malformed"), "{query}");
    }
    assert_eq!(house.get("/v1/auctions?q=%C3%A4%25", None).status, 200);
    assert_eq!(send("GET", "/v1/users/me", "", b""), code(401, "unauthenticated"));
    for token in ["x", "", &"a".repeat(43), &"a".repeat(5_000)] {
        let headers = format!("authorization: Bearer {token}\r\n");
        assert_eq!(send("GET", "/v1/users/me", &headers, b""), code(401, "unauthenticated"));
    }
    let overridden = "x-http-method-override: DELETE\r\n";
    assert_eq!(send("POST", "/v1/time", overridden, b"").0, 405);
}

#[test]
fn a_request_names_one_host() {
    let house = Served::new();
    for hosts in ["", "host: a\r\nhost: b\r\n"] {
        let request = format!("GET /v1/time HTTP/1.1\r\nconnection: close\r\n{hosts}\r\n");
        let reply = house.raw(request.as_bytes());
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed"), "{hosts}");
        assert_eq!(reply.json()["field"], "Host");
    }
    assert_eq!(house.raw(b"GET /v1/time HTTP/1.0\r\n\r\n").status, 200);
}

#[test]
fn keys_are_judged_at_the_edge() {
    let house = Served::new();
    let (_, token) = house.user("anna");
    let send = |key: &str| {
        let headers = format!("{JSON}authorization: Bearer {token}\r\nidempotency-key: {key}\r\n");
        house.send("DELETE", "/v1/users/me", &headers, br#"{"password":"wrong password"}"#)
    };
    for key in ["", "a b", "ä", "\"open", "\"\"", &"k".repeat(256)] {
        let reply = send(key);
        assert_eq!((reply.status, reply.code().as_str()), (400, "malformed"), "{key}");
    }
    for key in ["k", "\"k\"", &"k".repeat(255)] {
        assert_eq!(send(key).status, 403, "{key}");
    }
}

#[test]
fn every_reply_has_the_headers_that_protect_it() {
    let house = Served::new();
    for path in
        ["/", "/page.js", "/docs/", "/openapi.json", "/problems", "/v1/meta", "/health/live", "/x"]
    {
        let reply = house.get(path, None);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert!(reply.header("cache-control").is_some(), "{path}");
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert!(
            !reply.body.contains("http://") || path != "/",
            "{path} loads nothing from elsewhere"
        );
    }
    let reply = house.get("/v1/meta", None);
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    assert_eq!(reply.header("vary"), Some("authorization, cookie"));
    let meta = reply.json();
    assert_eq!(meta["public_key"].as_str().map(str::len), Some(64));
    assert!(meta["presets"].as_array().is_some_and(|presets| presets.len() == 10));
    let description = house.get("/openapi.json", None).json();
    for path in ["/v1/users", "/v1/session", "/v1/users/me", "/v1/meta", "/health/ready"] {
        assert!(description["paths"][path].is_object(), "{path}");
    }
    assert_eq!(house.get("/docs/", None).status, 200);
    assert_eq!(house.get("/docs/swagger-ui-bundle.js", None).status, 200);
}

#[test]
fn sec_s31_limits_for_an_address_hold_and_a_forwarded_header_changes_nothing() {
    let house = Served::with(&["limits.requests_per_second_per_ip=5"]);
    let mut codes = Vec::new();
    for n in 0..12 {
        let headers = format!("x-forwarded-for: 10.0.0.{n}\r\n");
        codes.push(house.send("GET", "/v1/time", &headers, b""));
    }
    let limited: Vec<_> = codes.iter().filter(|reply| reply.status == 429).collect();
    assert!((4..=7).contains(&limited.len()), "{}", limited.len());
    let reply = limited.first().expect("one of them");
    assert_eq!(reply.code(), "rate_limited");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.json()["retry_after_seconds"], 1);
    assert_eq!(house.get("/health/live", None).status, 200);
}

#[test]
fn sec_s31_believed_proxies_tell_the_address_and_other_hosts_are_refused() {
    let house = Served::with(&[
        "server.trusted_proxies=127.0.0.1",
        "server.hosts=127.0.0.1",
        "limits.requests_per_second_per_ip=1",
    ]);
    for n in 0..5 {
        let headers = format!("x-forwarded-for: 6.6.6.6, 10.0.0.{n}\r\n");
        assert_eq!(house.send("GET", "/v1/time", &headers, b"").status, 200);
    }
    let reply = house.raw(b"GET /v1/time HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    assert_eq!((reply.status, reply.code().as_str()), (421, "wrong_host"));
}

#[test]
fn sec_s30_metrics_are_served_aside_only() {
    let house = Served::new();
    assert_eq!(house.get("/metrics", None).status, 404);
    let mut stream = std::net::TcpStream::connect(house.metrics).expect("metrics listen");
    std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let reply = served::read_reply(&mut std::io::BufReader::new(stream)).expect("a reply");
    assert!(reply.body.contains("gavel_responses_total{class=\"4xx\"} 1"), "{}", reply.body);
    assert!(reply.body.contains("gavel_bid_seconds_count 0"));
    assert!(reply.body.contains("gavel_commit_records_bucket{le=\"512\"}"));
    assert!(reply.body.contains("gavel_commit_seconds_sum "));
    // The operators' address knows numbers and nothing else.
    for path in ["/", "/v1/users", "/v1/audit", "/v1/meta", "/health/live", "/openapi.json"] {
        let mut stream = std::net::TcpStream::connect(house.metrics).expect("metrics listen");
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        std::io::Write::write_all(&mut stream, head.as_bytes()).expect("it reads");
        let reply = served::read_reply(&mut std::io::BufReader::new(stream)).expect("a reply");
        assert_eq!(reply.status, 404, "{path}");
    }
    let odd = json!({ "login": "admin", "password": house.password });
    assert_eq!(house.ask("POST", "/v1/session", None, &odd).status, 201);
}
