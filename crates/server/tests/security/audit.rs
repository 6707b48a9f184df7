//! The audit trail of a real house: what has a line, who may read it, and what `gavel audit` says
//! of one that was touched.

use super::served::Served;
use super::site::Site;
use super::small::{Small, fill};
use gavel_auction::command::Roles;
use gavel_server::http::dialects::DIALECTS;
use gavel_server::permissions::Verb;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const JSON: &str = "content-type: application/json\r\n";

/// A name that would like to be two lines.
const TWO_LINES: &str = "mallory\n{\"level\":\"ERROR\",\"number\":1}\r\u{1b}[2J\u{2028}";

fn lines(house: &Served, admin: &str, after: u64) -> Vec<Value> {
    let page = house.get(&format!("/v1/audit?after={after}"), Some(admin));
    assert_eq!(page.status, 200, "{page:?}");
    page.json()["items"].as_array().unwrap().clone()
}

fn gavel(data: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    let done = command.args(["audit", "--data"]).arg(data).args(more).output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn sec_s28_what_the_houses_people_do_has_a_line_each_and_nobody_can_change_one() {
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("log");
    let mut house = Served::logging(&log, &["log.json=true", "log.level=debug"]);
    let (anna, anna_token) = house.user("anna");
    let admin = house.admin();
    let ask = |method: &str, path: &str, body: Value| house.ask(method, path, Some(&admin), &body);
    let wrong = json!({"login": "anna", "password": "not her password"});
    assert_eq!(house.ask("POST", "/v1/session", None, &wrong).status, 401);
    let two = json!({"login": TWO_LINES, "password": TWO_LINES});
    assert_eq!(house.ask("POST", "/v1/session", None, &two).status, 401);
    let two = json!({"username": TWO_LINES, "email": "m@example.com", "password": "a password!"});
    assert_eq!(house.ask("POST", "/v1/users", None, &two).status, 400);
    assert_eq!(house.get("/v1/users?q=anna@example.com", Some(&admin)).status, 200);
    let user = format!("/v1/users/{anna}");
    assert_eq!(house.ask("POST", &format!("{user}/ban"), Some(&anna_token), &two).status, 403);
    assert_eq!(house.ask("POST", &format!("{user}/ban"), None, &two).status, 401);
    let headers = format!("{JSON}authorization: Bearer {anna_token}\r\nidempotency-key: k\r\n");
    let create = br#"{"title":"A pot","currency":"EUR","preset":"english","duration_seconds":600}"#;
    let made = house.send("POST", "/v1/auctions", &headers, create);
    assert_eq!(made.status, 201, "{made:?}");
    let auction = format!("/v1/auctions/{}", made.json()["id"]);
    let headers = format!("{JSON}authorization: Bearer {admin}\r\nidempotency-key: k\r\n");
    let closed =
        house.send("POST", &format!("{auction}/close"), &headers, br#"{"reason":"mistake"}"#);
    assert_eq!(closed.status, 200, "{closed:?}");
    assert_eq!(ask("PATCH", &format!("{user}/roles"), json!({"roles": ["bidder"]})).status, 200);
    assert_eq!(ask("POST", &format!("{user}/ban"), json!({"reason": TWO_LINES})).status / 100, 4);
    assert_eq!(ask("POST", &format!("{user}/ban"), json!({"reason": "shill"})).status / 100, 2);
    assert_eq!(ask("DELETE", &user, Value::Null).status / 100, 2);
    let lines = lines(&house, &admin, 0);
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let word = |name: &str| line[name].as_str().unwrap().to_owned();
            format!("{} {} {}", line["by"], word("act"), word("outcome"))
        })
        .collect();
    let expected = [
        format!("{anna} POST /v1/session done"),
        "1 POST /v1/session done".to_owned(),
        format!("{anna} POST /v1/session refused: 401"),
        "null POST /v1/session refused: 401".to_owned(),
        "1 GET /v1/users done".to_owned(),
        format!("{anna} POST {user}/ban refused: 403"),
        format!("null POST {user}/ban refused: 401"),
        format!("1 POST {auction}/close done"),
        format!("1 PATCH {user}/roles done"),
        format!("1 POST {user}/ban done"),
        format!("1 DELETE {user} done"),
    ];
    assert_eq!(told, expected);
    assert_eq!(self::lines(&house, &admin, 9)[0]["number"], 10);
    assert_eq!(house.get("/v1/audit?after=-1", Some(&admin)).status, 400);
    // Every line of the log is one of the house's own making.
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{text}");
    house.terminate();
    assert!(house.wait());
    touched(house.data.path());
}

/// What `gavel audit` says of the trail as it is, and of one that was touched.
fn touched(data: &Path) {
    let path = data.join("audit.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    assert_eq!(whole.lines().count(), 11);
    for secret in ["anna", "mallory", "password", "shill"] {
        assert!(!whole.contains(secret), "{secret}: {whole}");
    }
    let (code, said) = gavel(data, &["--last", "2"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("11 lines, each fits the one before"), "{said}");
    assert!(said.contains("DELETE /v1/users") && !said.contains("PATCH"), "{said}");
    let head = said.split("elsewhere: ").nth(1).unwrap().trim().to_owned();
    assert_eq!(gavel(data, &["--head", &head]).0, Some(0));
    assert_eq!(gavel(data, &["--head", "nonsense"]).0, Some(2));
    std::fs::write(&path, whole.replacen("refused: 403", "done", 1)).unwrap();
    let (code, said) = gavel(data, &[]);
    assert_eq!((code, said.contains("line 6 of")), (Some(1), true), "{said}");
    let without: String = whole
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 8)
        .fold(String::new(), |text, (_, line)| text + line + "\n");
    std::fs::write(&path, without).unwrap();
    let (code, said) = gavel(data, &[]);
    assert_eq!((code, said.contains("line 9 of")), (Some(1), true), "{said}");
    // Its end cut off: seen beside the head only.
    let cut: String = whole.lines().take(10).fold(String::new(), |text, line| text + line + "\n");
    std::fs::write(&path, cut).unwrap();
    assert_eq!(gavel(data, &[]).0, Some(0));
    let (code, said) = gavel(data, &["--head", &head]);
    assert_eq!((code, said.contains("line 11 is another, or gone")), (Some(1), true), "{said}");
    std::fs::write(&path, whole).unwrap();
}

#[test]
fn sec_s28_whoever_hangs_up_before_the_answer_leaves_his_line_all_the_same() {
    let site = Site::new();
    let admin = site.person("ada", Roles { admin: true, ..Roles::default() });
    site.get("/v1/audit", Some(&admin)).expect(200);
    let members: Vec<_> = (0..40).map(|n| site.member(&format!("member{n}"))).collect();
    for (n, member) in (0..).zip(&members) {
        let ban = http::Request::post(format!("/v1/users/{}/ban", member.id))
            .header("authorization", format!("Bearer {}", admin.token))
            .header("content-type", "application/json")
            .body(axum::body::Body::from(r#"{"reason":"shill"}"#));
        site.hang_up(ban.unwrap(), Duration::from_millis(n % 8));
    }
    let line = |page: &Value, id: i64| {
        let act = json!(format!("POST /v1/users/{id}/ban"));
        page["items"].as_array().unwrap().iter().any(|line| line["act"] == act)
    };
    let banned = |id: i64| {
        site.get(&format!("/v1/users/{id}/profile"), Some(&admin)).json()["user"]["banned"] == true
    };
    site.until(|| members.iter().filter(|member| banned(member.id)).count() >= 10);
    for member in &members {
        site.until(|| {
            let page = site.get("/v1/audit?limit=100", Some(&admin)).json();
            banned(member.id) == line(&page, member.id)
        });
    }
}

#[test]
fn sec_s28_a_line_says_what_came_of_an_act_as_far_as_it_is_known() {
    let site = Site::new();
    let admin = site.person("ada", Roles { admin: true, ..Roles::MEMBER });
    let (seller, bidder) = (site.member("seller"), site.member("bidder"));
    let auction = site.auction(&seller, json!({"preset": "ladder", "duration_seconds": 600}));
    site.bid(&auction, &bidder, 1_000).expect(201);
    site.bid(&auction, &admin, 2_000).expect(201);
    site.bid(&auction, &admin, 1).refused(422, "not_above_own");
    let void = http::Request::post(format!("{auction}/bids/999/void"))
        .header("authorization", format!("Bearer {}", admin.token))
        .header("content-type", "application/json")
        .header("prefer", "respond-async")
        .body(axum::body::Body::from(r#"{"reason":"mistake"}"#));
    assert_eq!(site.send(void.unwrap()).status, 202);
    let page = site.get("/v1/audit", Some(&admin)).expect(200);
    let told: Vec<_> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            assert_eq!(line["by"], admin.id);
            (line["act"].as_str().unwrap(), line["outcome"].as_str().unwrap())
        })
        .collect();
    let (bid, void) = (format!("POST {auction}/bids"), format!("POST {auction}/bids/999/void"));
    assert_eq!(told, [(&*bid, "done"), (&*void, "asked for")]);
}

#[test]
fn sec_s28_no_answer_leaves_without_its_line() {
    let (data, small) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(_mounted) = Small::mounted(small.path()) else {
        println!("skipped: may not mount a file system here");
        return;
    };
    let trail = small.path().join("audit.jsonl");
    std::os::unix::fs::symlink(trail, data.path().join("audit.jsonl")).unwrap();
    let house = Served::on(data, &[]);
    let ((anna, _), admin) = (house.user("anna"), house.admin());
    let ban = || {
        let path = format!("/v1/users/{anna}/ban");
        house.ask("POST", &path, Some(&admin), &json!({"reason": "shill"}))
    };
    let ballast = small.path().join("ballast");
    fill(&ballast);
    // What is left of the file's last block takes some lines.
    let without = (0..100).map(|_| ban()).find(|reply| reply.status != 200).unwrap();
    assert_eq!((without.status, without.code().as_str()), (503, "outcome_unknown"));
    assert!(without.body.contains("What was asked is: done."), "{without:?}");
    std::fs::remove_file(ballast).unwrap();
    assert_eq!(ban().status, 200);
    let (code, said) = gavel(house.data.path(), &[]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn sec_s28_nobody_fills_the_trail_by_being_refused() {
    let house = Served::new();
    let (_, token) = house.user("anna");
    let begun = 1;
    let tries = 400;
    for _ in 0..tries {
        assert_eq!(house.get("/v1/users", Some(&token)).status, 403);
    }
    // The next line that is written tells how many have none.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let admin = house.admin();
    let (mut refused, mut left_out, mut after) = (0, 0, begun);
    loop {
        let page = lines(&house, &admin, after);
        let Some(last) = page.last() else { break };
        after = last["number"].as_u64().unwrap();
        refused += page.iter().filter(|line| line["outcome"] == "refused: 403").count() as u64;
        left_out += page.iter().filter_map(|line| line["left_out"].as_u64()).sum::<u64>();
    }
    assert_eq!(refused + left_out, tries);
    assert!(refused >= 100 && left_out > 0, "{refused} and {left_out}");
}

#[test]
fn sec_s29_the_trail_goes_along_with_a_backup_and_goes_on_after_a_restart() {
    let scratch = tempfile::tempdir().unwrap();
    let mut house = Served::new();
    let admin = house.admin();
    assert_eq!(lines(&house, &admin, 0).len(), 1);
    let run = |args: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_gavel")).args(args).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let data = house.data.path().display().to_string();
    run(&["backup", "--data", &data, "--to", &path("backup")]);
    run(&["restore", "--from", &path("backup"), "--data", &path("restored")]);
    let kept = std::fs::read(house.data.path().join("audit.jsonl")).unwrap();
    assert_eq!(std::fs::read(Path::new(&path("restored")).join("audit.jsonl")).unwrap(), kept);
    house.terminate();
    assert!(house.wait());
    run(&["key", "rotate", "--data", &data]);
    let (code, said) = gavel(house.data.path(), &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("gavel key rotate") && said.contains("2 lines"), "{said}");
}

#[test]
fn sec_s28_heads_of_the_trail_are_signed_by_the_house() {
    let house = Served::new();
    let admin = house.admin();
    let page = house.get("/v1/audit", Some(&admin)).json();
    let signed = page["signed_head"].as_str().unwrap();
    assert!(signed.starts_with(&format!("{}:{}:", page["number"], page["head"].as_str().unwrap())));
    house.admin();
    let (code, said) = gavel(house.data.path(), &["--head", signed]);
    assert_eq!(code, Some(0), "{said}");
    let (head, signature) = signed.rsplit_once(':').unwrap();
    let forged = format!("{head}:{}", signature.chars().rev().collect::<String>());
    let (code, said) = gavel(house.data.path(), &["--head", &forged]);
    assert!(code == Some(1) && said.contains("has not signed"), "{said}");
    let other = Served::new();
    let (code, said) = gavel(other.data.path(), &["--head", signed]);
    assert!(code == Some(1) && said.contains("has not signed"), "{said}");
}

const PASSWORD: &str = "correct horse battery staple";

/// A house that wants four eyes, with a second administrator who was made before.
fn two_admins() -> (Served, i64) {
    let mut house = Served::new();
    let (second, _) = house.user("second");
    let roles = json!({"roles": ["admin", "seller"]});
    let path = format!("/v1/users/{second}/roles");
    assert_eq!(house.ask("PATCH", &path, Some(&house.admin()), &roles).status, 200);
    house.terminate();
    assert!(house.wait());
    house.again(&["house.four_eyes=true"]);
    (house, second)
}

#[test]
fn sec_s29_nobody_makes_a_second_self_and_what_waits_is_listed_and_outlives_the_house() {
    let (mut house, second) = two_admins();
    let (admin, second_token) = (house.admin(), house.sign_in("second", PASSWORD));
    let (crony, crony_token) = house.user("crony");
    let path = format!("/v1/users/{crony}/roles");
    let roles = json!({"roles": ["admin"]});
    let give = |house: &Served, token: &str| house.ask("PATCH", &path, Some(token), &roles).status;
    let is = |house: &Served| {
        let own = house.get("/v1/users/me", Some(&crony_token)).json();
        own["roles"].as_array().unwrap().contains(&json!("admin"))
    };
    assert_eq!((give(&house, &admin), is(&house)), (202, false), "one is not enough");
    assert_eq!((give(&house, &crony_token), is(&house)), (403, false), "nor he himself");
    let waits =
        |house: &Served, token: &str| house.get("/v1/waiting", Some(token)).json()["items"].clone();
    let listed = waits(&house, &second_token);
    let item = &listed[0];
    assert_eq!((&item["asked_by"], &item["body"]), (&json!(1), &roles), "{listed}");
    assert_eq!((&item["method"], &item["path"]), (&json!("PATCH"), &json!(path)), "{listed}");
    house.kill();
    house.again(&["house.four_eyes=true"]);
    assert_eq!(waits(&house, &admin), listed, "also after a crash");
    assert_eq!((give(&house, &admin), is(&house)), (202, false), "he is one still");

    // The second one, by what the list says.
    let session = tempfile::NamedTempFile::new().unwrap();
    let gavel = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
        command.args(arguments).env("GAVEL_URL", format!("http://{}", house.address));
        let done = command.env("GAVEL_SESSION", session.path()).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    };
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), PASSWORD).unwrap();
    let file = password.path().display().to_string();
    std::fs::remove_file(session.path()).unwrap();
    let signed_in = gavel(&["login", "second", "--password-file", &file]);
    assert!(signed_in.0, "{}", signed_in.1);
    let (_, said) = gavel(&["waiting"]);
    assert!(said.contains(item["act"].as_str().unwrap()) && said.contains(&path), "{said}");
    let (fine, said) = gavel(&["waiting", "--withdraw", item["act"].as_str().unwrap()]);
    assert!(!fine && said.contains("not_found"), "he has not asked for it: {said}");
    let (fine, said) = gavel(&["waiting", "--second", "0000"]);
    assert!(!fine && said.contains("no act 0000 waits"), "{said}");
    let (fine, said) = gavel(&["waiting", "--second", item["act"].as_str().unwrap()]);
    assert!(fine && said.contains("done"), "{said}");
    assert!(is(&house));
    assert_eq!(waits(&house, &admin), json!([]), "it waits no more");
    assert_ne!(second, crony);
}

#[test]
fn sec_s29_the_first_eye_is_one_who_could_do_it_alone() {
    let (house, second) = two_admins();
    let (admin, second_token) = (house.admin(), house.sign_in("second", PASSWORD));
    let (crony, _) = house.user("crony");
    let roles = |id: &str| format!("/v1/users/{id}/roles");
    let ask = |method: &str, path: &str, by: &str, body: &Value| {
        let reply = house.ask(method, path, Some(by), body);
        let json: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        (reply.status, json["code"].as_str().unwrap_or_default().to_owned())
    };
    let (more, few) = (json!({"roles": ["admin", "clerk"]}), json!({"roles": ["bidder"]}));
    let (waits, done) = ((202, String::new()), (200, String::new()));
    let forbidden = (403, "forbidden".to_owned());
    let none = (404, "not_found".to_owned());
    // Nobody does it to himself, in whatever letters he names himself; nor to nobody.
    for path in [roles(&second.to_string()), roles(&format!("%3{second}"))] {
        assert_eq!(ask("PATCH", &path, &second_token, &more), forbidden, "{path}");
    }
    let own = format!("/v1/users/{second}");
    assert_eq!(ask("DELETE", &own, &second_token, &Value::Null), forbidden);
    for id in ["999", "x"] {
        assert_eq!(ask("PATCH", &roles(id), &second_token, &few), none, "{id}");
    }
    let long = json!({"roles": ["bidder"], "more": "x".repeat(16 * 1024)});
    let crony = roles(&crony.to_string());
    assert_eq!(ask("PATCH", &crony, &second_token, &long), (413, "too_large".to_owned()));
    let listed = |query: &str| house.get(&format!("/v1/waiting{query}"), Some(&admin)).json();
    assert_eq!(listed("")["items"], json!([]), "nothing of that waits");

    // Page by page; and whoever asked withdraws it.
    assert_eq!(ask("PATCH", &crony, &second_token, &more), waits);
    assert_eq!(ask("PATCH", &crony, &admin, &few), waits);
    let first = listed("?limit=1");
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = listed(&format!("?limit=1&cursor={cursor}"));
    let bodies = [&first, &rest].map(|page| page["items"][0]["body"].clone());
    assert_eq!((bodies, &rest["next_cursor"]), ([more.clone(), few.clone()], &Value::Null));
    let act = format!("/v1/waiting/{}", rest["items"][0]["act"].as_str().unwrap());
    assert_eq!(ask("DELETE", &act, &second_token, &Value::Null), none, "it is not his");
    assert_eq!(ask("DELETE", &act, &admin, &Value::Null).0, 204);
    assert_eq!(ask("PATCH", &crony, &second_token, &few), waits, "he is the first now");

    // What somebody asked for who was shut out since has nobody asked for.
    let ban = format!("/v1/users/{second}/ban");
    assert_eq!(ask("POST", &ban, &admin, &json!({"reason": "fraud"})), done);
    assert_eq!(listed("")["items"], json!([]));
    assert_eq!(ask("PATCH", &crony, &admin, &more), waits);
}

#[test]
fn sec_s29_two_must_ask_for_what_cannot_be_taken_back() {
    let (house, second) = two_admins();
    let (admin, second_token) = (house.admin(), house.sign_in("second", PASSWORD));
    let (anna, anna_token) = house.user("anna");
    assert!(second > 1);
    let made = json!({"title": "A pot", "currency": "EUR", "preset": "classic",
        "duration_seconds": 600});
    let made = house.ask("POST", "/v1/auctions", Some(&second_token), &made).json();
    let auction = format!("/v1/auctions/{}", made["id"]);
    let bids = format!("{auction}/bids");
    let bid = house.ask("POST", &bids, Some(&anna_token), &json!({"amount": 1_000})).json();
    let void = format!("{bids}/{}/void", bid["bid"]);
    let count = || house.get(&auction, None).json()["bid_count"].clone();
    let ask = |token: &str, reason: &str| {
        house.ask("POST", &void, Some(token), &json!({"reason": reason})).status
    };
    assert_eq!(ask(&admin, "mistake"), 202);
    assert_eq!(ask(&admin, "mistake"), 202, "one with two hands is still one");
    assert_eq!(ask(&second_token, "fraud"), 202, "that is something else");
    assert_eq!(ask(&anna_token, "mistake"), 403);
    assert_eq!(count(), 1);
    assert_eq!(ask(&second_token, "mistake"), 200);
    assert_eq!(count(), 0);
    let user = format!("/v1/users/{anna}");
    let erase = |token: &str| house.ask("DELETE", &user, Some(token), &Value::Null).status;
    assert_eq!((erase(&admin), house.get(&user, None).status), (202, 200));
    assert_eq!((erase(&second_token), house.get(&user, None).status), (204, 404));
    let told = lines(&house, &admin, 0);
    let of = |outcome: &str| {
        let about = |line: &&Value| line["act"].as_str().unwrap().ends_with("/void");
        told.iter().filter(about).filter(|line| line["outcome"] == outcome).count()
    };
    assert_eq!((of("asked for: another one must, too"), of("done")), (3, 1), "{told:?}");
}

#[test]
fn sec_s29_no_dialect_does_alone_what_takes_two() {
    let takes_two = [Verb::Undo, Verb::ManagePeople, Verb::GiveRoles];
    for dialect in DIALECTS {
        let verbs = dialect.doors.iter().flat_map(|(_, verbs)| verbs.iter());
        for (method, verb) in verbs {
            assert!(!takes_two.contains(verb), "{} {method}: {}", dialect.name, verb.word());
        }
    }
    let house = Served::with(&["house.four_eyes=true", "dialects.on=all"]);
    let admin = house.admin();
    let ask = |method: &str, path: &str, by: Option<&str>, body: Value| {
        house.ask(method, path, by, &body)
    };
    let (portal, cars) = ("/dialects/portal", "/dialects/cars");
    let (anna, anna_token) = house.user("anna");
    let ada = ask("PUT", &format!("{portal}/user"), None, json!({"name": "ada"})).json();
    let bob = ask("POST", &format!("{cars}/users"), None, json!({"username": "bob"})).json();
    let put_up = || {
        let lot = json!({"title": "A bus", "duration_seconds": 600});
        ask("PUT", &format!("{portal}/auction?sync=true"), None, lot).json()["id"].clone()
    };
    let (lot, over) = (put_up(), put_up());
    let bids = format!("/v1/auctions/{lot}/bids");
    let hers = ask("POST", &bids, Some(&anna_token), json!({"amount": 1_000})).json();
    let his = json!({"auction": lot, "user": bob["id"], "amount": 1_500});
    let his = ask("POST", &format!("{cars}/bids"), None, his).json();
    let closing = ask("POST", &format!("/v1/auctions/{over}/close"), Some(&admin), json!({}));
    assert_eq!(closing.status, 200, "{closing:?}");
    let before = [&lot, &over].map(|id| house.get(&format!("/v1/auctions/{id}"), None).json());
    assert_eq!((&before[0]["bid_count"], &before[1]["state"]), (&json!(2), &json!("passed")));
    let later = json!({"ends_at": 4_102_444_800_000_i64});
    for (method, path, body) in [
        ("DELETE", format!("{portal}/auction/{lot}/bid/{}?sync=true", hers["bid"]), Value::Null),
        ("DELETE", format!("{cars}/bids/{}", his["id"]), Value::Null),
        ("PUT", format!("{cars}/bids/{}", his["id"]), json!({"amount": 1})),
        ("PUT", format!("{cars}/auctions/{over}"), later),
        ("DELETE", format!("{cars}/auctions/{over}"), Value::Null),
        ("DELETE", format!("{portal}/user/{}", ada["id"]), Value::Null),
        ("DELETE", format!("{portal}/user/{}", bob["id"]), Value::Null),
        ("DELETE", format!("{portal}/user/{anna}"), Value::Null),
        ("DELETE", format!("{cars}/users/{}", ada["id"]), Value::Null),
        ("DELETE", format!("{cars}/users/{}", bob["id"]), Value::Null),
        ("DELETE", format!("{cars}/users/{anna}"), Value::Null),
    ] {
        let reply = ask(method, &path, Some(&admin), body);
        assert!((400..500).contains(&reply.status), "{method} {path}: {reply:?}");
    }
    // Nor does it by leaving out his token: an account is nobody's who only says so.
    for path in [format!("{portal}/user/{anna}"), format!("{cars}/users/{anna}")] {
        assert_eq!(ask("DELETE", &path, None, Value::Null).status, 404, "{path}");
    }
    let after = [&lot, &over].map(|id| house.get(&format!("/v1/auctions/{id}"), None).json());
    for at in [0, 1] {
        assert_eq!(after[at]["version"], before[at]["version"], "{}", after[at]);
    }
    for id in [json!(anna), ada["id"].clone(), bob["id"].clone()] {
        let path = format!("/v1/users/{id}");
        assert_eq!(ask("DELETE", &path, Some(&admin), Value::Null).status, 202, "{path}");
        assert_eq!(house.get(&path, None).status, 200, "{path}");
    }
}
