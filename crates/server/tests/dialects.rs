//! The dialects, as their own clients see them: transcripts against the real binary.

#[path = "dialects/callers.rs"]
mod callers;
#[path = "dialects/certifying.rs"]
mod certifying;
#[path = "dialects/clients.rs"]
mod clients;
#[path = "dialects/described.rs"]
mod described;
#[path = "dialects/five.rs"]
mod five;
#[path = "dialects/hostile.rs"]
mod hostile;
#[path = "dialects/lines.rs"]
mod lines;
#[path = "dialects/max_bid.rs"]
mod max_bid;
#[path = "live/node.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod node;
#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;
#[path = "floor/site.rs"]
mod site;
#[path = "dialects/together.rs"]
mod together;
#[path = "house/tour.rs"]
mod tour;
#[path = "house/transcript.rs"]
mod transcript;

use served::Served;
use std::path::Path;

/// Each dialect is asked the same alone at the root and among all.
fn says_as_written(name: &str) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects").join(name);
    let alone = Served::with(&[&format!("dialects.on={name}")]);
    let exchanges = transcript::run_all(&alone, &directory, "");
    let all = Served::with(&["dialects.on=all"]);
    assert_eq!(transcript::run_all(&all, &directory, &format!("/dialects/{name}")), exchanges);
}

#[test]
fn items_as_written() {
    says_as_written("items");
}

#[test]
fn flash_as_written() {
    says_as_written("flash");
}

#[test]
fn portal_as_written() {
    says_as_written("portal");
}

#[test]
fn marketplace_as_written() {
    says_as_written("marketplace");
}

#[test]
fn cars_as_written() {
    says_as_written("cars");
}

/// Runs a page against a house that speaks all dialects.
fn tells(page: &str, told: &[&str]) {
    let house = Served::with(&["dialects.on=all"]);
    let url = format!("http://{}", house.address);
    let variables = [("GAVEL_URL", &*url), ("ADMIN_PASSWORD", &house.password)];
    let (out, err) = tour::run(page, &variables);
    for words in told {
        assert!(out.contains(words), "{page}: {words}\n{out}\n{err}");
    }
}

#[test]
fn dialects_are_turned_on_as_described() {
    let told =
        ["\"code\":\"not_found\"", "Real-time Auction System API", "dialects.open=true", "refused"];
    tells("docs/dialects.md", &told);
}

#[test]
fn items_are_sold_as_described() {
    let told =
        ["below_minimum", "\"highest_bidder\":null", "Nothing waits to be done.", "\n3\n", "holds"];
    tells("docs/dialects/items.md", &told);
}

#[test]
fn the_marketplace_works_as_described() {
    let told = [
        "Real-time Auction System API 1.0.0",
        "version_mismatch",
        "[\"active\",10500]",
        "[[\"anna\",10000],[\"bruno\",10500]]",
    ];
    tells("docs/dialects/marketplace.md", &told);
}

#[test]
fn cars_are_sold_as_described() {
    let told = [
        "[\"live\",100000]",
        "\"anna\"",
        "\n1\n",
        "A bid that was made stands",
        "terms_locked",
        "\"dora\"",
    ];
    tells("docs/dialects/cars.md", &told);
}
