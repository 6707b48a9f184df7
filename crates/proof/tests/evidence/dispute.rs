//! The files of `docs/dispute/`, which docs/disputes.md settles a dispute by. They are made here,
//! the same ones every time. To write them anew, on purpose:
//! `cargo test -p gavel-proof --test evidence dispute -- --ignored`.

use crate::house::{HOUSE, House, amount, signer, terms};
use gavel_auction::ids::AuctionId;
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::Schedule;
use gavel_auction::time::Time;
use gavel_proof::command::command_id;
use gavel_proof::head::Rolling;
use gavel_proof::keys::LogKey;
use gavel_proof::receipt::{Leaf, issue};
use gavel_proof::{ReceiptFault, verify_together};
use std::path::PathBuf;

const BERT: i64 = 11;
const CARL: i64 = 12;
const DORA: i64 = 13;

/// 1 June 2026, 18:00 UTC: the auction opens, for an hour.
const OPENING: i64 = 1_780_336_800_000_000;
const END: i64 = OPENING + 3_600_000_000;

/// In which partition of a house with eight the auction is.
const PARTITION: u16 = 5;

/// The auction, up to its last bid in time. Carl's is the one in dispute.
fn played(with_carl: bool) -> House {
    let mut house = House::new();
    house.at_time(Time(OPENING));
    let schedule = Some(Schedule { duration_seconds: Some(3600), ..Schedule::default() });
    let slots = Slots { schedule, starting_price: Some(amount(10_000)), ..Slots::default() };
    house.create(Preset::Timed, terms(Preset::Timed, slots), true);
    house.at_time(Time(OPENING + 600_000_000)).bid(BERT, 15_000);
    house.at_time(Time(OPENING + 1_200_000_000)).bid(DORA, 11_800);
    house.at_time(Time(END - 1_250_000));
    if with_carl {
        house.bid(CARL, 14_000);
    }
    house
}

/// What a receipt says of Carl's command that was decided last.
fn leaf(house: &House, minor: i64, code: Option<&str>) -> Leaf {
    let auction = house.auction.id();
    let command = match code {
        None => house.origins.last().expect("a bid").command,
        Some(_) => command_id(Some(crate::house::user(CARL)), auction, "carl-late"),
    };
    Leaf {
        auction,
        command,
        amount: Some(amount(minor)),
        at: house.now(),
        code: code.map(str::to_owned),
        end: Some(Time(END)),
        version: house.version(),
        hash: house.head(),
    }
}

/// A receipt as it comes with the answer, among those of other auctions of the same moment.
fn receipt(leaf: Leaf, place: usize) -> Vec<u8> {
    let other = |n: i64| {
        let auction = AuctionId::new(100 + n).expect("a number");
        Leaf { auction, command: command_id(None, auction, "other"), ..leaf.clone() }
    };
    let mut leaves: Vec<Leaf> = (0..4).map(other).collect();
    let time = Time(leaf.at.0 + 2_000);
    leaves.insert(place, leaf);
    issue(&leaves, HOUSE, time, &LogKey::from_bytes([1; 32]), &signer()).remove(place)
}

fn ended(house: &mut House) -> Vec<u8> {
    house.at_time(Time(END + 212_000));
    house.certificate().expect("it has ended")
}

/// Every file, by its name.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut house = played(true);
    let outbid = receipt(leaf(&house, 14_000, None), 2);
    let certificate = ended(&mut house);
    house.try_bid(CARL, 16_000).expect_err("it is too late");
    let late = receipt(leaf(&house, 16_000, Some("closed")), 4);
    let mut rolling = Rolling::new(HOUSE, PARTITION);
    house.log.iter().for_each(|(_, written)| rolling.follow(Some(&written.hash)));
    let head = rolling.sign(HOUSE, Time(END + 10_000_000), &signer());
    vec![
        ("certificate.json", certificate),
        ("outbid.json", outbid),
        ("late.json", late),
        ("head.json", head),
        ("other-story.json", ended(&mut played(false))),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/dispute")
}

#[test]
#[ignore = "writes docs/dispute anew"]
fn write_the_files_of_the_dispute() {
    std::fs::create_dir_all(folder()).unwrap();
    for (name, bytes) in files() {
        std::fs::write(folder().join(name), bytes).unwrap();
    }
}

#[test]
fn the_files_of_the_dispute_are_what_a_house_gives() {
    for (name, bytes) in files() {
        let kept = std::fs::read(folder().join(name)).unwrap_or_default();
        assert!(kept == bytes, "docs/dispute/{name} is not what the code makes");
    }
    let kept = std::fs::read_dir(folder()).unwrap().count();
    assert_eq!(kept, files().len(), "a file of docs/dispute belongs to nothing");
}

#[test]
fn the_files_of_the_dispute_settle_it() {
    let all = files();
    let file = |name: &str| &all.iter().find(|(other, _)| *other == name).unwrap().1;
    for receipt in ["outbid.json", "late.json"] {
        verify_together(file(receipt), file("certificate.json")).unwrap();
        let fault = verify_together(file(receipt), file("other-story.json")).unwrap_err();
        let found = match fault {
            ReceiptFault::Rewritten { version, .. } | ReceiptFault::Dropped { version, .. } => {
                version
            }
            other => panic!("{other}"),
        };
        assert!(found > 5, "before Carl's bid the two stories are one");
    }
}
