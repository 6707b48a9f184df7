//! Lists of auctions: pages that neither repeat nor skip, search, what is asked wrongly; and the
//! description of all routes.

#[path = "floor/site.rs"]
mod site;

use serde_json::json;
use site::{Person, Site};

fn lamp(site: &Site, seller: &Person, n: i64) -> String {
    let body = json!({"title": format!("Lamp {n}"), "category": "light",
        "starting_price": 100 + (n % 3), "ends_at": "2199-01-01T00:00:00Z",
        "starts_at": "2198-12-01T00:00:00Z"});
    site.auction(seller, body)
}

#[test]
fn lists_page_without_repeating_or_skipping() {
    let site = Site::new();
    let anna = site.member("anna");
    let create = |n: i64| lamp(&site, &anna, n);
    (0..25).for_each(|n| drop(create(n)));
    let all = "/v1/auctions?status=active&limit=100";
    site.until(|| site.get(all, None).json()["items"].as_array().unwrap().len() == 25);
    for sort in ["ending", "newest", "price"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/auctions?status=active&sort={sort}&limit=7{cursor}");
            let page = site.get(&path, None).expect(200);
            seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].clone()));
            match page["next_cursor"].as_str() {
                None => break,
                Some(next) => cursor = format!("&cursor={next}"),
            }
            if sort != "newest" {
                continue;
            }
            create(100);
        }
        let mut ids: Vec<i64> = seen.iter().map(|id| id.as_i64().unwrap()).collect();
        let old = ids.iter().filter(|id| **id <= 25).count();
        assert_eq!(old, 25, "{sort}: {ids:?}");
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{sort}");
    }
}

#[test]
fn a_list_answers_only_what_it_is_asked() {
    let site = Site::new();
    let (anna, bob) = (site.member("anna"), site.member("bob"));
    (0..5).for_each(|n| drop(lamp(&site, &anna, n)));
    let all = "/v1/auctions?status=active";
    site.until(|| site.get(all, None).json()["items"].as_array().unwrap().len() == 5);
    let page = site.get("/v1/auctions?limit=2", None).expect(200);
    assert_eq!(page["as_of"].as_array().unwrap().len(), 4);
    let cursor = page["next_cursor"].as_str().unwrap();
    for wrong in [
        format!("limit=2&sort=price&cursor={cursor}"),
        "cursor=x".to_owned(),
        format!("cursor={}", "A".repeat(32)),
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "status=odd".to_owned(),
        "sort=size".to_owned(),
        "seller=me".to_owned(),
        "colour=red".to_owned(),
        "limit=2&limit=3".to_owned(),
    ] {
        site.get(&format!("/v1/auctions?{wrong}"), None).refused(400, "malformed");
    }
    let found = |query: &str| {
        let page = site.get(&format!("/v1/auctions?{query}"), Some(&bob)).expect(200);
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(found("q=lamp+4"), 1);
    assert_eq!(found("category=light&limit=100&status=ended"), 0);
    assert_eq!(found(&format!("seller={}&limit=100", bob.id)), 0);
}

#[test]
fn the_description_knows_every_route() {
    let site = Site::new();
    let described = site.get("/openapi.json", None).expect(200);
    let auction = "/v1/auctions/{auction}";
    let all = [
        ("/v1/auctions".to_owned(), vec!["get", "post"]),
        (auction.to_owned(), vec!["get", "patch"]),
        (format!("{auction}/bids"), vec!["get", "post"]),
        (format!("{auction}/bids/mine"), vec!["get"]),
        (format!("{auction}/bids/{{bid}}"), vec!["delete"]),
        (format!("{auction}/bids/{{bid}}/void"), vec!["post"]),
        (format!("{auction}/registrations/{{paddle}}/approve"), vec!["post"]),
        (format!("{auction}/registrations/{{paddle}}/decline"), vec!["post"]),
        (format!("{auction}/events"), vec!["get"]),
        (format!("{auction}/certificate"), vec!["get"]),
        ("/v1/operations/{operation}".to_owned(), vec!["get"]),
    ];
    let verbs = [
        "publish", "hold", "resume", "cancel", "close", "reopen", "certify", "register", "addenda",
        "accept", "buy-now",
    ];
    let verbs = verbs.map(|verb| (format!("{auction}/{verb}"), vec!["post"]));
    for (path, methods) in all.into_iter().chain(verbs) {
        for method in methods {
            let route = &described["paths"][&path][method];
            assert!(route["responses"].is_object(), "{method} {path} is not described");
        }
    }
    assert!(described["components"]["schemas"].get("u64").is_none());
    let view = described["components"]["schemas"]["AuctionView"].to_string();
    for key in ["id", "seller", "terms", "outcome", "you", "paddles"] {
        assert!(view.contains(&format!("\"{key}\":{{")), "{key} is not described: {view}");
    }
}
