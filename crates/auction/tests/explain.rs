//! Why bids stand as they do, in every way that a bid can fare.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "shared/invariants.rs"]
mod invariants;
#[path = "shared/world.rs"]
mod world;

use gavel_auction::command::{Action, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Fact, Reason};
use gavel_auction::explain::{Asked, Explanation, explain};
use gavel_auction::ids::{BidId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{BuyNow, Increment, Promotion, Reserve, Retraction, Schedule};
use gavel_auction::view::{Standing, Viewer};
use std::collections::BTreeMap;
use world::{World, ZERO, create};

struct House {
    world: World,
    seconds: i64,
}

fn person(id: i64) -> Person {
    Person::new(UserId::new(id).unwrap(), Roles::MEMBER)
}

fn amount(minor: i64) -> Amount {
    Amount::new(minor).unwrap()
}

impl House {
    fn open(preset: Preset, slots: Slots) -> Self {
        let eur = Currency::from_code("EUR").unwrap();
        let schedule = Schedule { duration_seconds: Some(3600), ..Schedule::default() };
        let slots = Slots { schedule: Some(schedule), ..slots };
        let terms = slots.over(preset.slots(eur)).complete().unwrap();
        let mut world = World::new(5);
        let wish = Action::Create(Box::new(create(preset, eur, terms, true)));
        world.ask(person(1), wish, ZERO).unwrap();
        Self { world, seconds: 0 }
    }

    fn ask(&mut self, who: i64, action: Action) -> BidId {
        self.seconds += 1;
        let now = ZERO.plus_seconds(self.seconds);
        self.world.pass(now);
        let staff = Person::new(UserId::new(who).unwrap(), Roles::ADMIN);
        let who = if who == 2 { staff } else { person(who) };
        self.world.ask(who, action, now).unwrap();
        self.world.auction.version()
    }

    fn bid(&mut self, who: i64, minor: i64) -> BidId {
        self.ask(who, Action::Bid(PlaceBid::of(Offer::Amount(amount(minor)))))
    }

    fn end(&mut self) {
        self.world.pass(ZERO.plus_seconds(100_000));
        assert_eq!(self.world.replayed(), self.world.auction);
    }

    /// What the bidder is told about his bid.
    fn why(&self, bid: BidId) -> Explanation {
        let book = self.world.auction.book().unwrap();
        let paddle = book.bid(bid).unwrap().paddle;
        let own: BTreeMap<_, _> = book
            .bids()
            .iter()
            .filter(|other| other.paddle == paddle)
            .map(|other| (other.id, other.amount))
            .collect();
        let facts = self.world.events.iter().map(|event| (event.version, &event.fact));
        explain(&Asked { bid, paddle, own: &own }, facts).unwrap()
    }

    fn is(&self, bid: BidId, code: &str, words: &str) {
        let told = self.why(bid);
        assert_eq!(told.why.code(), code, "{told:?}");
        assert!(told.text.contains(words), "{words}: {}", told.text);
    }
}

fn none() -> Slots {
    Slots::default()
}

fn step(minor: i64) -> Option<Increment> {
    Some(Increment::Fixed { step: amount(minor) })
}

#[test]
fn an_english_bid_leads_is_outbid_wins_or_loses() {
    let mut house = House::open(Preset::English, none());
    let first = house.bid(11, 10_000);
    house.is(first, "leading", "at a price of 100.00 EUR");
    let second = house.bid(12, 12_750);
    house.is(first, "outbid", "until paddle 2 bid more with event 5; the price was then 127.50");
    assert_eq!(house.why(first).by, Some(second));
    house.end();
    house.is(first, "outbid", "It was sold to paddle 2 for 127.50 EUR.");
    house.is(second, "won", "The bid won.");
}

#[test]
fn who_leads_a_head_is_told_so_though_he_has_taken_his_bid_back_since() {
    let slots = Slots { retraction: Some(Retraction::WhileOpen {}), ..none() };
    let mut house = House::open(Preset::English, slots);
    let bid = house.bid(11, 10_000);
    let head = house.world.auction.head().unwrap();
    let whose = UserId::new(11).unwrap();
    house.ask(11, Action::Retract { bid, reason: Reason::Mistake });
    let mine = house.world.auction.mine(whose);
    assert_eq!(mine.as_ref().unwrap().amount, None, "what is his is newer than the head");
    let viewer = Viewer { user: Some(whose), ..Viewer::default() };
    let you = head.you(whose, &viewer, mine.as_ref(), ZERO.plus_seconds(2));
    assert_eq!(you.standing, Some(Standing::Leading));
}

#[test]
fn a_proxy_bid_can_be_outbid_at_once_or_meet_its_equal() {
    let mut house = House::open(Preset::Timed, Slots { increment: step(500), ..none() });
    let leads = house.bid(11, 50_000);
    let below = house.bid(12, 10_000);
    house.is(below, "outbid_at_once", "paddle 1 had bid more; the price came to stand at 105.00");
    let equal = house.bid(13, 50_000);
    house.is(equal, "outbid_at_once", "among equals the earlier bid leads");
    house.is(leads, "leading", "at a price of 500.00 EUR");
    let raised = house.bid(11, 60_000);
    house.is(leads, "replaced", &format!("later bid {raised}"));
    house.is(raised, "leading", "at a price of");
    let more = house.bid(12, 90_000);
    house.is(raised, "outbid", &format!("with event {more}"));
    house.is(below, "outbid_at_once", "had bid more");
    house.end();
    house.is(more, "won", "sold to paddle 2");
}

#[test]
fn a_bid_that_led_may_not_be_enough() {
    let reserve = Some(Reserve::Hidden { amount: Some(amount(50_000)) });
    let mut house = House::open(Preset::English, Slots { reserve, ..none() });
    let (first, second) = (house.bid(11, 10_000), house.bid(12, 20_000));
    house.end();
    house.is(second, "reserve_not_met", "at 200.00 EUR, but that did not meet the seller's");
    house.is(first, "outbid", "It was not sold.");
    assert!(!house.why(second).text.contains("500"), "the reserve stays hidden");
}

#[test]
fn what_was_taken_back_or_struck_out_says_so() {
    let retraction = Some(Retraction::WhileOpen {});
    let mut house = House::open(Preset::English, Slots { retraction, ..none() });
    let (first, second) = (house.bid(11, 10_000), house.bid(12, 20_000));
    let third = house.bid(13, 30_000);
    let reason = Reason::SuspectedFraud;
    let voided = house.ask(2, Action::Void { bid: third, reason });
    house.is(third, "voided", &format!("(suspected fraud) with event {voided}"));
    house.is(second, "leading", "at a price of 200.00");
    house.ask(12, Action::Retract { bid: second, reason: Reason::Mistake });
    house.is(second, "retracted", "(mistake)");
    house.is(first, "leading", "at a price of 100.00");
    house.ask(2, Action::Cancel { reason: Reason::Damaged });
    house.is(first, "cancelled", "called off");
}

#[test]
fn a_purchase_at_a_fixed_price_beats_every_bid() {
    let buy_now = Some(BuyNow::UntilClose { amount: amount(90_000) });
    let mut house = House::open(Preset::English, Slots { buy_now, ..none() });
    let (first, second) = (house.bid(11, 10_000), house.bid(12, 20_000));
    house.ask(13, Action::BuyNow);
    house.is(second, "bought", "sold to paddle 3 for 900.00 EUR");
    house.is(first, "outbid", "sold to paddle 3");
}

#[test]
fn a_sealed_bid_is_told_of_after_the_close_only() {
    let mut house = House::open(Preset::Sealed, none());
    let (first, second) = (house.bid(11, 10_000), house.bid(12, 20_000));
    let (again, equal) = (house.bid(11, 15_000), house.bid(13, 20_000));
    for bid in [first, second, again, equal] {
        house.is(bid, "sealed", "after the close");
        let told = house.why(bid);
        assert_eq!((told.by, told.price, told.leader), (None, None, None));
    }
    house.end();
    house.is(first, "replaced", &format!("later bid {again}"));
    house.is(again, "lost", "another bid was more. It was sold to paddle 2 for 200.00 EUR.");
    house.is(equal, "lost", "among equals the earlier bid wins");
    house.is(second, "won", "The bid won.");
}

#[test]
fn sealed_bids_that_are_not_enough_are_told_no_more_than_that() {
    let reserve = Some(Reserve::Hidden { amount: Some(amount(50_000)) });
    let mut house = House::open(Preset::Vickrey, Slots { reserve, ..none() });
    let (first, second) = (house.bid(11, 10_000), house.bid(12, 20_000));
    house.end();
    let [one, two] = [first, second].map(|bid| house.why(bid));
    assert_eq!(one, two, "who was best stays sealed");
    house.is(first, "reserve_not_met", "No bid met the seller's reserve");
}

#[test]
fn bids_over_ones_own_stand_until_the_close() {
    let promotion = Some(Promotion::None {});
    let mut house = House::open(Preset::Ladder, Slots { promotion, ..none() });
    let (first, second) = (house.bid(11, 10_000), house.bid(12, 20_000));
    house.is(first, "standing", "paddle 2 ranks best, at 200.00 EUR");
    house.is(second, "leading", "at a price of 200.00");
    let again = house.bid(11, 15_000);
    house.is(first, "replaced", "counts instead");
    house.end();
    house.is(again, "lost", "another bid was more. It was sold to paddle 2");
    house.is(second, "won", "won");
}

#[test]
fn a_doubled_bid_can_take_the_lead() {
    let promotion = Some(Promotion::Double { every_seconds: 600, weights: Vec::new() });
    let mut house = House::open(Preset::Ladder, Slots { promotion, ..none() });
    let (small, great) = (house.bid(11, 15_000), house.bid(12, 20_000));
    house.world.pass(ZERO.plus_seconds(700));
    let drawn = house.world.events.iter().find_map(|event| {
        if let Fact::BidPromoted { bid, .. } = &event.fact { Some(*bid) } else { None }
    });
    if drawn == Some(small) {
        house.is(great, "standing", "paddle 1 ranks best, at 300.00");
        house.is(small, "leading", "at a price of 300.00");
    } else {
        house.is(great, "leading", "at a price of 400.00");
    }
}

#[test]
fn reverse_auctions_speak_of_less() {
    let slots = Slots { starting_price: Some(amount(50_000)), ..none() };
    let mut house = House::open(Preset::Reverse, slots);
    let (first, _) = (house.bid(11, 40_000), house.bid(12, 30_000));
    house.is(first, "outbid", "until paddle 2 bid less");
}

#[test]
fn what_is_no_bid_is_not_explained() {
    let house = House::open(Preset::English, none());
    let facts: Vec<_> = house.world.events.iter().map(|event| &event.fact).collect();
    let paddle = gavel_auction::ids::Paddle::new(1).unwrap();
    for bid in [0, 1, 2, 9] {
        let asked = Asked { bid, paddle, own: &BTreeMap::new() };
        assert_eq!(explain(&asked, (1..).zip(facts.iter().copied())), None);
    }
}
