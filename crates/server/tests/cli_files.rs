//! The commands that work on files, run as the real binary: what they say, and how they end.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use clap::CommandFactory;
use gavel_auction::event::HouseId;
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_proof::chain::genesis;
use gavel_proof::command::CommandId;
use gavel_proof::keys::{HouseKey, LogKey};
use gavel_proof::receipt::{Leaf, issue};
use gavel_server::cli::Cli;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

const EBAY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../auction/tests/data/ebay.csv");
const HEADING: &str = "auction,item,days,open_cents,price_cents,seconds,bidder,amount_cents\n";

fn gavel(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

fn run(args: &[&str]) -> (i32, String, String) {
    told(&gavel(args).output().unwrap())
}

fn told(done: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (done.status.code().unwrap(), text(&done.stdout), text(&done.stderr))
}

/// A backtest of this file's text.
fn backtest(text: &str, args: &[&str]) -> (i32, String, String) {
    let mut command = gavel(&["backtest", "-"]);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever refuses the arguments has gone before he reads.
    drop(child.stdin.take().unwrap().write_all(text.as_bytes()));
    told(&child.wait_with_output().unwrap())
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn variables_that_are_no_text_are_told_if_they_are_for_the_house_and_else_passed_over() {
    let data = tempfile::tempdir().unwrap();
    let house = data.path().join("house");
    let password = data.path().join("password");
    std::fs::write(&password, "correct horse battery staple").unwrap();
    let odd = OsStr::from_bytes(b"a\xff");
    let init = |name: &OsStr, value: &OsStr| {
        let mut command = gavel(&["init", "--admin", "erika", "--data"]);
        command.arg(&house).arg("--password-file").arg(&password).env(name, value);
        told(&command.output().unwrap())
    };
    let (code, _, said) = init("GAVEL_HOUSE__NAME".as_ref(), odd);
    assert!(code == 2 && said.contains("`GAVEL_HOUSE__NAME` is no text"), "{code}: {said}");
    let (code, _, said) = init(odd, odd);
    assert_eq!(code, 0, "{said}");
}

#[test]
fn every_command_and_flag_explains_itself() {
    fn check(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments() {
            let silent = argument.get_help().is_none_or(|help| help.to_string().is_empty());
            assert!(!silent, "{path} {}", argument.get_id());
        }
        for below in command.get_subcommands() {
            check(below, &format!("{path} {}", below.get_name()));
        }
    }
    check(&Cli::command(), "gavel");
    Cli::command().debug_assert();
    assert_eq!(run(&["--help"]).0, 0);
    assert_eq!(run(&["auction", "create", "--help"]).0, 0);
    assert_eq!(run(&["version-of-nothing"]).0, 2);
    assert_eq!(run(&[]).0, 2);
}

#[test]
fn the_recorded_auctions_come_out() {
    let (code, out, err) = run(&["backtest", EBAY, "--preset", "timed", "--json"]);
    assert_eq!(code, 0, "{err}");
    let report = json(&out);
    assert_eq!(report["auctions"], 479);
    assert_eq!(report["bids"], 7_870);
    assert_eq!(report["leaders"]["same"], 479);
    assert_eq!(report["prices"]["same"], 448);
    assert_eq!(report["refused"]["not_above_own"], 26);
    assert_eq!(report["refused"]["below_minimum"], 4);
    assert_eq!(report["differences"].as_array().unwrap().len(), 31);
    assert_eq!(report["contradictions"], 1);
    let (code, out, _) = run(&["backtest", EBAY, "--preset", "timed", "--differences", "1"]);
    assert_eq!(code, 0);
    for words in ["479 of 479 as recorded", "448 of 479 as recorded", "and 30 more", "line 5511"] {
        assert!(out.contains(words), "{words}\n{out}");
    }
}

#[test]
fn other_rules_come_out_otherwise() {
    let rows = "1,vase,1,1000,3000,10,a,2000\n1,vase,1,1000,3000,86395.5,b,3000\n";
    let file = format!("{HEADING}{rows}");
    let of = |args: &[&str]| {
        let (code, out, err) = backtest(&file, &[args, &["--json"]].concat());
        assert_eq!(code, 0, "{err}");
        json(&out)
    };
    let english = of(&["--preset", "english"]);
    assert_eq!(english["extended"], 1);
    assert_eq!(english["prices"]["same"], 1);
    let second = of(&["--preset", "vickrey"]);
    assert_eq!(second["differences"][0]["price"], 2_000);
    assert_eq!(second["leaders"]["same"], 1);
    let reserve = of(&["--set", r#"reserve={"kind":"hidden","amount":9000}"#]);
    assert_eq!(reserve["sold"], 0);
    let approved = of(&["--set", "eligibility=approved"]);
    assert_eq!(approved["accepted"], 2);
    let clock =
        r#"clock={"kind":"descending","start":5000,"floor":100,"step":100,"every_seconds":1}"#;
    let dutch = of(&["--preset", "dutch", "--set", clock]);
    assert_eq!(dutch["refused"]["clock_moved"], 1);
    let late = format!("{HEADING}1,vase,1,1000,3000,86400,b,3000\n");
    let (_, out, _) = backtest(&late, &["--json"]);
    assert_eq!(json(&out)["refused"]["closed"], 1);
}

#[test]
fn bad_files_are_refused_by_line() {
    let row = "1,vase,1,1000,3000,10,a,2000\n";
    let cases = [
        (String::new(), "line 1"),
        (HEADING.to_owned(), "line 2"),
        ("auction,days\n1,2\n".to_owned(), "no column `open_cents`"),
        (HEADING.replace("item", "color"), "unknown column `color`"),
        (format!("{HEADING}{row}1,vase,1,1000,3000,10,a\n"), "line 3"),
        (format!("{HEADING}{row}1,vase,1,1000,3000,-1,a,2000\n"), "line 3: seconds is `-1`"),
        (format!("{HEADING}{row}1,vase,1,1000,3000,1e3,a,2000\n"), "line 3: seconds is `1e3`"),
        (format!("{HEADING}{row}1,vase,1,1000,3000,1,a,20.5\n"), "line 3: amount_cents is `20.5`"),
        (format!("{HEADING}{row}1,vase,1,1000,3000,1,,20\n"), "line 3: bidder is ``"),
        (format!("{HEADING}2,vase,0,1000,3000,1,a,20\n"), "line 2: days is `0`"),
        (format!("{HEADING}{row}2{row}{row}"), "line 4: auction 1 has rows further up"),
    ];
    for (text, words) in cases {
        let (code, out, err) = backtest(&text, &[]);
        assert_eq!((code, out.as_str()), (2, ""), "{text}\n{err}");
        assert!(err.contains(words) && err.contains('→'), "{words}\n{err}");
    }
    let file = format!("{HEADING}{row}");
    let wrong = [
        (&["--preset", "nonsense"][..], "english, timed"),
        (&["--set", "close"], "slot=value"),
        (&["--set", "close=gently"], "hard"),
        (&["--set", "proxy=maximum", "--set", "admission=revisable"], "terms_invalid"),
        (&["--currency", "XXX"], "ISO 4217"),
    ];
    for (args, words) in wrong {
        let (code, _, err) = backtest(&file, args);
        assert_eq!(code, 2, "{args:?} {err}");
        assert!(err.contains(words), "{words}\n{err}");
    }
    let (code, _, err) = run(&["backtest", "/no/such/file.csv", "--json"]);
    assert_eq!((code, json(&err)["code"].as_str()), (2, Some("file")));
}

#[test]
fn what_is_no_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("certificate.json");
    let path = file.to_str().unwrap();
    assert_eq!(run(&["verify", path]).0, 2);
    for (text, code) in [("", "not_canonical"), ("{}", "not_a_certificate")] {
        std::fs::write(&file, text).unwrap();
        for command in ["verify", "replay"] {
            let (exit, out, err) = run(&[command, path, "--json"]);
            assert_eq!((exit, out.as_str()), (1, ""), "{err}");
            assert_eq!(json(&err)["code"], code);
        }
    }
    assert_eq!(run(&["verify", path, "--key", "xyz"]).0, 2);
}

/// A refusal of a command of an auction that nobody created, with its receipt.
fn receipt_of_nothing() -> Vec<u8> {
    let (house, auction) = (HouseId([3; 16]), AuctionId::new(5).unwrap());
    let leaf = Leaf {
        auction,
        command: CommandId([4; 16]),
        amount: None,
        at: Time(1_700_000_000_000_000),
        code: Some("not_found".to_owned()),
        end: None,
        version: 0,
        hash: genesis(house, auction),
    };
    let signer = HouseKey::from_bytes(&[7; 32]);
    let log_key = LogKey::from_bytes([6; 32]);
    issue(&[leaf], house, Time(1_700_000_000_000_001), &log_key, &signer).remove(0)
}

#[test]
fn receipts_are_checked_alone_and_say_what_they_do_not_show() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("receipt.json");
    let path = file.to_str().unwrap();
    let receipt = receipt_of_nothing();
    std::fs::write(&file, &receipt).unwrap();
    let (exit, out, err) = run(&["verify", "--receipt", path]);
    assert_eq!(exit, 0, "{err}");
    for words in ["The receipt holds.", "not_found", "does not show", "not known to you"] {
        assert!(out.contains(words), "{words}\n{out}");
    }
    let pretty: Value = serde_json::from_slice(&receipt).unwrap();
    let reply = serde_json::json!({"status": 404, "receipt": pretty});
    std::fs::write(&file, serde_json::to_string_pretty(&reply).unwrap()).unwrap();
    let key = HouseKey::from_bytes(&[7; 32]).public().fingerprint();
    let (exit, out, err) = run(&["verify", "--receipt", path, "--key", &key, "--json"]);
    assert_eq!(exit, 0, "{err}");
    let told = json(&out);
    assert_eq!((&told["decision"], &told["known"]), (&"refused".into(), &true.into()));
    let other = "0".repeat(32);
    let (exit, _, err) = run(&["verify", "--receipt", path, "--key", &other, "--json"]);
    assert_eq!((exit, json(&err)["code"].as_str()), (1, Some("other_key")));
    let spoiled = String::from_utf8(receipt).unwrap().replace("not_found", "forbidden");
    let cases = [(spoiled.as_str(), "not_under_the_root"), ("{}", "not_a_receipt")];
    for (text, code) in cases {
        std::fs::write(&file, text).unwrap();
        let (exit, out, err) = run(&["verify", "--receipt", path, "--json"]);
        assert_eq!((exit, out.as_str()), (1, ""), "{err}");
        assert_eq!(json(&err)["code"], code);
    }
    assert_eq!(run(&["verify"]).0, 2);
    assert_eq!(run(&["verify", "--receipt", "/no/such/file"]).0, 2);
}

#[test]
fn completions_and_keys_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, out, _) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(out.contains("backtest"), "{shell}");
    }
    let (code, out, _) = run(&["doctor", "--config", "--json"]);
    assert_eq!(code, 0);
    let keys = json(&out)["keys"].as_array().unwrap().clone();
    assert!(keys.iter().any(|key| key["key"] == "server.listen"));
    assert!(keys.iter().all(|key| key["about"].as_str().is_some_and(|about| !about.is_empty())));
    let (code, _, err) = run(&["doctor", "--data", "/no/such/house"]);
    assert_eq!(code, 2, "{err}");
}
