//! What README.md and the pages of `docs/` tell people to type, run literally: each in one shell,
//! some against a fresh house.

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;
#[path = "house/tour.rs"]
mod tour;

use served::Served;

/// Runs a document that needs a house.
fn says_beside_a_house(document: &str, told: &[&str], complained: &[&str]) {
    let house = Served::new();
    let url = format!("http://{}", house.address);
    checks(document, &tour::run(document, &[("GAVEL_URL", &url)]), told, complained);
}

/// Runs a document that needs nothing but itself.
fn says(document: &str, told: &[&str], complained: &[&str]) {
    checks(document, &tour::run(document, &[]), told, complained);
}

fn checks(document: &str, said: &(String, String), told: &[&str], complained: &[&str]) {
    let (out, err) = said;
    for words in told {
        assert!(out.contains(words), "{document}: {words}\n{out}\n{err}");
    }
    for words in complained {
        assert!(err.contains(words), "{document}: {words}\n{out}\n{err}");
    }
}

#[test]
fn operators_can_do_as_they_are_told() {
    let told = [
        "records of",
        "manifest.json",
        "the log has been read",
        "memory.settled_auctions",
        "All of it holds.",
        "gavel_auctions_quarantined 0",
    ];
    says("docs/operate.md", &told, &[]);
}

#[test]
fn people_keys_and_tokens_are_looked_after_as_described() {
    let told = [
        "the address is confirmed",
        "(this one)",
        "anna@example.com, confirmed",
        "has the roles: bidder.",
        "anna is shut out; his sessions have ended.",
        "anna is let in again.",
        "network",
        "Nobody here bids on what is sold by somebody he is linked with.",
        "Nobody has a paddle.",
        "\"role\":\"public\"",
        "User 2 is erased.",
        "User 2 was erased. The house signed:",
        "Erased again: 1",
        "not while it is open",
        "The vault has a new master key.",
        "another key",
        "erika@house.invalid",
        "gavel key rotate",
        "lines, each fits the one before",
        "403\n201\n__Host-gavel=",
        "must have one entry for each of `tokens.issuers`",
        "closed",
    ];
    says("docs/security.md", &told, &[]);
}

#[test]
fn imports_and_exports_work_as_described() {
    let told = [
        "4 would be created, 0 there already",
        "4 created, 0 there already",
        "0 created, 4 there already",
        "2 created, 0 there already",
        "exit code 2",
        "\"username\":\"admin\"",
        "\"state\":\"open\"",
        "everything/certificates.jsonl",
    ];
    let complained = [
        "2 rows are bad; nothing was imported",
        "bad.csv, line 2: seller: the username of a user of the house or of a row",
        "bad.csv, line 3: starting_price: a whole number",
    ];
    says("docs/import.md", &told, &complained);
}

#[test]
fn rules_are_held_against_recorded_auctions_as_described() {
    let told = [
        "479 of 479 as recorded",
        "448 of 479 as recorded",
        "1 of 1 as recorded",
        "exit code 2",
        "125.00 EUR (recorded 122.50",
        "\"bids\": 7870",
    ];
    says("docs/backtest.md", &told, &["line 3: seconds is `later`"]);
}

#[test]
fn every_kind_of_auction_can_be_tried() {
    let told = [
        "not met",
        "122.50 EUR",
        "Your bid stands.",
        "Your sealed bid is in.",
        "10945.00 EUR or less",
        "Dinner with the band",
    ];
    says_beside_a_house("docs/auctioneers.md", &told, &[]);
}

#[test]
fn integrators_find_the_api_as_described() {
    let told = [
        "\"code\":\"key_reused\"",
        "\"code\":\"not_yet\"",
        "\"status\":\"done\"",
        "event: bid_placed",
    ];
    says_beside_a_house("docs/integrate.md", &told, &[]);
}

#[test]
fn a_dispute_is_settled_from_files_alone() {
    let told = [
        "Certificate 5-8 holds.",
        "the accepted bid of 140.00 EUR is there, as event 6",
        "refused: closed, the auction has closed",
        "Refund: 22.00 EUR",
        "Refund: 0.00 EUR",
        "Signature Verified Successfully",
        "receipt: accepted at version 6, before the end",
        "receipt: refused at version 8, after the end",
        "head: nothing up to position 8 was changed or cut off",
        "Certificate 5-7 holds.",
        "Signature Verification Failure",
    ];
    let complained = [
        "the house did not keep to its receipt",
        "this is not the history that the receipt was given for",
        "wrong_event: the certificate does not hold: event 6 is wrong",
    ];
    says("docs/disputes.md", &told, &complained);
}

#[test]
fn the_tour_of_the_readme_works() {
    let told = [
        "Auction 1 is open",
        "You lead.",
        "\"standing\":\"outbid\"",
        "sold to paddle 1 for 122.50 EUR",
        "Certificate 1-",
        "479 of 479 as recorded",
    ];
    says_beside_a_house("README.md", &told, &["the certificate does not hold"]);
}

/// Runs the page of a dialect beside a house that speaks it.
fn says_in_a_dialect(name: &str, told: &[&str]) {
    let house = Served::with(&[&format!("dialects.on={name}")]);
    let url = format!("http://{}", house.address);
    let page = format!("docs/dialects/{name}.md");
    checks(&page, &tour::run(&page, &[("GAVEL_URL", &url)]), told, &[]);
}

#[test]
fn the_portal_is_spoken_to_as_described() {
    let told = [
        r#""amount":500,"auction_id":1,"id":4,"max_bid":500"#,
        r#""amount":300,"auction_id":1,"id":5,"max_bid":500"#,
        "[300]",
        r#""deleted":true,"id":4,"max_bid":300"#,
        r#"[{"id":1,"max_bid":300}]"#,
        "204",
    ];
    says_in_a_dialect("portal", &told);
}

#[test]
fn flash_sales_are_spoken_of_as_described() {
    let told = [
        r#""amount":15000.00,"current_high_bid":15000.00,"you_are_winning":true"#,
        r#""high_bidder_username":"jane""#,
        r#"{"status":"healthy"}"#,
    ];
    says_in_a_dialect("flash", &told);
}

#[test]
fn the_readme_names_every_command() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_gavel")).arg("--help").output();
    let help = String::from_utf8(help.expect("it runs").stdout).expect("text");
    let (_, commands) = help.split_once("Commands:\n").expect("its commands");
    let named = |line: &str| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned);
    let commands: Vec<_> = commands.lines().map_while(named).collect();
    assert!(commands.len() > 20, "{help}");
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).expect("a page");
    let table: String = readme.lines().filter(|line| line.starts_with("| `")).collect();
    for command in commands.iter().filter(|command| *command != "help") {
        let [alone, first] = [format!("`{command}`"), format!("`{command} ")];
        assert!(table.contains(&alone) || table.contains(&first), "{command}");
    }
}
