//! Alive at first sight: `gavel watch` until the hammer has fallen, the demonstration with its
//! auctions, bidders and pictures, and the page, which runs no script but its own file.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
#[expect(dead_code, reason = "each test binary uses a part of it")]
mod served;

use serde_json::{Value, json};
use served::Served;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

fn gavel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(args).env_clear().env("GAVEL_SESSION", "/nonexistent/session.json");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
}

fn auction(house: &Served, seller: &str, seconds: u32) -> String {
    let body = json!({"title": "A kettle", "currency": "EUR", "preset": "ladder",
        "duration_seconds": seconds});
    let made = house.ask("POST", "/v1/auctions", Some(seller), &body);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].to_string()
}

#[test]
fn an_auction_is_watched_until_its_result_is_certified() {
    let house = Served::new();
    let (seller, bidder) = (house.user("seller").1, house.user("bidder").1);
    let id = auction(&house, &seller, 4);
    let url = format!("http://{}", house.address);
    let lines = gavel(&["watch", &id, "--url", &url]).spawn().unwrap();
    let machine = gavel(&["watch", &id, "--after", "0", "--json", "--url", &url]).spawn().unwrap();
    for amount in [1000, 2000] {
        let path = format!("/v1/auctions/{id}/bids");
        let placed = house.ask("POST", &path, Some(&bidder), &json!({"amount": amount}));
        assert_eq!(placed.status, 201, "{placed:?}");
    }
    let lines = lines.wait_with_output().unwrap();
    let told = String::from_utf8(lines.stdout).unwrap();
    assert!(lines.status.success(), "{told}");
    assert!(told.contains("A kettle") && told.contains("sold to paddle 1"), "{told}");
    assert!(!told.contains('\u{1b}'), "no escape codes where there is no terminal: {told}");
    let machine = machine.wait_with_output().unwrap();
    assert!(machine.status.success());
    let events: Vec<Value> = String::from_utf8(machine.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let logged = house.get(&format!("/v1/auctions/{id}/events"), None).json();
    assert_eq!(json!(events), logged["items"], "the log, a line an event");
    // Of what is over there is nothing to wait for.
    assert!(gavel(&["watch", &id, "--url", &url]).status().unwrap().success());
    let none = gavel(&["watch", "99", "--url", &url]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8(none.stderr).unwrap().contains("not_found"));
}

#[test]
fn watching_ends_well_when_it_is_interrupted() {
    let house = Served::new();
    let seller = house.user("seller").1;
    let id = auction(&house, &seller, 3600);
    let url = format!("http://{}", house.address);
    let mut child = gavel(&["watch", &id, "--url", &url]).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("A kettle"), "{first}");
    signal(&child, "-INT");
    assert!(child.wait().unwrap().success());
}

/// A terminal with `gavel watch` in it; what it shows goes to a file.
fn terminal(words: &str, shows: &std::path::Path) -> Child {
    let command = format!("{} {words}", env!("CARGO_BIN_EXE_gavel"));
    let mut script = Command::new("script");
    script.args(["-qefc", &command]).arg(shows).env("GAVEL_SESSION", "/nonexistent/session.json");
    script.env("TERM", "xterm").stdin(Stdio::null()).stdout(Stdio::null());
    script.spawn().unwrap()
}

#[test]
fn a_terminal_attends_the_live_room_and_says_when_the_house_is_away() {
    let mut house = Served::new();
    let ((_, seller), (_, bidder)) = (house.user("seller"), house.user("bidder"));
    let id = auction(&house, &seller, 3600);
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("shown");
    let words = format!("watch {id} --url http://{} --token {bidder}", house.address);
    let mut watching = terminal(&words, &file);
    let shows = |what: &str| {
        let shown = || std::fs::read_to_string(&file).unwrap_or_default();
        let found = (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            shown().contains(what)
        });
        assert!(found, "{what}: {}", shown());
    };
    shows("nobody else watches");
    let text = json!({"message": "good evening"});
    let said = house.ask("POST", &format!("/v1/auctions/{id}/chat"), Some(&seller), &text);
    assert_eq!(said.status, 201, "{said:?}");
    shows("good evening");
    let path = format!("/v1/auctions/{id}/bids");
    house.ask("POST", &path, Some(&bidder), &json!({"amount": 1000}));
    shows("you: leading");
    shows("paddle 1 bids 10.00 EUR");
    house.kill();
    shows("the house is away: this is 1 s old");
    watching.kill().unwrap();
    watching.wait().unwrap();
}

fn get(address: &str, path: &str) -> (u16, String, String) {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), body.to_owned())
}

#[test]
fn the_demonstration_is_alive_and_leaves_nothing_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let mut child = gavel(&["serve", "--demo", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", scratch.path())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let address = first.split_once("http://").unwrap().1.to_owned();
    let mut said = lines.by_ref().take_while(|line| !line.starts_with("Bid along"));
    assert!(said.any(|line| line.contains("made up")));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
    let open = || -> Vec<Value> {
        let (_, _, body) = get(&address, "/v1/auctions?status=open&limit=100");
        let page: Value = serde_json::from_str(&body).unwrap();
        page["items"].as_array().unwrap().clone()
    };
    let alive = (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let items = open();
        let bids: u64 = items.iter().map(|item| item["bid_count"].as_u64().unwrap()).sum();
        items.len() == 12 && bids >= 3
    });
    assert!(alive, "{:?}", open());
    for item in open() {
        let picture = format!("/pictures/{}.svg", item["category"].as_str().unwrap());
        let (status, head, body) = get(&address, &picture);
        assert!(status == 200 && head.contains("image/svg+xml"), "{picture}: {head}");
        assert!(body.starts_with("<svg") && !body.contains("script"), "{picture}");
        assert!(item["description"].as_str().unwrap().contains("demonstration"));
        assert_eq!(item["seller"]["username"], "demo_house");
    }
    assert_eq!(get(&address, "/pictures/elephants.svg").0, 200, "there is one for all others");
    assert_eq!(get(&address, "/pictures/elephants").0, 404);
    let (_, _, meta) = get(&address, "/v1/meta");
    assert!(meta.contains("(demonstration)"));
    signal(&child, "-TERM");
    assert!(child.wait().unwrap().success());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn a_demonstration_never_takes_a_house_with_data() {
    let mut house = Served::new();
    house.terminate();
    assert!(house.wait());
    let data = house.data.path().to_str().unwrap();
    let refused = gavel(&["serve", "--demo", "--data", data, "--listen", "127.0.0.1:0"]);
    let refused = { refused }.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("holds no demonstration"));
}

#[test]
fn the_page_runs_its_own_files_only() {
    let house = Served::new();
    let page = house.get("/", None);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"));
    assert!(!policy.contains("unsafe"));
    let tags = |name: &str| page.body.matches(name).count();
    assert_eq!((tags("<script"), tags("<script src=\"/page.js\"")), (1, 1));
    assert!(tags("<style") == 0 && !page.body.contains("style=") && !page.body.contains("onclick"));
    let parts = ["/page/desk.js", "/page/show.js", "/page/visitor.js", "/live/live.js"];
    for file in ["/page.js", "/page.css", "/page.svg"].into_iter().chain(parts) {
        let body = house.get(file, None);
        assert_eq!(body.status, 200);
        assert!(!body.body.contains("innerHTML") && !body.body.contains("eval("), "{file}");
    }
}
