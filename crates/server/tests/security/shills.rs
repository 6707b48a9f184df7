//! Sellers behind other names: what links accounts, and the report that counts it.

use super::served::{Reply, Served};
use super::site::{Person, Site};
use gavel_auction::command::Roles;
use gavel_engine::traces::{Came, Trace};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";

/// A house behind a proxy, which says where people come from.
fn house() -> Served {
    Served::with(&["server.trusted_proxies=127.0.0.1", "house.url=https://auctions.example.com"])
}

/// Registers somebody from there.
fn join(house: &Served, name: &str, more: &Value, from: &str) -> i64 {
    let mut body = json!({"username": name, "email": format!("{name}@example.com"),
        "password": PASSWORD});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    let headers = format!("content-type: application/json\r\nx-forwarded-for: {from}\r\n");
    let made = house.send("POST", "/v1/users", &headers, body.to_string().as_bytes());
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_i64().unwrap()
}

/// Signs somebody in on a page of the house, with these cookies.
fn on_the_page(house: &Served, name: &str, from: &str, cookies: &str) -> Reply {
    let body = json!({"login": name, "password": PASSWORD, "cookie": true}).to_string();
    let headers = format!(
        "content-type: application/json\r\nx-forwarded-for: {from}\r\n\
         origin: https://auctions.example.com\r\n{cookies}"
    );
    let reply = house.send("POST", "/v1/session", &headers, body.as_bytes());
    assert_eq!(reply.status, 201, "{reply:?}");
    reply
}

/// What the browser is told to call itself.
fn device(reply: &Reply) -> String {
    let mut lines = reply.head.lines().filter_map(|line| line.split_once("__Host-gavel-device="));
    let line = lines.next_back().expect("a name for the browser").1;
    for word in ["Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(line.contains(word), "{line}");
    }
    line.split(';').next().unwrap().to_owned()
}

fn links(house: &Served, user: i64) -> Vec<(i64, String)> {
    let page = house.get(&format!("/v1/users/{user}/links"), Some(&house.admin()));
    assert_eq!(page.status, 200, "{page:?}");
    let of = |item: &Value| (item["user"].as_i64().unwrap(), item["by"].as_str().unwrap().into());
    page.json()["items"].as_array().unwrap().iter().map(of).collect()
}

#[test]
fn sec_s1_accounts_that_share_something_are_linked_and_others_are_not() {
    let mut house = house();
    let nobody = json!({});
    let seller = json!({"email": "Sam.Seller+lots@example.com", "phone": "+49 170 1234567"});
    let seller = join(&house, "seller", &seller, "203.0.113.7");
    let by_mail = json!({"email": "sam.seller@example.com"});
    let by_mail = join(&house, "by-mail", &by_mail, "203.0.113.8");
    let by_phone = join(&house, "by-phone", &json!({"phone": "0170/1234567"}), "203.0.113.9");
    let by_network = join(&house, "by-network", &nobody, "203.0.113.7");
    let by_device = join(&house, "by-device", &nobody, "203.0.113.10");
    let by_address = join(&house, "by-address", &nobody, "203.0.113.11");
    let stranger = join(&house, "stranger", &json!({"phone": "0170/1234568"}), "203.0.113.12");
    let named = device(&on_the_page(&house, "seller", "198.51.100.1", ""));
    let cookies = format!("cookie: __Host-gavel-device={named}\r\n");
    let again = on_the_page(&house, "by-device", "198.51.100.2", &cookies);
    assert_eq!(device(&again), named, "a browser keeps its name");
    let forged =
        on_the_page(&house, "stranger", "198.51.100.3", "cookie: __Host-gavel-device=x\r\n");
    assert!(device(&forged) != named && device(&forged).len() == 43);
    for (name, address) in
        [("seller", "1, High Street, London"), ("by-address", "1 high street london")]
    {
        let token = house.sign_in(name, PASSWORD);
        let body = json!({"address": address});
        assert_eq!(house.ask("PATCH", "/v1/users/me", Some(&token), &body).status, 200);
    }
    let expected = |by: &str, user: i64| (user, by.to_owned());
    let all = vec![
        expected("email", by_mail),
        expected("phone", by_phone),
        expected("network", by_network),
        expected("device", by_device),
        expected("address", by_address),
    ];
    // Signing in straight to the house, both were on one network, too.
    let apart = |links: Vec<(i64, String)>| -> Vec<_> {
        links
            .into_iter()
            .filter(|(user, by)| *user != 1 && (by != "network" || *user == by_network))
            .collect()
    };
    assert_eq!(apart(links(&house, seller)), all);
    assert_eq!(apart(links(&house, stranger)), []);

    // What is only in his profile goes with a change of it, and the rest with him.
    let token = house.sign_in("by-phone", PASSWORD);
    let change = json!({"phone": "0170 7654321"});
    assert_eq!(house.ask("PATCH", "/v1/users/me", Some(&token), &change).status, 200);
    let gone = format!("/v1/users/{by_device}");
    assert_eq!(house.ask("DELETE", &gone, Some(&house.admin()), &Value::Null).status, 204);
    let left: Vec<_> =
        all.into_iter().filter(|(user, _)| ![by_phone, by_device].contains(user)).collect();
    assert_eq!(apart(links(&house, seller)), left);

    // Another key of the indexes changes nothing.
    let token = house.sign_in("by-network", PASSWORD);
    let own = house.get("/v1/users/me/export", Some(&token)).body;
    assert!(own.contains("203.0.113.7"), "what is kept of him is his to take along: {own}");
    house.terminate();
    assert!(house.wait());
    let rotated = std::process::Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(["key", "rotate", "--data"])
        .arg(house.data.path())
        .output()
        .unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    house.again(&["server.trusted_proxies=127.0.0.1"]);
    assert_eq!(apart(links(&house, seller)), left);
}

#[test]
fn sec_s1_a_network_links_within_a_day_and_not_a_crowd() {
    let site = Site::new();
    let people: Vec<Person> = (0..24).map(|n| site.member(&format!("member{n:02}"))).collect();
    let house = site.house();
    let hour = 3_600_000_000_i64;
    let came = |person: &Person, network: &str, hours: i64| {
        let user = gavel_auction::ids::UserId::new(person.id).unwrap();
        let from = Came { device: None, network: network.to_owned() };
        house.people.came(user, &from, gavel_auction::time::Time(hours * hour)).unwrap();
    };
    let links = |person: &Person| -> Vec<i64> {
        let user = gavel_auction::ids::UserId::new(person.id).unwrap();
        let found = house.people.links(user, None, 100).unwrap();
        found.iter().filter(|link| link.by == Trace::Network).map(|link| link.user.get()).collect()
    };
    came(&people[0], "home", 1_000);
    came(&people[1], "home", 1_024);
    came(&people[2], "home", 1_049);
    assert_eq!(links(&people[0]), [people[1].id], "a day later, not two");
    assert_eq!(links(&people[1]), [people[0].id]);
    for person in &people[3..23] {
        came(person, "campus", 1_000);
    }
    assert_eq!(links(&people[3]).len(), 19, "twenty are no crowd");
    came(&people[23], "campus", 1_000);
    assert_eq!(links(&people[3]), Vec::<i64>::new(), "one more is");
}

/// Notes that somebody came by this device, from a network of the same name.
fn came(site: &Site, person: &Person, device: &str) {
    let user = gavel_auction::ids::UserId::new(person.id).unwrap();
    let from = Came { device: Some(device.to_owned()), network: device.to_owned() };
    let house = site.house();
    house.people.came(user, &from, house.now()).unwrap();
}

/// In how many auctions the lists know of somebody.
fn dealings(site: &Site, person: &Person) -> usize {
    let user = gavel_auction::ids::UserId::new(person.id).unwrap();
    site.house().engine.lists().dealings(user, 1_000).unwrap().len()
}

#[test]
fn sec_s1_who_bids_for_one_seller_alone_is_so_in_any_number_of_lots() {
    let site = Site::new();
    let (seller, shill) = (site.member("seller"), site.member("shill"));
    let admin = site.person("admin", Roles::ADMIN);
    let put_up = || site.auction(&seller, json!({"preset": "classic", "duration_seconds": 600}));
    for _ in 0..3 {
        site.bid(&put_up(), &shill, 1_000).expect(201);
    }
    (0..99).for_each(|_| drop(put_up()));
    let newest = put_up();
    site.bid(&newest, &shill, 1_000).expect(201);
    site.until(|| dealings(&site, &shill) == 4);
    let told = site.get(&format!("{newest}/shills"), Some(&admin)).expect(200);
    let first = &told["bidders"][0];
    assert_eq!((&first["lots_of_seller"], &first["lots"]), (&json!(4), &json!(4)), "{told}");
    assert_eq!(first["flags"], json!(["one_seller"]), "{told}");
}

#[test]
fn sec_s1_nobody_is_turned_away_because_his_trace_cannot_be_kept() {
    let site = Site::new();
    let people = rusqlite::Connection::open(site.data().join("people.db")).unwrap();
    people
        .execute_batch(
            "CREATE TRIGGER none BEFORE INSERT ON trace WHEN new.hour > 0
             BEGIN SELECT RAISE(ABORT, 'no trace'); END;",
        )
        .unwrap();
    let ask = |path: &str, body: &Value| site.ask("POST", path, None, None, &body.to_string());
    let anna = json!({"username": "anna", "email": "anna@example.com", "password": PASSWORD});
    let made = ask("/v1/users", &anna).expect(201);
    let session = json!({"login": "anna", "password": PASSWORD});
    let began = ask("/v1/session", &session).expect(201);
    assert_eq!(began["user"]["id"], made["id"]);
    let kept = people.query_row("SELECT count(*) FROM trace WHERE hour > 0", [], |row| row.get(0));
    assert_eq!(kept, Ok(0), "the test sees what it looks for");
}

#[test]
fn sec_s1_who_bids_for_a_seller_he_is_linked_with_is_flagged() {
    let site = Site::new();
    let (seller, other) = (site.member("seller"), site.member("other"));
    let (shill, anna) = (site.member("shill"), site.member("anna"));
    let admin = site.person("admin", Roles::ADMIN);
    for (person, device) in [(&seller, "one"), (&shill, "one"), (&anna, "two"), (&other, "three")] {
        came(&site, person, device);
    }
    // Three lots that the shill drives up and anna buys; one of somebody else.
    let classic = || json!({"preset": "classic", "duration_seconds": 600});
    let mut lots = Vec::new();
    for _ in 0..3 {
        let path = site.auction(&seller, classic());
        for (amount, by) in
            [(1_000, &anna), (2_000, &shill), (3_000, &anna), (4_000, &shill), (5_000, &anna)]
        {
            site.bid(&path, by, amount).expect(201);
        }
        site.post(&format!("{path}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
        lots.push(path);
    }
    let elsewhere = site.auction(&other, classic());
    for (amount, by) in [(1_000, &anna), (2_000, &seller)] {
        site.bid(&elsewhere, by, amount).expect(201);
    }
    let sealed = site.auction(&seller, json!({"preset": "sealed", "duration_seconds": 600}));
    site.bid(&sealed, &shill, 1_000).expect(201);

    let of = |path: &str| site.get(&format!("{path}/shills"), Some(&admin)).expect(200);
    site.until(|| dealings(&site, &shill) == 4);
    let told = of(&lots[0]);
    let (first, second) = (&told["bidders"][0], &told["bidders"][1]);
    assert_eq!((&first["user"], &first["paddle"]), (&json!(shill.id), &json!(2)), "{told}");
    let flags = json!(["linked_to_seller", "one_seller", "never_wins"]);
    assert_eq!((&first["flags"], &first["score"]), (&flags, &json!(5)), "{told}");
    let counted = |of: &Value| (of["lots_of_seller"].clone(), of["lots"].clone());
    assert_eq!(counted(first), (json!(3), json!(3)), "nothing is told of the fourth: {told}");
    let linked: Vec<_> = first["links"].as_array().unwrap().iter().map(|at| &at["by"]).collect();
    assert_eq!(linked, ["device", "network"]);
    assert_eq!((&first["sold"], &first["won"]), (&json!(3), &json!(0)));
    assert_eq!((&first["here"]["bids"], &first["here"]["at_once"]), (&json!(2), &json!(2)));
    assert_eq!((&second["user"], &second["flags"]), (&json!(anna.id), &json!([])), "{told}");
    assert_eq!(counted(second), (json!(3), json!(4)));
    assert_eq!((&second["won"], &second["here"]["won"]), (&json!(3), &json!(true)));

    let of_seller = site.get(&format!("/v1/users/{}/shills", seller.id), Some(&admin)).expect(200);
    assert_eq!(of_seller["bidders"][0]["user"], shill.id, "{of_seller}");
    let flagged = site.get("/v1/shills", Some(&admin)).expect(200);
    let found: Vec<_> = flagged["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["bidder"].as_i64().unwrap(), item["by"].clone()))
        .collect();
    assert_eq!(found, vec![(shill.id, json!(["device", "network"])); 3], "{flagged}");
    let refused = site.get(&format!("{sealed}/shills"), Some(&admin));
    refused.refused(409, "not_yet");
    site.post(&format!("{sealed}/close"), &admin, &json!({"reason": "on_request"})).expect(200);
    site.until(|| site.get(&format!("{sealed}/certificate"), None).status == 200);
    assert_eq!(counted(&of(&sealed)["bidders"][0]), (json!(4), json!(4)));

    // Each look has its line, and nobody else gets one.
    for by in [&seller, &shill] {
        site.get(&format!("{}/shills", lots[0]), Some(by)).refused(403, "forbidden");
    }
    let trail = site.get("/v1/audit", Some(&admin)).text;
    assert!(trail.contains(&format!("GET {}/shills", lots[0])), "{trail}");
    // Nothing was decided by it.
    assert_eq!(site.get("/v1/users/me", Some(&shill)).expect(200)["banned"], false);
}
