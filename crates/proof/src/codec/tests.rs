//! The codec against serde's form of the same events. Knows no files.

use super::*;
use crate::keys::LogKey;
use gavel_auction::event::{BidPlaced, Channel, HouseId, Next, Now, Shown};
use gavel_auction::ids::{Paddle, UserId};
use gavel_auction::money::Amount;
use gavel_auction::time::Time;

const ORIGIN: Origin = Origin { command: CommandId([0xc0; 16]), digest: [0xd1; 16] };

fn key() -> AuctionKey {
    LogKey::from_bytes([1; 32]).auction(HouseId([2; 16]), AuctionId::new(5).unwrap())
}

fn event(fact: Fact, hidden: Hidden) -> Event {
    let auction = AuctionId::new(5).unwrap();
    Event { auction, version: 3, at: Time(1_700_000_000_000_000), fact, hidden }
}

fn amount(minor: i64) -> Option<Amount> {
    Amount::new(minor)
}

/// Every combination of present and absent members of a bid.
fn all_bids() -> Vec<BidPlaced> {
    let mut bids = Vec::new();
    let amounts = [None, amount(1), Some(Amount::MAX)];
    let channels = [None, Some(Channel::Floor), Some(Channel::Phone), Some(Channel::Absentee)];
    let paddles = [None, Paddle::new(1), Paddle::new(12_345)];
    let mut shown = vec![None];
    for leader in paddles {
        for next in [None, amount(7)].into_iter().flat_map(|a| [Next::Minimum(a), Next::Maximum(a)])
        {
            for price in amounts {
                for reserve_met in [None, Some(true), Some(false)] {
                    shown.push(Some(Shown { leader, next, price, reserve_met }));
                }
            }
        }
    }
    for amount in amounts {
        for channel in channels {
            for paddle in paddles {
                for extended in [true, false] {
                    for shown in &shown {
                        let now = Now { end: Time(-5), extended, shown: shown.clone() };
                        bids.push(BidPlaced { amount, channel, paddle, now });
                    }
                }
            }
        }
    }
    bids
}

#[test]
fn the_hot_path_writes_and_reads_what_serde_does() {
    for bid in all_bids() {
        let mut hot = Vec::new();
        placed::write(&mut hot, &bid);
        hot.extend_from_slice(b",\"kind\":\"bid_placed\"");
        let mut generic = Vec::new();
        write_fact(&mut generic, &Fact::BidPlaced(bid.clone()));
        assert_eq!(String::from_utf8(hot), String::from_utf8(generic));
        let mut data = Vec::new();
        placed::write(&mut data, &bid);
        assert_eq!(placed::read(std::str::from_utf8(&data).unwrap()).unwrap(), bid);
    }
}

#[test]
fn every_combination_of_hidden_fields_survives_and_is_canonical() {
    for bits in 0..128_u32 {
        let on = |bit: u32| bits >> bit & 1 == 1;
        let hidden = Hidden {
            amount: amount(50).filter(|_| on(0)),
            clerk: UserId::new(9).filter(|_| on(1)),
            maximum: amount(60).filter(|_| on(2)),
            paddle: Paddle::new(3).filter(|_| on(3)),
            reserve: amount(70).filter(|_| on(4)),
            seed: Some(Digest([8; 32])).filter(|_| on(5)),
            user: UserId::new(10).filter(|_| on(6)),
        };
        let bid = all_bids().swap_remove(3 * bits as usize);
        let event = event(Fact::BidPlaced(bid), hidden);
        let written = encode(&event, &ORIGIN, &key(), &Digest([0; 32]));
        assert_eq!(crate::canonical::check(&written.public), Ok(()));
        assert_eq!(crate::canonical::check(&written.sealed), Ok(()));
        assert_eq!(decode(&written.public, &written.sealed).unwrap(), (event.clone(), ORIGIN));
        for field in FIELDS {
            let committed =
                reading::read_public(&written.public).unwrap().commit.get().contains(field);
            assert_eq!(committed, field_text(&event.hidden, field).is_some());
        }
    }
}

#[test]
fn commitments_can_be_opened_with_their_salt() {
    let hidden = Hidden { maximum: amount(60), ..Hidden::default() };
    let event = event(Fact::Published {}, hidden);
    let written = encode(&event, &ORIGIN, &key(), &Digest([0; 32]));
    let salt = key().salt(3, "maximum", b"60");
    let digest = commitment(event.auction, 3, "maximum", &salt, b"60");
    let text = format!("\"commit\":{{\"maximum\":\"{digest}\",\"rest\":\"");
    assert!(String::from_utf8(written.public).unwrap().contains(&text));
}

#[test]
fn bytes_that_are_no_event_are_refused() {
    let event = event(Fact::Published {}, Hidden::default());
    let Written { public, sealed, .. } = encode(&event, &ORIGIN, &key(), &Digest([0; 32]));
    let text = String::from_utf8(public.clone()).unwrap();
    let bad = [
        text.replace("published", "publish"),
        text.replace("\"data\":{}", "\"data\":{},\"more\":1"),
        text.replace("\"version\":3", "\"version\":-3"),
        text.replace("\"auction\":5", "\"auction\":0"),
        String::new(),
    ];
    for bad in bad {
        assert!(decode(bad.as_bytes(), &sealed).is_err(), "{bad}");
    }
    assert!(decode(&public, b"{}").is_err());
    assert!(decode(&public, &public).is_err());
}

/// Prints how long it takes; for people: `cargo test --release -p gavel-proof -- --ignored speed`.
#[test]
#[ignore = "a measurement, not a check"]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "it measures and prints")]
fn speed() {
    let bid = BidPlaced {
        amount: amount(1_234_500),
        channel: None,
        paddle: Paddle::new(17),
        now: Now {
            end: Time(1_700_000_000_000_000),
            extended: false,
            shown: Some(Shown {
                leader: Paddle::new(17),
                next: Next::Minimum(amount(1_244_500)),
                price: amount(1_234_500),
                reserve_met: None,
            }),
        },
    };
    let event = event(Fact::BidPlaced(bid), Hidden::default());
    let (key, rounds) = (key(), 200_000_u32);
    let written = encode(&event, &ORIGIN, &key, &Digest([0; 32]));
    let commit = reading::read_public(&written.public).unwrap().commit.get().as_bytes();
    let time = |what: &str, run: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        (0..rounds).for_each(|_| run());
        println!("{what}: {:?}", start.elapsed() / rounds);
    };
    println!("{} bytes public, {} sealed", written.public.len(), written.sealed.len());
    time("render and seal", &mut || {
        std::hint::black_box((render(&event, commit), seal(&event.hidden, &ORIGIN)));
    });
    time("encode", &mut || {
        std::hint::black_box(encode(&event, &ORIGIN, &key, &Digest([0; 32])));
    });
    time("decode", &mut || {
        std::hint::black_box(decode(&written.public, &written.sealed).unwrap());
    });
}
