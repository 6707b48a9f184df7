//! One event of each kind as it is written, frozen: logs outlive the software that wrote them.
//! If a file changes, old logs may not read any more. To write them anew, on purpose:
//! `GAVEL_GOLDEN=write cargo test -p gavel-proof --test evidence golden`.

use crate::house::{amount, eur, paddle, terms, user};
use gavel_auction::event::{
    Amended, BidPlaced, BidUndone, Channel, CloseReason, Created, Digest, Event, ExtensionReason,
    Fact, Hidden, HouseId, KeyId, Next, Now, Reason, Shown,
};
use gavel_auction::ids::AuctionId;
use gavel_auction::outcome::{Outcome, PassedReason, Sale};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Promotion, Reserve, Weight, WeightKind};
use gavel_auction::time::Time;
use gavel_proof::canonical;
use gavel_proof::codec::{Origin, Written, decode, encode};
use gavel_proof::command::CommandId;
use gavel_proof::keys::LogKey;
use std::path::PathBuf;
use std::sync::Arc;

fn now() -> Now {
    let shown = Shown {
        leader: Some(paddle(2)),
        next: Next::Minimum(Some(amount(1100))),
        price: Some(amount(1000)),
        reserve_met: Some(false),
    };
    Now { end: Time(1_700_003_600_000_000), extended: true, shown: Some(shown) }
}

fn empty_now() -> Now {
    let shown = Shown { leader: None, next: Next::Maximum(None), price: None, reserve_met: None };
    Now { end: Time(1_700_003_600_000_000), extended: false, shown: Some(shown) }
}

fn created() -> Fact {
    let double = Promotion::Double {
        every_seconds: 3600,
        weights: vec![Weight { factor: 2, kind: WeightKind::Newcomer }],
    };
    let reserve = Some(Reserve::Hidden { amount: Some(amount(5000)) });
    let slots = Slots { reserve, promotion: Some(double), ..Slots::default() };
    Fact::Created(Box::new(Created {
        currency: eur(),
        house: HouseId([0x5a; 16]),
        listing_digest: Digest([3; 32]),
        log_key: KeyId([4; 8]),
        preset: Preset::Ladder,
        rules_version: 1,
        seller: user(77),
        terms: Arc::new(terms(Preset::Ladder, slots).public()),
    }))
}

fn bidding() -> Vec<(&'static str, Fact, Hidden)> {
    let none = Hidden::default;
    let end = Time(1_700_003_600_000_000);
    let plain = BidPlaced {
        amount: Some(amount(1000)),
        channel: None,
        paddle: Some(paddle(2)),
        now: now(),
    };
    let proxy = BidPlaced { amount: None, channel: Some(Channel::Phone), ..plain.clone() };
    let sealed_now = Now { end, extended: false, shown: None };
    let sealed = BidPlaced { amount: None, channel: None, paddle: None, now: sealed_now };
    let named = Hidden { user: Some(user(1001)), ..none() };
    let maximum = Hidden { maximum: Some(amount(1500)), clerk: Some(user(88)), ..none() };
    let blind = Hidden { amount: Some(amount(900)), paddle: Some(paddle(3)), ..named.clone() };
    let undone = |now| BidUndone { bid: 4, reason: Reason::Mistake, now };
    vec![
        ("bid_placed", Fact::BidPlaced(plain), named.clone()),
        ("bid_placed_proxy", Fact::BidPlaced(proxy), maximum),
        ("bid_placed_sealed", Fact::BidPlaced(sealed), blind),
        ("buy_now_taken", Fact::BuyNowTaken { amount: amount(9000), paddle: paddle(1) }, named),
        ("clock_accepted", Fact::ClockAccepted { amount: amount(700), paddle: paddle(1) }, none()),
        ("bid_retracted", Fact::BidRetracted(undone(now())), none()),
        ("bid_voided", Fact::BidVoided(undone(empty_now())), none()),
        ("bid_promoted", Fact::BidPromoted { bid: 4, interval: 0, now: now() }, none()),
    ]
}

fn ending() -> Vec<(&'static str, Fact)> {
    let end = Time(1_700_003_600_000_000);
    let sold = Outcome::Sold(Sale {
        buyer_pays: 13_200,
        commission: 500,
        hammer_price: amount(10_000),
        house_pays: 0,
        premium: 1000,
        tax: 2200,
        winner: paddle(2),
    });
    let passed = Outcome::Passed { reason: PassedReason::ReserveNotMet };
    let closed = |outcome, reason, why| Fact::Closed { outcome, reason, why };
    vec![
        ("closed_sold", closed(sold, CloseReason::Time, None)),
        ("closed_passed", closed(passed, CloseReason::Clerk, Some(Reason::OnRequest))),
        ("reopened", Fact::Reopened { end, reason: Reason::NonPayment }),
        ("cancelled", Fact::Cancelled { reason: Reason::Damaged }),
        ("certified", Fact::Certified { head: Digest([6; 32]) }),
    ]
}

fn all() -> Vec<(&'static str, Fact, Hidden)> {
    let end = Time(1_700_003_600_000_000);
    let seeded =
        Hidden { reserve: Some(amount(5000)), seed: Some(Digest([8; 32])), ..Hidden::default() };
    let amended = Amended {
        listing_digest: Digest([9; 32]),
        terms: Arc::new(terms(Preset::Timed, Slots::default())),
    };
    let gone = (Time(1_700_003_500_000_000), Time(1_700_003_700_000_000));
    let reason = ExtensionReason::Outage;
    let mut facts = vec![
        ("amended", Fact::Amended(Box::new(amended))),
        ("addendum", Fact::Addendum { digest: Digest([5; 32]) }),
        ("published", Fact::Published {}),
        ("opened", Fact::Opened { end }),
        ("bidder_registered", Fact::BidderRegistered { paddle: paddle(1) }),
        ("bidder_approved", Fact::BidderApproved { paddle: paddle(1) }),
        ("bidder_declined", Fact::BidderDeclined { paddle: paddle(1) }),
        ("held", Fact::Held { reason: Reason::TechnicalFailure }),
        ("resumed", Fact::Resumed { end }),
        ("extended", Fact::Extended { end, from: gone.0, reason, to: gone.1 }),
    ];
    facts.extend(ending());
    let mut events = vec![("created", created(), seeded)];
    events.extend(bidding());
    events.extend(facts.into_iter().map(|(name, fact)| (name, fact, Hidden::default())));
    events
}

#[test]
fn golden_events_are_written_and_read_as_ever() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/events");
    let auction = AuctionId::new(5).unwrap();
    let key = LogKey::from_bytes([1; 32]).auction(HouseId([0x5a; 16]), auction);
    let origin = Origin { command: CommandId([0xc0; 16]), digest: [0xd1; 16] };
    for (name, fact, hidden) in all() {
        let at = Time(1_700_000_000_000_000);
        let event = Event { auction, version: 3, at, fact, hidden };
        let Written { public, sealed, hash } = encode(&event, &origin, &key, &Digest([2; 32]));
        canonical::check(&public).unwrap();
        canonical::check(&sealed).unwrap();
        assert_eq!(decode(&public, &sealed).unwrap(), (event, origin), "{name}");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (public, sealed) = (text(public), text(sealed));
        let text = format!("{{\"hash\":\"{hash}\",\n\"public\":{public},\n\"sealed\":{sealed}}}\n");
        let file = folder.join(format!("{name}.json"));
        if option_env!("GAVEL_GOLDEN") == Some("write") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let frozen = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, frozen, "{name}: the durable form has changed");
    }
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, all().len(), "a golden file belongs to no event");
}
