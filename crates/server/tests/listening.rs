//! The accept loop as clients without manners see it: silence, dripping, too many connections; and
//! how the house stops.

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "house/served.rs"]
mod served;

use served::{Served, read_reply};
use std::collections::BTreeSet;
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

const HURRIED: [&str; 4] = [
    "timeouts.first_byte_seconds=1",
    "timeouts.header_seconds=2",
    "timeouts.body_seconds=2",
    "timeouts.idle_seconds=3",
];

/// After how many milliseconds the house closes this connection.
fn closed_after(stream: &mut TcpStream) -> u128 {
    let begun = now();
    let mut rest = Vec::new();
    // Reset or end: closed is closed.
    drop(stream.read_to_end(&mut rest));
    begun.elapsed().as_millis()
}

#[expect(clippy::disallowed_methods, reason = "tests measure real time")]
fn now() -> Instant {
    Instant::now()
}

fn within(millis: u128, seconds: u128) -> bool {
    (seconds * 1000 - 300..seconds * 1000 + 1500).contains(&millis)
}

#[test]
fn sec_s20_whoever_says_nothing_is_cut() {
    let house = Served::with(&HURRIED);
    let mut silent = house.connect();
    let millis = closed_after(&mut silent);
    assert!(within(millis, 1), "{millis}");
    let mut preface = house.connect();
    preface.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    let millis = closed_after(&mut preface);
    assert!(within(millis, 2), "{millis}");
    let mut half = house.connect();
    half.write_all(b"PRI * HT").unwrap();
    assert!(within(closed_after(&mut half), 2));
}

#[test]
fn sec_s20_whoever_drips_his_head_is_cut() {
    let house = Served::with(&HURRIED);
    let mut stream = house.connect();
    let begun = now();
    let head = b"GET /v1/time HTTP/1.1\r\nhost: x\r\nx-long: yyyyyyyyyyyyyyyyyyyyyyyyyyyyy";
    for byte in head.iter().cycle() {
        std::thread::sleep(Duration::from_millis(100));
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(6), "a dripping head was not cut");
    }
    let millis = begun.elapsed().as_millis();
    assert!(within(millis, 2), "{millis}");
}

#[test]
fn sec_s20_whoever_drips_his_body_is_told_so() {
    let house = Served::with(&HURRIED);
    let mut stream = house.connect();
    let head = "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 1000\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    let reply = read_reply(&mut BufReader::new(stream)).expect("a reply");
    assert_eq!((reply.status, reply.code().as_str()), (408, "too_slow"));
}

#[test]
fn a_resting_connection_is_kept_for_its_time() {
    let house = Served::with(&HURRIED);
    let mut reader = BufReader::new(house.connect());
    for _ in 0..2 {
        reader.get_mut().write_all(b"GET /v1/time HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        assert_eq!(read_reply(&mut reader).expect("a reply").status, 200);
        std::thread::sleep(Duration::from_millis(2_300));
    }
    reader.get_mut().write_all(b"GET /v1/time HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(read_reply(&mut reader).expect("a reply").status, 200);
    let millis = closed_after(reader.get_mut());
    assert!(within(millis, 3), "{millis}");
}

#[test]
fn sec_s20_so_many_connections_from_one_address() {
    let house = Served::with(&["limits.connections_per_ip=5"]);
    let held: Vec<TcpStream> = (0..5).map(|_| house.connect()).collect();
    std::thread::sleep(Duration::from_millis(200));
    let mut sixth = house.connect();
    let mut said = String::new();
    drop(sixth.read_to_string(&mut said));
    assert!(said.starts_with("HTTP/1.1 503"), "{said}");
    drop(held);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(house.get("/v1/time", None).status, 200);
}

#[test]
fn sec_s20_a_thousand_slow_ones_do_not_stop_the_others() {
    let house = Served::with(&["limits.connections_per_ip=0"]);
    let slow: Vec<TcpStream> = (0..1_000)
        .map(|_| {
            let mut stream = house.connect();
            stream.write_all(b"GET /v1/time HTTP/1.1\r\nho").unwrap();
            stream
        })
        .collect();
    let begun = now();
    for _ in 0..20 {
        assert_eq!(house.get("/v1/time", None).status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(2));
    drop(slow);
}

#[test]
fn what_is_under_way_is_answered_before_the_house_stops() {
    let mut house = Served::new();
    let mut silent = house.connect();
    let mut resting = BufReader::new(house.connect());
    resting.get_mut().write_all(b"GET /v1/time HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(read_reply(&mut resting).expect("a reply").status, 200);
    let mut stream = house.connect();
    let body = br#"{"login":"nobody","password":"a password"}"#;
    let head = format!(
        "POST /v1/session HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body[..10]).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let begun = now();
    house.terminate();
    std::thread::sleep(Duration::from_millis(500));
    assert!(TcpStream::connect(house.address).is_err(), "nobody new is taken");
    stream.write_all(&body[10..]).unwrap();
    let reply = read_reply(&mut BufReader::new(stream)).expect("what is under way is answered");
    assert_eq!(reply.status, 401);
    assert!(house.wait(), "it ends well");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    closed_after(&mut silent);
}

/// What became of one bid: its amount, and the status of its answer, if there was one.
type Sent = (i64, Option<u16>);

/// Bids, one after the other and each of another amount, until the house is gone.
fn bid_on(house: SocketAddr, token: &str, next: &AtomicI64) -> Vec<Sent> {
    let stream = TcpStream::connect(house).expect("the house listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    let mut stream = BufReader::new(stream);
    let mut sent = Vec::new();
    loop {
        let amount = next.fetch_add(100_000, Ordering::Relaxed);
        let body = format!("{{\"amount\":{amount},\"confirm\":true}}");
        let request = format!(
            "POST /v1/auctions/1/bids HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(request.as_bytes()).is_err() {
            sent.push((amount, None));
            return sent;
        }
        let answer = read_reply(&mut stream);
        sent.push((amount, answer.as_ref().map(|reply| reply.status)));
        if answer.is_none() {
            return sent;
        }
    }
}

/// The amounts of all bids in the log.
fn bids_in_the_log(house: &Served) -> BTreeSet<i64> {
    let (mut after, mut amounts) = (0, BTreeSet::new());
    loop {
        let page = house.get(&format!("/v1/auctions/1/events?after={after}"), None).json();
        let items = page["items"].as_array().expect("events").clone();
        if items.is_empty() {
            return amounts;
        }
        amounts.extend(items.iter().filter_map(|item| item["event"]["data"]["amount"].as_i64()));
        after = page["next_after"].as_u64().expect("a version");
    }
}

/// The house promises to be gone within ten seconds; nothing else is said of time.
#[test]
fn of_bids_in_flight_at_the_stop_each_is_answered_or_absent() {
    let calm = ["limits.bids_per_second_per_actor=0", "limits.bids_per_second_per_ip=0"];
    let mut house = Served::with(&calm);
    let (_, seller) = house.user("seller");
    assert_eq!(served::auction(&house, &seller, serde_json::json!({})), 1);
    let tokens: Vec<_> = (0..8).map(|n| house.user(&format!("bidder{n}")).1).collect();
    let next = AtomicI64::new(1_000_000);
    let (address, mut sent, mut ended) = (house.address, Vec::new(), Duration::ZERO);
    std::thread::scope(|scope| {
        let next = &next;
        let bids = |token: &String| {
            let token = token.clone();
            scope.spawn(move || bid_on(address, &token, next))
        };
        let bidders: Vec<_> = tokens.iter().map(bids).collect();
        while next.load(Ordering::Relaxed) < 20_000_000 {
            std::thread::yield_now();
        }
        let begun = now();
        house.terminate();
        assert!(house.wait(), "it ends well");
        ended = begun.elapsed();
        sent = bidders.into_iter().flat_map(|bidder| bidder.join().expect("bids")).collect();
    });
    assert!(ended < Duration::from_secs(10), "{ended:?}");
    house.again(&calm);
    let of = |wanted: fn(&Sent) -> bool| -> BTreeSet<i64> {
        sent.iter().filter(|one| wanted(one)).map(|(amount, _)| *amount).collect()
    };
    let taken = of(|(_, status)| *status == Some(201));
    assert!(taken.len() > 20, "{sent:?}");
    assert_eq!(bids_in_the_log(&house), taken, "what was answered is there, and nothing else");
    let odd = of(|(_, status)| !matches!(status, None | Some(201 | 422 | 503)));
    assert!(odd.is_empty(), "{sent:?}");
}

#[test]
fn a_second_house_on_the_same_data_is_refused_and_a_third_finds_it_again() {
    let mut house = Served::new();
    house.user("anna");
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_gavel"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(house.data.path())
        .output()
        .expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
    house.terminate();
    assert!(house.wait());
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `GET /v1/time`, packed.
const ASKS_TIME: &[u8] = b"\x82\x86\x04\x08/v1/time\x01\x01x";

/// Sends frames until the house has enough; what it said last, and how many it took.
fn flood(house: &Served, most: u32, mut frames: impl FnMut(u32) -> Vec<u8>) -> (Vec<u8>, u32) {
    let mut stream = house.connect();
    let begin = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, b"")].concat();
    stream.write_all(&begin).expect("the house reads");
    let mut reader = stream.try_clone().expect("a second handle");
    let heard = std::thread::Builder::new().spawn(move || {
        let mut said = Vec::new();
        drop(reader.read_to_end(&mut said));
        said
    });
    let mut taken = 0;
    while taken < most && stream.write_all(&frames(taken)).is_ok() {
        taken += 1;
    }
    (heard.expect("a thread").join().expect("it only reads"), taken)
}

/// Whether the last frame says that the connection is over, and why.
fn goes_away(said: &[u8]) -> Option<u32> {
    let mut rest = said;
    let mut why = None;
    while let Some((head, body)) = rest.split_at_checked(9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (payload, after) = body.split_at_checked(length)?;
        if head[3] == 7 {
            why = payload
                .get(4..8)
                .map(|code| code.iter().fold(0, |all, byte| all << 8 | u32::from(*byte)));
        }
        rest = after;
    }
    why
}

#[test]
fn sec_s20_whoever_floods_with_frames_is_cut() {
    let house = Served::new();
    let ping = || assert_eq!(house.get("/v1/time", None).status, 200);
    // Asked and taken back, over and over.
    let (said, taken) = flood(&house, 200_000, |count| {
        let stream = count * 2 + 1;
        [frame(1, 5, stream, ASKS_TIME), frame(3, 0, stream, &8_u32.to_be_bytes())].concat()
    });
    assert_eq!(goes_away(&said), Some(11), "cut: calm yourself, after {taken}");
    ping();
    // A head that never ends.
    let part = [b"\0\x01x\x7f\x81\x7f".as_slice(), &[b'y'; 8192]].concat();
    let (said, taken) = flood(&house, 20_000, |count| {
        if count == 0 { frame(1, 1, 1, ASKS_TIME) } else { frame(9, 0, 1, &part) }
    });
    assert!(taken < 20_000, "cut");
    assert!(goes_away(&said).is_some(), "and told so");
    ping();
    // Settings and pings without end cost answers; whoever does not read them is cut.
    let (_, taken) = flood(&house, 200_000, |_| frame(4, 0, 0, &[0, 4, 0, 0, 255, 255]));
    ping();
    assert!(taken <= 200_000);
}
