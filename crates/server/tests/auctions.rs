//! Auctions over HTTP: created in every preset, looked at, changed, run and ended; who may do what
//! and what he is told; what repeats get, also after the house was closed and opened again.

#[path = "floor/site.rs"]
mod site;

use gavel_auction::command::Roles;
use serde_json::{Value, json};
use site::{Person, Site};

fn english() -> Value {
    json!({"title": "A chair", "description": "Of oak.", "category": "furniture",
        "currency": "EUR", "starting_price": 1000, "reserve": 2000, "duration_seconds": 3600})
}

/// What each preset needs besides title and currency.
fn needed(preset: &str) -> Value {
    let mut body = json!({"preset": preset, "starting_price": 1000, "duration_seconds": 3600});
    match preset {
        "dutch" => {
            body = json!({"preset": "dutch", "terms": {"clock": {"kind": "descending",
                "start": 1000, "floor": 100, "step": 100, "every_seconds": 10}}});
        }
        "silent" => body["terms"] = json!({"increment": {"kind": "fixed", "step": 100}}),
        _ => {}
    }
    body
}

#[test]
fn the_whole_life_of_an_english_auction() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let clerk = site.person("clerk", Roles::CLERK);
    let made = site.post("/v1/auctions", &anna, &english());
    let body = made.expect(201);
    assert_eq!((&body["version"], &body["state"]), (&json!(3), &json!("open")));
    assert_eq!(made.headers["location"], format!("/v1/auctions/{}", body["id"]).as_str());
    let path = format!("/v1/auctions/{}", body["id"]);
    let first = site.bid(&path, &bob, 1000).expect(201);
    let wanted = json!({"auction": body["id"], "bid": 4, "version": 4, "standing": "leading",
        "price": 1000, "minimum_next": 1050, "effective_end": first["effective_end"],
        "extended": false, "server_time": first["server_time"], "operation": first["operation"]});
    assert_eq!(first, wanted);
    let low = site.bid(&path, &cleo, 1049).refused(422, "below_minimum");
    assert_eq!((&low["minimum_next"], &low["version"]), (&json!(1050), &json!(4)));
    assert!(low["operation"].as_str().unwrap().starts_with(&format!("{}-", body["id"])));
    site.bid(&path, &bob, 5000).refused(422, "already_leading");
    site.bid(&path, &anna, 5000).refused(403, "own_auction");
    site.bid(&path, &cleo, 2500).expect(201);
    site.post(&format!("{path}/hold"), &anna, &json!({})).refused(403, "forbidden");
    let held = json!({"reason": "on_request", "note": "Coffee."});
    assert_eq!(site.post(&format!("{path}/hold"), &clerk, &held).expect(200)["state"], "on_hold");
    site.bid(&path, &bob, 5000).refused(409, "on_hold");
    site.post(&format!("{path}/resume"), &clerk, &Value::Null).expect(200);
    let closed = site.post(&format!("{path}/close"), &clerk, &json!({})).expect(200);
    assert_eq!(closed["state"], "sold");
    let late = site.bid(&path, &bob, 9000).refused(409, "closed");
    assert_eq!(late["outcome"]["result"], "sold");
    site.until(|| site.get(&path, None).json()["certified"] == true);
    let public = site.get(&path, None).json();
    assert_eq!(public["outcome"]["hammer_price"], 2500);
    assert!(public["outcome"].get("winner_user").is_none());
    assert_eq!(public["terms"]["reserve"], "hidden");
    let winner = site.get(&path, Some(&cleo)).json();
    assert_eq!(winner["outcome"]["winner_user"], cleo.id);
    assert_eq!(winner["you"]["standing"], "won");
    let seller = site.get(&path, Some(&anna)).json();
    assert_eq!(seller["terms"]["reserve"], json!({"kind": "hidden", "amount": 2000}));
    let certificate = site.get(&format!("{path}/certificate"), None);
    assert_eq!(certificate.expect(200)["outcome"]["hammer_price"], 2500);
    gavel_proof::verify::verify(certificate.text.as_bytes()).unwrap();
}

#[test]
fn the_view_has_every_key() {
    let site = Site::new();
    let anna = site.member("anna");
    let path = site.auction(&anna, english());
    let view = site.get(&path, None);
    let body = view.expect(200);
    for key in [
        "id",
        "title",
        "description",
        "category",
        "item",
        "seller",
        "currency",
        "preset",
        "terms",
        "state",
        "price",
        "minimum_next",
        "bid_count",
        "bidder_count",
        "leader",
        "reserve_met",
        "starts_at",
        "scheduled_end",
        "effective_end",
        "certified",
        "version",
        "server_time",
    ] {
        assert!(body.get(key).is_some(), "{key} is missing in {body}");
    }
    assert_eq!(body["seller"], json!({"id": anna.id, "username": "anna"}));
    assert_eq!(body["terms"]["reserve"], "hidden");
    assert_eq!(body["terms"]["close"]["window_seconds"], 120);
    assert_eq!(body["terms"]["proxy"], "none");
    assert!(body["terms"].get("schedule").is_none());
    assert!(body.get("you").is_none());
    let own = site.get(&path, Some(&anna)).json();
    assert_eq!(
        (&own["you"]["can_bid"], &own["you"]["why_not"]),
        (&json!(false), &json!("own_auction"))
    );
    let tag = view.headers["etag"].to_str().unwrap().to_owned();
    let again = |by: Option<&Person>| {
        let mut request = http::Request::builder().uri(&path).header("if-none-match", &tag);
        if let Some(by) = by {
            request = request.header("authorization", format!("Bearer {}", by.token));
        }
        site.send(request.body(axum::body::Body::empty()).unwrap()).status
    };
    assert_eq!(again(None), 304);
    assert_eq!(again(Some(&anna)), 200);
}

#[test]
fn every_preset_is_created_bid_on_and_ended() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let clerk = site.person("clerk", Roles::CLERK);
    for preset in gavel_auction::presets::Preset::ALL {
        let path = site.auction(&anna, needed(preset.name()));
        let view = site.get(&path, None).expect(200);
        assert_eq!((&view["preset"], &view["state"]), (&json!(preset.name()), &json!("open")));
        if preset.name() == "dutch" {
            site.bid(&path, &bob, 1000).refused(400, "malformed");
            let moved = site.post(&format!("{path}/accept"), &bob, &json!({"price": 500}));
            assert_eq!(moved.refused(409, "clock_moved")["price"], 1000);
            let bought = site.post(&format!("{path}/accept"), &bob, &json!({"price": 1000}));
            let bought = bought.expect(201);
            assert_eq!(bought["outcome"]["hammer_price"], 1000);
            assert_eq!(bought["state"], "sold");
            continue;
        }
        site.bid(&path, &bob, 1000).expect(201);
        let closed = site.post(&format!("{path}/close"), &clerk, &Value::Null).expect(200);
        assert_eq!(closed["state"], "sold", "{preset:?}");
        site.until(|| site.get(&path, None).json()["certified"] == true);
        let certificate = site.get(&format!("{path}/certificate"), None);
        certificate.expect(200);
        gavel_proof::verify::verify(certificate.text.as_bytes()).unwrap();
    }
    let body = json!({"preset": "classic", "duration_seconds": 1});
    let short = site.auction(&anna, body);
    site.until(|| site.get(&short, None).json()["state"] == "passed");
    let passed = site.get(&short, None).json();
    assert_eq!(passed["outcome"], json!({"result": "passed", "reason": "no_bids"}));
}

#[test]
fn terms_are_refused_with_all_that_is_wrong() {
    let site = Site::new();
    let anna = site.member("anna");
    let body = json!({"title": "x", "currency": "XXX", "preset": "sealed", "starting_price": 1000,
        "reserve": 10, "duration_seconds": 60, "terms": {"proxy": "maximum",
        "close": {"kind": "soft", "window_seconds": 0, "extend_to_seconds": 1,
            "max_total_seconds": 1}}});
    let refused = site.post("/v1/auctions", &anna, &body).refused(422, "terms_invalid");
    let problems = refused["problems"].as_array().unwrap();
    let fields: Vec<&str> = problems.iter().map(|p| p["field"].as_str().unwrap()).collect();
    for field in ["currency", "terms.close", "terms.proxy", "reserve", "terms.close.window_seconds"]
    {
        assert!(fields.contains(&field), "{field} is missing in {fields:?}");
    }
    assert!(problems.iter().all(|p| p["code"].is_string() && p["detail"].is_string()));
    for preset in ["flash", "reverse", "silent", "dutch"] {
        let body = json!({"title": "x", "currency": "EUR", "preset": preset});
        site.post("/v1/auctions", &anna, &body).refused(422, "terms_invalid");
    }
    let past = json!({"title": "x", "currency": "EUR", "ends_at": "2020-01-01T00:00:00Z"});
    site.post("/v1/auctions", &anna, &past).refused(422, "terms_invalid");
}

#[test]
fn what_is_malformed_names_its_field() {
    let site = Site::new();
    let anna = site.member("anna");
    let field = |change: Value| {
        let mut body = english();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let reply = site.post("/v1/auctions", &anna, &body);
        reply.refused(400, "malformed")["field"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(field(json!({"title": ""})), "title");
    assert_eq!(field(json!({"title": "x".repeat(501)})), "title");
    assert_eq!(field(json!({"title": "a\u{7}b"})), "title");
    assert_eq!(field(json!({"description": "x".repeat(10_001)})), "description");
    assert_eq!(field(json!({"category": "x".repeat(101)})), "category");
    assert_eq!(field(json!({"preset": "raffle"})), "preset");
    assert_eq!(field(json!({"item": 5})), "item");
    assert_eq!(field(json!({"starting_price": 10.5})), "starting_price");
    assert_eq!(field(json!({"terms": {"starting_price": 5}})), "starting_price");
    assert_eq!(field(json!({"terms": {"reserve": "none"}})), "reserve");
    assert_eq!(field(json!({"starts_at": "tomorrow"})), "starts_at");
    let nothing = site.post("/v1/auctions?x=1", &anna, &english());
    nothing.refused(400, "malformed");
    let nobody = site.ask("POST", "/v1/auctions", None, None, &english().to_string());
    nobody.refused(401, "unauthenticated");
    let no_seller = site.person("buyer", Roles { bidder: true, ..Roles::default() });
    site.post("/v1/auctions", &no_seller, &english()).refused(403, "forbidden");
}

#[test]
fn drafts_are_invisible() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let clerk = site.person("clerk", Roles::CLERK);
    let mut body = english();
    body["publish"] = json!(false);
    let path = site.auction(&anna, body);
    assert_eq!(site.get(&path, Some(&anna)).expect(200)["state"], "draft");
    assert_eq!(site.get(&path, Some(&clerk)).expect(200)["state"], "draft");
    let none = "/v1/auctions/999";
    for tail in ["", "/bids", "/events", "/certificate"] {
        for by in [None, Some(&bob)] {
            let hidden = site.get(&format!("{path}{tail}"), by).refused(404, "not_found");
            let absent = site.get(&format!("{none}{tail}"), by).refused(404, "not_found");
            assert_eq!(hidden.as_object().unwrap().len(), absent.as_object().unwrap().len());
        }
    }
    let hidden = site.bid(&path, &bob, 5000).refused(404, "not_found");
    let absent = site.bid(none, &bob, 5000).refused(404, "not_found");
    assert_eq!(hidden["version"], absent["version"]);
    assert_eq!(hidden["effective_end"], absent["effective_end"]);
    site.post(&format!("{path}/register"), &bob, &Value::Null).refused(404, "not_found");
    site.post(&format!("{path}/publish"), &bob, &Value::Null).refused(404, "not_found");
    let listed = |query: &str, by: Option<&Person>| {
        let page = site.get(&format!("/v1/auctions?{query}"), by).expect(200);
        page["items"].as_array().unwrap().len()
    };
    site.until(|| listed(&format!("status=draft&seller={}", anna.id), Some(&anna)) == 1);
    assert_eq!(listed(&format!("status=draft&seller={}", anna.id), Some(&bob)), 0);
    assert_eq!(listed("status=draft", None), 0);
    site.post(&format!("{path}/publish"), &anna, &Value::Null).expect(200);
    assert_eq!(site.get(&path, None).expect(200)["state"], "open");
    site.post(&format!("{path}/publish"), &anna, &Value::Null).refused(409, "terms_locked");
}

#[test]
fn a_draft_is_amended_until_it_opens() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let mut body = english();
    body["publish"] = json!(false);
    let path = site.auction(&anna, body);
    let patch = |by: &Person, key: &str, body: Value| {
        site.ask("PATCH", &path, Some(by), Some(key), &body.to_string())
    };
    let words = json!({"title": "A stool", "category": null, "starting_price": 500});
    let first = patch(&anna, "a", words.clone());
    first.expect(200);
    let view = site.get(&path, Some(&anna)).json();
    assert_eq!((&view["title"], &view["category"]), (&json!("A stool"), &Value::Null));
    assert_eq!(view["description"], "Of oak.");
    assert_eq!(view["terms"]["starting_price"], 500);
    assert_eq!(view["terms"]["reserve"]["amount"], 2000);
    patch(&anna, "b", json!({"terms": {"reserve": "none"}})).expect(200);
    patch(&anna, "c", json!({"ends_at": "2199-01-01T00:00:00Z"})).refused(422, "terms_invalid");
    patch(&anna, "d", json!({"duration_seconds": 60})).expect(200);
    assert_eq!(patch(&anna, "a", words).text, first.text);
    assert_eq!(site.get(&path, Some(&anna)).json()["terms"]["reserve"], "none");
    patch(&anna, "a", json!({"title": "Another"})).refused(422, "key_reused");
    assert_eq!(site.get(&path, Some(&anna)).json()["title"], "A stool");
    let late = json!({"title": "Late", "expected_version": 1});
    patch(&anna, "e", late).refused(409, "version_mismatch");
    assert_eq!(site.get(&path, Some(&anna)).json()["title"], "A stool");
    patch(&bob, "a", json!({"title": "Mine"})).refused(404, "not_found");
    site.post(&format!("{path}/publish"), &anna, &Value::Null).expect(200);
    patch(&bob, "f", json!({"title": "Mine"})).refused(403, "forbidden");
    patch(&anna, "f", json!({"title": "Too late"})).refused(409, "terms_locked");
    assert_eq!(site.get(&path, None).json()["title"], "A stool");
    let addenda = format!("{path}/addenda");
    let note = json!({"text": "One leg is new."}).to_string();
    let told = site.ask("POST", &addenda, Some(&anna), Some("n"), &note);
    told.expect(201);
    assert_eq!(site.ask("POST", &addenda, Some(&anna), Some("n"), &note).text, told.text);
    let shown = site.get(&path, None).json();
    assert_eq!(shown["addenda"].as_array().unwrap().len(), 1);
    assert_eq!(shown["addenda"][0]["text"], "One leg is new.");
}

#[test]
fn operators_do_only_what_is_theirs() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let clerk = site.person("clerk", Roles::CLERK);
    let admin = site.person("chief", Roles::ADMIN);
    let path = site.auction(&anna, english());
    let verb =
        |verb: &str, by: &Person, body: Value| site.post(&format!("{path}/{verb}"), by, &body);
    for name in ["hold", "resume", "close"] {
        verb(name, &bob, json!({})).refused(403, "forbidden");
    }
    verb("cancel", &bob, json!({})).refused(403, "forbidden");
    verb("hold", &clerk, json!({"reason": "whim"})).refused(400, "malformed");
    verb("hold", &clerk, json!({"expected_version": 1})).refused(409, "version_mismatch");
    verb("resume", &clerk, json!({})).refused(409, "terms_locked");
    verb("hold", &clerk, json!({"note": "x".repeat(2001)})).refused(400, "malformed");
    site.bid(&path, &bob, 3000).expect(201);
    verb("cancel", &anna, json!({"reason": "withdrawn"})).refused(403, "forbidden");
    let ends = json!({"reason": "other", "ends_at": "2199-01-01T00:00:00Z"});
    verb("reopen", &admin, ends.clone()).refused(409, "terms_locked");
    verb("certify", &admin, json!({})).refused(409, "terms_locked");
    verb("bids/4/void", &clerk, json!({"reason": "mistake"})).refused(403, "forbidden");
    let voided = verb("bids/4/void", &admin, json!({"reason": "mistake"})).expect(200);
    assert_eq!((&voided["bid"], &voided["price"]), (&json!(4), &Value::Null));
    verb("bids/4/void", &admin, json!({"reason": "mistake"})).refused(409, "bid_gone");
    verb("bids/2/void", &admin, json!({"reason": "mistake"})).refused(404, "not_found");
    verb("close", &clerk, json!({"reason": "on_request"})).expect(200);
    verb("reopen", &clerk, ends.clone()).refused(403, "forbidden");
    assert_eq!(verb("reopen", &admin, ends).expect(200)["state"], "open");
    verb("cancel", &clerk, json!({"reason": "damaged"})).expect(200);
    verb("cancel", &clerk, json!({"reason": "damaged"})).refused(409, "closed");
}

#[test]
fn certified_by_hand_and_reopened() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let admin = site.person("chief", Roles::ADMIN);
    let body = json!({"preset": "ladder", "duration_seconds": 3600,
        "terms": {"certify": "manual"}});
    let path = site.auction(&anna, body);
    site.bid(&path, &bob, 100).expect(201);
    let post = |verb: &str, key: &str, body: Value| {
        site.ask("POST", &format!("{path}/{verb}"), Some(&admin), Some(key), &body.to_string())
    };
    post("close", "1", json!({})).expect(200);
    site.get(&format!("{path}/certificate"), None).refused(409, "not_yet");
    site.post(&format!("{path}/certify"), &bob, &json!({})).refused(403, "forbidden");
    let certified = post("certify", "2", json!({}));
    certified.expect(200);
    site.get(&format!("{path}/certificate"), None).expect(200);
    let ends = json!({"reason": "other", "ends_at": "2199-01-01T00:00:00Z"});
    let reopened = post("reopen", "3", ends.clone());
    reopened.expect(200);
    site.get(&format!("{path}/certificate"), None).refused(409, "not_yet");
    assert_eq!(post("certify", "2", json!({})).text, certified.text);
    assert_eq!(post("reopen", "3", ends.clone()).text, reopened.text);
    site.bid(&path, &bob, 500).expect(201);
    post("close", "4", json!({})).expect(200);
    assert_eq!(post("reopen", "3", ends).text, reopened.text);
    post("certify", "5", json!({})).expect(200);
    let certificate = site.get(&format!("{path}/certificate"), None).expect(200);
    let seeds: Vec<&Value> = certificate["openings"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(|fields| fields.get("seed").map(|seed| &seed["value"]))
        .collect();
    assert_eq!(seeds.len(), 2);
    assert_ne!(seeds[0], seeds[1]);
}

#[test]
fn approval_comes_before_bidding() {
    let site = Site::new();
    let (anna, bob, cleo) = (site.member("anna"), site.member("bob"), site.member("cleo"));
    let clerk = site.person("clerk", Roles::CLERK);
    let mut body = english();
    body["terms"] = json!({"eligibility": "approved"});
    let path = site.auction(&anna, body);
    site.bid(&path, &bob, 1000).refused(403, "not_registered");
    let post = |tail: &str, by: &Person| site.post(&format!("{path}/{tail}"), by, &Value::Null);
    let registered = post("register", &bob).expect(201);
    assert_eq!(
        (&registered["paddle"], &registered["registration"]),
        (&json!(1), &json!("registered"))
    );
    post("register", &bob).refused(400, "malformed");
    post("register", &anna).refused(403, "own_auction");
    site.bid(&path, &bob, 1000).refused(403, "not_approved");
    post("registrations/1/approve", &cleo).refused(403, "forbidden");
    post("registrations/2/approve", &anna).refused(404, "not_found");
    post("registrations/1/approve", &anna).expect(200);
    site.bid(&path, &bob, 1000).expect(201);
    post("registrations/1/decline", &clerk).expect(200);
    site.bid(&path, &bob, 2000).refused(403, "not_approved");
}

#[test]
fn keys_repeat_the_same_bytes_also_after_a_restart() {
    let mut site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    let clerk = site.person("clerk", Roles::CLERK);
    let mut create = english();
    create["buy_now"] = json!(9000);
    let create = create.to_string();
    let again = |site: &Site| {
        let made = site.ask("POST", "/v1/auctions", Some(&anna), Some("k"), &create);
        let path = format!("/v1/auctions/{}", made.expect(201)["id"]);
        let bids = format!("{path}/bids");
        let bid = site.ask("POST", &bids, Some(&bob), Some("k"), r#"{"amount":1000}"#);
        let hold = site.ask("POST", &format!("{path}/hold"), Some(&clerk), Some("k"), "");
        let resume = site.ask("POST", &format!("{path}/resume"), Some(&clerk), Some("l"), "");
        let register = site.ask("POST", &format!("{path}/register"), Some(&anna), Some("r"), "");
        register.refused(403, "own_auction");
        let cleo = &bob;
        let buy = site.ask("POST", &format!("{path}/buy-now"), Some(cleo), Some("b"), "");
        let all = [made, bid, hold, resume, buy];
        assert!(all.iter().all(|reply| reply.status < 300), "{all:?}");
        let texts: Vec<String> = all.into_iter().map(|reply| reply.text).collect();
        (path, texts)
    };
    let (path, first) = again(&site);
    assert_eq!(again(&site).1, first);
    site.restart();
    assert_eq!(again(&site).1, first);
    let carl = site.member("carl");
    let other = |path: &str, by: &Person, key: &str, body: &str| {
        site.ask("POST", path, Some(by), Some(key), body).refused(422, "key_reused")
    };
    other("/v1/auctions", &anna, "k", &create.replace("chair", "table"));
    other(&format!("{path}/bids"), &bob, "k", r#"{"amount":1001}"#);
    other(&format!("{path}/hold"), &clerk, "k", r#"{"reason":"damaged"}"#);
    let spaced = create.replace(':', " :  ");
    let same = site.ask("POST", "/v1/auctions", Some(&anna), Some("k"), &spaced);
    assert_eq!(same.text, first[0]);
    for (place, text) in first.iter().enumerate() {
        let body: Value = serde_json::from_str(text).unwrap();
        let operation = body["operation"].as_str().unwrap();
        let asked = format!("/v1/operations/{operation}");
        let told = site.get(&asked, Some([&anna, &bob, &clerk, &clerk, &bob][place])).expect(200);
        site.get(&asked, Some(&carl)).refused(404, "not_found");
        site.get(&asked, None).refused(401, "unauthenticated");
        assert_eq!(told["status"], "done");
        assert_eq!(told["response"]["body"], body, "{place}");
    }
    let unknown = "/v1/operations/1-00000000000000000000000000000000";
    site.get(unknown, Some(&bob)).refused(404, "not_found");
}

#[test]
fn a_read_waits_for_a_version_and_not_for_ever() {
    let site = Site::new();
    let anna = site.member("anna");
    let path = site.auction(&anna, english());
    site.get(&format!("{path}?at_least=3"), None).expect(200);
    site.get(&format!("{path}?at_least=4"), None).refused(409, "not_yet");
    site.get(&format!("{path}?at_least=x"), None).refused(400, "malformed");
    for wrong in ["0", "01", "+1", "-1", "x", "9007199254740992", "1%20"] {
        site.get(&format!("/v1/auctions/{wrong}"), None).refused(404, "not_found");
    }
}
