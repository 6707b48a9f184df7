//! Each dialect by a client in the language of its reference, through a whole auction; and that
//! such a client notices when something is off. The client of `flash` is in `tests/flash.rs`.
#![expect(clippy::unwrap_used, reason = "a test, all of it")]

use super::served::Served;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
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

/// One thing that a house says wrongly, and what its client says then.
struct Lie {
    client: (&'static str, &'static str),
    truth: &'static str,
    lie: &'static str,
    noticed: &'static str,
}

/// Two to each client, none at its first request.
const LIES: [[Lie; 4]; 2] = [
    [
        Lie {
            client: ("items", "python3"),
            truth: r#""user_id":3}"#,
            lie: r#""user_id":4}"#,
            noticed: "'user_id': 4}",
        },
        Lie {
            client: ("portal", "bash"),
            truth: r#""max_bid":500,"#,
            lie: r#""max_bid":501,"#,
            noticed: "the highest: 501 and not 500",
        },
        Lie {
            client: ("cars", "bash"),
            truth: r#""max_bid":120000,"#,
            lie: r#""max_bid":120001,"#,
            noticed: "max_bid: 120001 and not 120000",
        },
        Lie {
            client: ("marketplace", "bash"),
            truth: r#""price":10500,"#,
            lie: r#""price":10501,"#,
            noticed: r#"all bids: [["anna",10000],["bruno",10501]] and not"#,
        },
    ],
    [
        Lie {
            client: ("items", "python3"),
            truth: r#""highest_bidder":null"#,
            lie: r#""highest_bidder":   2"#,
            noticed: "'highest_bidder': 2",
        },
        Lie {
            client: ("portal", "bash"),
            truth: r#""max_bid":200,"#,
            lie: r#""max_bid":199,"#,
            noticed: "what is left: 199 and not 200",
        },
        Lie {
            client: ("cars", "bash"),
            truth: r#""status":"closed""#,
            lie: r#""status":"clover""#,
            noticed: "closed: clover and not closed",
        },
        Lie {
            client: ("marketplace", "bash"),
            truth: r#""status":"won""#,
            lie: r#""status":"win""#,
            noticed: "how it ended: win and not won",
        },
    ],
];

/// Where everything is passed on to a house, and comes back with a lie in it.
fn lying(house: SocketAddr, truth: &'static str, lie: &'static str) -> SocketAddr {
    assert_eq!(truth.len(), lie.len(), "a body is as long as its head says");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let passing = move || {
        for client in listener.incoming() {
            // A client may have gone.
            drop(client.and_then(|client| pass_on(client, house, truth, lie)));
        }
    };
    drop(std::thread::Builder::new().spawn(passing).unwrap());
    at
}

/// One request, and its reply.
fn pass_on(mut client: TcpStream, house: SocketAddr, truth: &str, lie: &str) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if line.trim().is_empty() {
            break;
        }
        if !lower.starts_with("connection:") {
            head += &line;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut house = TcpStream::connect(house)?;
    house.write_all(format!("{head}connection: close\r\n\r\n").as_bytes())?;
    house.write_all(&body)?;
    let mut reply = String::new();
    house.read_to_string(&mut reply)?;
    client.write_all(reply.replace(truth, lie).as_bytes())
}

#[test]
fn such_a_client_notices_what_is_off() {
    let on = ["dialects.on=items,portal,cars,marketplace"];
    let houses = LIES.map(|lies| (Served::with(&on), lies));
    let mut running = Vec::new();
    for (house, lies) in &houses {
        for Lie { client: (dialect, program), truth, lie, noticed } in lies {
            let at = lying(house.address, truth, lie);
            let url = format!("http://{at}/dialects/{dialect}");
            running.push((client(dialect, program, &url), *noticed));
        }
    }
    // Without its job, `items` certifies nothing.
    let url = format!("http://{}/dialects/items", houses[0].0.address);
    running.push((client("items", "python3", &url), "nobody certified it"));
    for (child, noticed) in running {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(noticed), "{noticed}: {output:?}");
    }
}
