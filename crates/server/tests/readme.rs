//! The tour of README.md, run literally: every fenced `sh` block, in order, in one shell, against a
//! fresh house.

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

#[test]
fn the_tour_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let script = blocks(&std::fs::read_to_string(root.join("README.md")).unwrap());
    assert!(script.lines().count() > 20, "the tour is there");
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
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}\n{err}");
    let told = [
        "Auction 1 is open",
        "You lead.",
        "\"standing\":\"outbid\"",
        "sold to paddle 1 for 122.50 EUR",
        "Certificate 1-",
        "479 of 479 as recorded",
    ];
    for words in told {
        assert!(out.contains(words), "{words}\n{out}\n{err}");
    }
    assert!(err.contains("the certificate does not hold"), "{err}");
}
