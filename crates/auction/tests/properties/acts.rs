//! Random things that people do, and the house in which they do them.

use crate::compositions::{Composition, eur};
use crate::world::{World, ZERO, create};
use gavel_auction::auction::Phase;
use gavel_auction::command::{Action, Offer, Person, PlaceBid, Roles};
use gavel_auction::event::{Channel, Digest, Event, Reason};
use gavel_auction::ids::{Paddle, UserId};
use gavel_auction::money::Amount;
use gavel_auction::refusal::Refusal;
use gavel_auction::terms::Direction;
use gavel_auction::time::{SECOND, Time};
use gavel_auction::view::{View, Viewer};
use proptest::prelude::*;

/// How much somebody bids.
#[derive(Clone, Copy, Debug)]
pub enum HowMuch {
    /// Any amount.
    Just(i64),
    /// So much more than what he is told is the next legal amount.
    Next(i64),
}

/// What somebody does.
#[derive(Clone, Copy, Debug)]
pub enum What {
    Bid { how_much: HowMuch, by_clerk: bool },
    Accept { price: i64 },
    BuyNow,
    Register,
    Approve { paddle: i64, yes: bool },
    Retract { nth: usize },
    Void { nth: usize },
    Hold,
    Resume,
    Close,
    Cancel,
    Reopen { after: i64 },
    Certify,
    Addendum,
    Outage { before: i64 },
}

/// Who does what, how long after the last act.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    pub who: i64,
    pub wait: i64,
    pub what: What,
}

pub fn act() -> impl Strategy<Value = Act> {
    let how_much = prop_oneof![
        2 => (1_i64..400).prop_map(HowMuch::Just),
        5 => (-2_i64..40).prop_map(HowMuch::Next),
    ];
    let bid = (how_much, prop::bool::weighted(0.1))
        .prop_map(|(how_much, by_clerk)| What::Bid { how_much, by_clerk });
    let what = prop_oneof![
        40 => bid,
        2 => (1_i64..400).prop_map(|price| What::Accept { price }),
        1 => Just(What::BuyNow),
        3 => Just(What::Register),
        3 => (1_i64..5, prop::bool::weighted(0.8))
            .prop_map(|(paddle, yes)| What::Approve { paddle, yes }),
        4 => (0_usize..12).prop_map(|nth| What::Retract { nth }),
        2 => (0_usize..12).prop_map(|nth| What::Void { nth }),
        1 => Just(What::Hold),
        2 => Just(What::Resume),
        1 => prop::bool::weighted(0.3)
            .prop_map(|close| if close { What::Close } else { What::Addendum }),
        1 => prop::bool::weighted(0.2)
            .prop_map(|cancel| if cancel { What::Cancel } else { What::Certify }),
        2 => (1_i64..600).prop_map(|after| What::Reopen { after }),
        1 => (1_i64..300).prop_map(|before| What::Outage { before }),
    ];
    let wait = prop_oneof![
        3 => 0..20 * SECOND,
        1 => (0_i64..120).prop_map(|seconds| seconds * SECOND),
    ];
    (0_i64..5, wait, what).prop_map(|(who, wait, what)| Act { who, wait, what })
}

/// An auction house with four bidders (1 to 4), a seller (0), a clerk and an administrator.
pub struct House {
    pub world: World,
    pub now: Time,
    /// Whether ticks come only with the next act, not at their own time.
    late: bool,
    reopened: u8,
}

pub fn member(number: i64) -> Person {
    Person::new(UserId::new(100 + number).unwrap(), Roles::MEMBER)
}

fn clerk() -> Person {
    Person::new(UserId::new(200).unwrap(), Roles::CLERK)
}

fn admin() -> Person {
    Person::new(UserId::new(300).unwrap(), Roles::ADMIN)
}

impl House {
    pub fn open(composition: &Composition, late: bool) -> Self {
        let mut world = World::new(9);
        let wish = create(composition.preset, eur(), composition.terms.clone(), true);
        world.ask(member(0), Action::Create(Box::new(wish)), ZERO).expect("legal terms");
        Self { world, now: ZERO, late, reopened: 0 }
    }

    fn pass(&mut self) {
        if !self.late {
            self.world.pass(self.now);
        }
        while !self.world.tick(self.now, None).is_empty() {}
    }

    /// Does it; what comes of it.
    pub fn act(&mut self, act: &Act) -> Result<Vec<Event>, Refusal> {
        self.now = self.now.plus(act.wait);
        if let What::Outage { before } = act.what {
            let from = self.now.plus_seconds(-before).max(ZERO);
            let events = self.world.tick(self.now, Some((from, self.now)));
            return Ok(events);
        }
        self.pass();
        let bid_id = |nth: usize| {
            let bids = self.world.auction.book().unwrap().bids();
            bids.get(nth).map_or(99_999, |bid| bid.id)
        };
        let reason = Reason::Mistake;
        let (who, action) = match act.what {
            What::Bid { how_much, by_clerk } => self.bid(act.who, how_much, by_clerk),
            What::Accept { price } => {
                (member(act.who), Action::Accept { price: Amount::new(price).unwrap() })
            }
            What::BuyNow => (member(act.who), Action::BuyNow),
            What::Register => (member(act.who), Action::Register),
            What::Approve { paddle, yes } => {
                let paddle = Paddle::new(paddle).unwrap();
                let approve = Action::Approve { paddle };
                (clerk(), if yes { approve } else { Action::Decline { paddle } })
            }
            What::Retract { nth } => {
                (member(act.who), Action::Retract { bid: bid_id(nth), reason })
            }
            What::Void { nth } => (admin(), Action::Void { bid: bid_id(nth), reason }),
            What::Hold => (clerk(), Action::Hold { reason }),
            What::Resume => (clerk(), Action::Resume),
            What::Close => (clerk(), Action::Close { reason: None }),
            What::Cancel => (clerk(), Action::Cancel { reason }),
            What::Reopen { after } => {
                self.reopened += 1;
                let seed = Some(Digest([self.reopened; 32]));
                let ends_at = self.now.plus_seconds(after);
                (admin(), Action::Reopen { reason, ends_at, seed })
            }
            What::Certify => (admin(), Action::Certify { head: crate::world::DIGEST }),
            What::Addendum | What::Outage { .. } => {
                (member(0), Action::Addendum { digest: crate::world::DIGEST })
            }
        };
        let before = self.world.auction.clone();
        let answer = self.world.ask(who, action, self.now);
        if answer.is_err() {
            assert_eq!(before, self.world.auction, "N8: a refusal changes nothing");
        }
        answer
    }

    fn bid(&self, who: i64, how_much: HowMuch, by_clerk: bool) -> (Person, Action) {
        let person = member(who);
        let amount = match how_much {
            HowMuch::Just(minor) => minor,
            HowMuch::Next(more) => {
                let next = self.view(person).you.and_then(|you| you.next);
                let toward = if self.forward() { more } else { -more };
                next.map_or(100, Amount::minor) + toward
            }
        };
        let amount = Amount::new(amount).unwrap_or(Amount::ONE);
        let mut bid = PlaceBid { confirm: who % 2 == 0, ..PlaceBid::of(Offer::Amount(amount)) };
        if by_clerk {
            let paddle = Paddle::new(who + 1).unwrap();
            bid.on_behalf_of = Some((paddle, Channel::Phone));
            return (clerk(), Action::Bid(bid));
        }
        (person, Action::Bid(bid))
    }

    fn forward(&self) -> bool {
        self.world.auction.terms().unwrap().direction == Direction::Forward
    }

    pub fn view(&self, person: Person) -> View {
        let auction = &self.world.auction;
        let viewer = Viewer { user: Some(person.user), roles: person.roles, banned: false };
        auction.head().unwrap().view(&viewer, auction.mine(person.user).as_ref(), self.now)
    }

    fn try_bid(&self, who: i64, amount: Amount) -> Result<(), &'static str> {
        let bid = PlaceBid { confirm: true, ..PlaceBid::of(Offer::Amount(amount)) };
        let command = crate::world::by(member(who), None, Action::Bid(bid));
        let decided = self.world.auction.decide(&command, self.now);
        decided.map(|_| ()).map_err(|refusal| refusal.code())
    }

    /// What a bidder is told he may bid next is accepted now, and one minor unit less is not; if he
    /// is told that he may not, he hears the same reason.
    pub fn next_is_true(&mut self) {
        self.pass();
        let ended = matches!(self.world.auction.phase(), Some(Phase::Ended { .. }));
        for who in 0..5 {
            let view = self.view(member(who));
            let you = view.you.expect("he is signed in");
            if ended {
                assert_eq!((you.next, you.can_bid), (None, false), "nothing follows the end");
            }
            let Some(next) = you.next else { continue };
            let answer = self.try_bid(who, next);
            if !you.can_bid {
                assert_eq!(answer.err(), you.why_not, "bidder {who} at {next:?}");
                continue;
            }
            assert_eq!(answer, Ok(()), "bidder {who} at {next:?}: {you:?}");
            let worse = if self.forward() { next.minor() - 1 } else { next.minor() + 1 };
            if let Some(worse) = Amount::new(worse) {
                assert!(self.try_bid(who, worse).is_err(), "bidder {who} below {next:?}");
            }
            if view.leader.is_none() || view.leader != you.paddle {
                self.public_next_is_true(who, &view);
            }
        }
    }

    /// Every amount at or above the public minimum is legal for who does not lead.
    fn public_next_is_true(&self, who: i64, view: &View) {
        let (Some(next), true) = (view.next.amount(), view.you.is_none_or(|you| you.can_bid))
        else {
            return;
        };
        if Some(next) != view.you.and_then(|you| you.next) {
            return; // beat_own_latest: the public minimum is the start, his own is in `you`
        }
        for more in [1, 17, 1_000] {
            let better = if self.forward() { next.minor() + more } else { next.minor() - more };
            let Some(better) = Amount::new(better) else { continue };
            match self.try_bid(who, better) {
                Ok(()) => {}
                Err(code) => {
                    let reached = view.buy_now.is_some_and(|buy_now| better >= buy_now);
                    assert!(code == "above_buy_now" && reached, "{better:?}: {code}");
                }
            }
        }
    }
}
