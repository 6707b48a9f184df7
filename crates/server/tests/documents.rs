//! What the documents tell people to type, run literally: every fenced `sh` block of a document, in
//! order, in one shell, against a fresh house.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "house/served.rs"]
mod served;

use served::Served;
use std::path::Path;
use std::process::{Command, Stdio};

fn blocks(text: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, line) => script.extend([line, "\n"]),
            (false, _) => {}
        }
    }
    script
}

/// What running a document said, on its standard output and its standard error.
fn run(document: &str) -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let script = blocks(&std::fs::read_to_string(root.join(document)).unwrap());
    assert!(script.lines().count() > 10, "{document} has commands");
    let house = Served::new();
    let gavel = Path::new(env!("CARGO_BIN_EXE_gavel")).parent().unwrap();
    let home = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", gavel.display());
    let done = Command::new("sh")
        .args(["-e", "-u", "-c", &script])
        .current_dir(&root)
        .env_clear()
        .env("PATH", path)
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env("GAVEL_URL", format!("http://{}", house.address))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (said(&done.stdout), said(&done.stderr));
    assert!(done.status.success(), "{document}\n{out}\n{err}");
    (out, err)
}

fn says(said: &str, told: &[&str]) {
    for words in told {
        assert!(said.contains(words), "{words}\n{said}");
    }
}

#[test]
fn the_tour_works() {
    let (out, err) = run("README.md");
    says(
        &out,
        &[
            "Auction 1 is open",
            "You lead.",
            "\"standing\":\"outbid\"",
            "sold to paddle 1 for 122.50 EUR",
            "Certificate 1-",
            "479 of 479 as recorded",
        ],
    );
    says(&err, &["the certificate does not hold"]);
}

#[test]
fn every_kind_of_auction_can_be_tried() {
    let (out, _) = run("docs/auctioneers.md");
    let told = ["not met", "122.50 EUR", "Your bid stands.", "Your sealed bid is in."];
    says(&out, &told);
    says(&out, &["10945.00 EUR or less", "Dinner with the band"]);
}
