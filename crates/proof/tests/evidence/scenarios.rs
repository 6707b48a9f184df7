//! Auctions of every kind, each played to its certificate.

use crate::house::{ADMIN, House, SELLER, START, amount, paddle, terms};
use gavel_auction::command::{Action, Amend};
use gavel_auction::event::{Channel, Digest, Reason};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{
    BuyNow, Clock, Eligibility, Increment, Proxy, Reserve, Retraction, Schedule,
};
use gavel_auction::time::Time;
use std::sync::Arc;

fn none() -> Slots {
    Slots::default()
}

fn hidden(minor: i64) -> Option<Reserve> {
    Some(Reserve::Hidden { amount: Some(amount(minor)) })
}

fn stepwise(step: i64) -> Option<Increment> {
    Some(Increment::Fixed { step: amount(step) })
}

fn timed(reserve: Option<Reserve>) -> House {
    House::open(Preset::Timed, Slots { reserve, increment: stepwise(5), ..none() })
}

type Scenario = (&'static str, fn() -> House);

/// Every scenario, with its name.
pub fn all() -> Vec<(&'static str, House)> {
    let scenarios: [Scenario; 33] = [
        ("english", english),
        ("english without bids", || House::open(Preset::English, none())),
        ("english, reserve not met", english_reserve_not_met),
        ("english, reserve met then voided", english_reserve_voided),
        ("amended, scheduled, with a note", amended),
        ("approved bidders, a clerk's bids", approved),
        ("held, resumed, outage, closed by a clerk", held),
        ("timed, proxies", timed_sold),
        ("timed, won at its very maximum", timed_at_maximum),
        ("timed, alone", timed_alone),
        ("timed, own raises", timed_raises),
        ("timed, reserve met by a raise", timed_reserve_met),
        ("timed, reserve not met", timed_reserve_not_met),
        ("timed, voids", timed_voids),
        ("timed, winner came back", timed_came_back),
        ("timed, bought now", timed_bought),
        ("timed, bids beyond a buy now that is gone", timed_beyond_buy_now),
        ("timed, cancelled", timed_cancelled),
        ("timed, passed after a reopening", timed_reopened),
        ("reverse with proxies", reverse_proxies),
        ("sealed", sealed),
        ("sealed, passed", sealed_passed),
        ("sealed once, passed, approved", sealed_once),
        ("sealed, passed, registrations between", sealed_between),
        ("vickrey", vickrey),
        ("vickrey, tie", vickrey_tie),
        ("vickrey, reopened, another winner", vickrey_reopened),
        ("reverse vickrey", reverse_vickrey),
        ("ladder", ladder),
        ("ladder, reopened", ladder_reopened),
        ("dutch", dutch),
        ("reverse", reverse),
        ("buy now", bought),
    ];
    scenarios
        .into_iter()
        .map(|(name, play)| {
            let mut house = play();
            house.at(1_000_000);
            (name, house)
        })
        .collect()
}

pub fn english() -> House {
    let mut house = House::open(Preset::English, none());
    house.at(1).bid(11, 10_000).at(2).bid(12, 12_750).at(3).bid(11, 13_000);
    house.at(3590).bid(13, 20_000);
    house
}

pub fn english_certified() -> House {
    let mut house = english();
    house.at(1_000_000);
    house
}

fn english_reserve_not_met() -> House {
    let mut house = House::open(Preset::English, Slots { reserve: hidden(50_000), ..none() });
    house.at(1).bid(11, 10_000).at(2).bid(12, 49_000);
    house
}

fn english_reserve_voided() -> House {
    let mut house = House::open(Preset::English, Slots { reserve: hidden(50_000), ..none() });
    house.at(1).bid(11, 10_000).at(2).bid(12, 60_000);
    let last = house.version();
    house.at(3).void(last);
    house
}

fn amended() -> House {
    let mut house = House::new();
    let schedule = Some(Schedule {
        starts_at: Some(Time((START + 100) * 1_000_000)),
        duration_seconds: Some(600),
        ends_at: None,
    });
    let slots = |reserve| Slots { reserve, schedule, ..none() };
    house.create(Preset::English, terms(Preset::English, slots(hidden(900))), false);
    let amend = Amend {
        terms: Arc::new(terms(Preset::English, slots(hidden(700)))),
        listing_digest: Digest([4; 32]),
        seed: None,
    };
    house.at(10).by(SELLER, Action::Amend(Box::new(amend)));
    house.at(20).by(SELLER, Action::Publish);
    house.at(101).by(SELLER, Action::Addendum { digest: Digest([5; 32]) });
    house.at(110).bid(11, 800);
    house
}

fn approved() -> House {
    let eligibility = Some(Eligibility::Approved);
    let mut house = House::open(Preset::Classic, Slots { eligibility, ..none() });
    for who in 11..14 {
        house.at(1).by(who, Action::Register);
        house.by(ADMIN, Action::Approve { paddle: paddle(who - 10) });
    }
    house.at(2).by(ADMIN, Action::Decline { paddle: paddle(3) });
    house.at(3).bid(11, 100).at(4).bid_for(2, 200, Channel::Phone);
    house.at(5).bid_for(1, 300, Channel::Absentee).at(6).bid_for(2, 301, Channel::Floor);
    house
}

fn held() -> House {
    let mut house = House::open(Preset::English, none());
    house.at(1).bid(11, 100);
    house.at(2).by(ADMIN, Action::Hold { reason: Reason::TechnicalFailure });
    house.at(60).by(ADMIN, Action::Resume);
    house.at(61).bid(12, 200);
    let gone = |seconds| Time((START + seconds) * 1_000_000);
    house.now_at(4000);
    house.tick(Some((gone(3000), gone(4000))));
    house.at(4010).bid(11, 300);
    house.at(4020).by(ADMIN, Action::Close { reason: Some(Reason::OnRequest) });
    house
}

fn timed_sold() -> House {
    let mut house = timed(None);
    house.at(1).bid(11, 100).at(2).bid(12, 500).at(3).bid(13, 200);
    house
}

fn timed_at_maximum() -> House {
    let mut house = timed(None);
    house.at(1).bid(11, 98).at(2).bid(12, 100);
    house
}

fn timed_alone() -> House {
    let mut house = timed(None);
    house.at(1).bid(11, 98);
    house
}

fn timed_raises() -> House {
    let mut house = timed(None);
    house.at(1).bid(11, 300).at(2).bid(12, 250).at(3).bid(11, 301).at(4).bid(11, 900);
    house.at(5).bid(12, 300).at(6).bid(13, 320);
    house
}

fn timed_reserve_met() -> House {
    let mut house = timed(hidden(600));
    house.at(1).bid(11, 300).at(2).bid(12, 400).at(3).bid(12, 599).at(4).bid(12, 600);
    house.at(5).bid(12, 700);
    house
}

fn timed_reserve_not_met() -> House {
    let mut house = timed(hidden(600));
    house.at(1).bid(11, 300).at(2).bid(12, 400).at(3).bid(12, 598).at(4).bid(12, 599);
    house
}

fn timed_voids() -> House {
    let mut house = timed(hidden(600));
    house.at(1).bid(11, 300).at(2).bid(12, 700).at(3).bid(11, 800);
    let last = house.version();
    house.at(4).void(last).at(5).void(last - 1);
    house.at(6).bid(13, 550);
    house
}

fn timed_came_back() -> House {
    let retraction = Some(Retraction::WhileOpen {});
    let slots = Slots { retraction, increment: stepwise(5), ..none() };
    let mut house = House::open(Preset::Timed, slots);
    house.at(1).bid(11, 500).at(2).bid(12, 600);
    let last = house.version();
    house.at(3).retract(12, last).retract(11, last - 1);
    house.at(4).bid(12, 100).at(5).bid(11, 400).at(6).bid(11, 450);
    house
}

fn timed_bought() -> House {
    let buy_now = Some(BuyNow::UntilReserveMet { amount: amount(1000) });
    let slots = Slots { buy_now, reserve: hidden(900), increment: stepwise(5), ..none() };
    let mut house = House::open(Preset::Timed, slots);
    house.at(1).bid(11, 500).at(2).bid(11, 800).at(3).bid(12, 300);
    house.at(4).by(11, Action::BuyNow);
    house
}

fn timed_beyond_buy_now() -> House {
    let buy_now = Some(BuyNow::UntilFirstBid { amount: amount(1000) });
    let slots = Slots { buy_now, increment: stepwise(5), ..none() };
    let mut house = House::open(Preset::Timed, slots);
    house.at(1).bid(11, 998).at(2).bid(11, 999).at(3).bid(11, 2000).at(4).bid(12, 1500);
    house
}

fn timed_cancelled() -> House {
    let mut house = timed(hidden(600));
    house.at(1).bid(11, 300).at(2).bid(12, 400).at(3).bid(12, 550);
    house.at(4).by(ADMIN, Action::Cancel { reason: Reason::Damaged });
    house
}

fn timed_reopened() -> House {
    let mut house = timed(hidden(600));
    house.at(1).bid(11, 300).at(2).bid(12, 590);
    house.now_at(3600);
    house.tick(None);
    let ends_at = Time((START + 7200) * 1_000_000);
    let reason = Reason::Mistake;
    house.by(ADMIN, Action::Reopen { reason, ends_at, seed: None });
    house.at(3700).bid(13, 400);
    house
}

fn reverse_proxies() -> House {
    let proxy = Some(Proxy::Maximum);
    let starting_price = Some(amount(1000));
    let reserve = hidden(700);
    let own_raise = Some(true);
    let slots =
        Slots { proxy, starting_price, reserve, own_raise, increment: stepwise(5), ..none() };
    let mut house = House::open(Preset::Reverse, slots);
    house.at(1).bid(11, 900).at(2).bid(12, 800).at(3).bid(12, 701).at(4).bid(12, 400);
    house.at(5).bid(11, 650);
    house
}

/// A sealed auction that nobody has bid in yet.
pub fn sealed_open() -> House {
    House::open(Preset::Sealed, none())
}

fn sealed() -> House {
    let mut house = House::open(Preset::Sealed, Slots { reserve: hidden(50), ..none() });
    house.at(1).bid(11, 100).at(2).bid(12, 300).at(3).bid(13, 200).at(4).bid(12, 250);
    house
}

fn sealed_passed() -> House {
    let retraction = Some(Retraction::WhileOpen {});
    let mut house =
        House::open(Preset::Sealed, Slots { reserve: hidden(5000), retraction, ..none() });
    house.at(1).bid(11, 100).at(2).bid(12, 300).at(3).bid(11, 400);
    let last = house.version();
    house.at(4).retract(11, last).void(last - 1);
    house
}

fn sealed_once() -> House {
    let admission = Some(gavel_auction::terms::Admission::OncePerBidder {});
    let eligibility = Some(Eligibility::Approved);
    let slots = Slots { admission, eligibility, reserve: hidden(5000), ..none() };
    let mut house = House::open(Preset::Sealed, slots);
    for who in 11..14 {
        house.at(1).by(who, Action::Register);
        house.by(ADMIN, Action::Approve { paddle: paddle(who - 10) });
    }
    house.at(2).bid(12, 100).by(ADMIN, Action::Decline { paddle: paddle(2) });
    house.at(3).bid(13, 200).at(4).bid_for(1, 300, Channel::Phone);
    house
}

fn sealed_between() -> House {
    let mut house = House::open(Preset::Vickrey, Slots { reserve: hidden(5000), ..none() });
    house.at(1).bid(11, 100).at(2).bid(11, 200).at(3).bid(12, 300);
    house.at(4).by(13, Action::Register);
    house.at(5).bid(13, 300).at(6).bid(14, 400);
    house
}

fn vickrey() -> House {
    let mut house = House::open(Preset::Vickrey, Slots { reserve: hidden(120), ..none() });
    house.at(1).bid(11, 100).at(2).bid(12, 300).at(3).bid(13, 200).at(4).bid(12, 900);
    house.at(5).bid(12, 500);
    house
}

fn vickrey_tie() -> House {
    let mut house = House::open(Preset::Vickrey, none());
    house.at(1).bid(11, 100).at(2).bid(12, 100);
    house
}

fn vickrey_reopened() -> House {
    let mut house = House::open(Preset::Vickrey, none());
    house.at(1).bid(11, 300).at(2).bid(12, 400);
    let last = house.version();
    house.now_at(3600);
    house.tick(None);
    let ends_at = Time((START + 7200) * 1_000_000);
    let reason = Reason::NonPayment;
    house.by(ADMIN, Action::Reopen { reason, ends_at, seed: None });
    house.at(3700).void(last);
    house
}

fn reverse_vickrey() -> House {
    let starting_price = Some(amount(120));
    let direction = Some(gavel_auction::terms::Direction::Reverse);
    let mut house = House::open(Preset::Vickrey, Slots { starting_price, direction, ..none() });
    house.at(1).bid(11, 80).at(2).bid(12, 100);
    house
}

fn ladder() -> House {
    let mut house = House::open(Preset::Ladder, Slots { schedule: day(), ..none() });
    house.at(1).bid(11, 100).at(2).bid(12, 90).at(3).bid(13, 80).at(4).bid(11, 110);
    let last = house.version();
    house.at(3700).bid(12, 120).bid(13, 300).at(3800).retract(11, last);
    house.at(80_000).bid(14, 10).bid(11, 105);
    house
}

fn ladder_reopened() -> House {
    let mut house = ladder();
    house.at(86_400);
    let seed = Some(house.key.seed(house.auction.epoch() + 1));
    let ends_at = Time((START + 100_000) * 1_000_000);
    let reason = Reason::NonPayment;
    house.by(ADMIN, Action::Reopen { reason, ends_at, seed });
    house.at(86_500).bid(15, 50).at(92_000).bid(11, 400);
    house
}

fn day() -> Option<Schedule> {
    Some(Schedule { duration_seconds: Some(86_400), ..Schedule::default() })
}

fn dutch() -> House {
    let clock = Clock::Descending {
        start: amount(1000),
        floor: amount(100),
        step: amount(100),
        every_seconds: 10,
    };
    let mut house = House::open(Preset::Dutch, Slots { clock: Some(clock), ..none() });
    house.at(5).by(12, Action::Register);
    house.at(15).by(ADMIN, Action::Hold { reason: Reason::Other });
    house.at(75).by(ADMIN, Action::Resume);
    house.at(85).by(11, Action::Accept { price: amount(850) });
    house
}

fn reverse() -> House {
    let starting_price = Some(amount(100_000));
    let mut house = House::open(Preset::Reverse, Slots { starting_price, ..none() });
    house.at(1).bid(11, 100_000).at(2).bid(12, 99_500).at(3).bid(11, 90_000);
    house
}

fn bought() -> House {
    let buy_now = Some(BuyNow::UntilFirstBid { amount: amount(100_000) });
    let mut house = House::open(Preset::English, Slots { buy_now, ..none() });
    house.at(1).by(11, Action::BuyNow);
    house
}
