//! Each dialect by a client in the language of its reference, through a whole auction; and that
//! such a client notices when something is off. The client of `flash` is in `tests/flash.rs`.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use super::served::Served;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Starts the client of a dialect against an address.
fn client(dialect: &str, program: &str, url: &str) -> Child {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialects").join(dialect);
    let file = if program == "python3" { "client.py" } else { "client.sh" };
    let mut command = Command::new(program);
    command.arg(folder.join(file)).arg(url);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("bash, curl, jq and python3 (scripts/setup.sh test)")
}

#[track_caller]
fn says(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(words), "{output:?}");
}

const CLIENTS: [(&str, &str, &str); 4] = [
    ("items", "python3", "user 3 has it for 44"),
    ("portal", "bash", "carl has it for 400"),
    ("cars", "bash", "bruno has it for 120000"),
    ("marketplace", "bash", "bruno has it for 10500"),
];

/// What the scheduled job of `items` does, until the client has seen it.
fn certify_until(house: &Served, mut child: Child) -> Output {
    let token = house.admin();
    while child.try_wait().unwrap().is_none() {
        let mut job = Command::new(env!("CARGO_BIN_EXE_gavel"));
        job.arg("certify-item").env("GAVEL_URL", format!("http://{}", house.address));
        let done = job.env("GAVEL_TOKEN", &token).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn a_client_in_the_language_of_the_reference_sees_a_whole_auction() {
    let house = Served::with(&["dialects.on=items,portal,cars,marketplace"]);
    let url = |dialect: &str| format!("http://{}/dialects/{dialect}", house.address);
    let running = CLIENTS
        .map(|(dialect, program, words)| (dialect, client(dialect, program, &url(dialect)), words));
    for (dialect, child, words) in running {
        let output = match dialect {
            "items" => certify_until(&house, child),
            _ => child.wait_with_output().unwrap(),
        };
        says(&output, words);
    }
}

#[test]
fn such_a_client_notices_what_is_off() {
    // Without its job, `items` certifies nothing; a house that is closed to callers takes no bid;
    // and a dialect is not another one.
    let house = Served::with(&["dialects.on=items,portal,cars,marketplace"]);
    let closed = Served::with(&["dialects.on=all", "dialects.public=false"]);
    for (dialect, program, _) in CLIENTS {
        let other = if dialect == "cars" { "marketplace" } else { "cars" };
        let wrong = [
            format!("{}/dialects/{other}", house.address),
            format!("{}/dialects/{dialect}", closed.address),
        ];
        for at in wrong {
            let output = client(dialect, program, &format!("http://{at}")).wait_with_output();
            assert!(!output.unwrap().status.success(), "{dialect} at {at}");
        }
    }
    let url = format!("http://{}/dialects/items", house.address);
    let output = client("items", "python3", &url).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("nobody certified it"), "{output:?}");
}
