//! A small house for histories by hand: commands are put to the real rules one after the other and
//! recorded as their senders would; whatever is changed afterwards is chained and sealed anew, so
//! that a lie in the log is a well-formed one.

use gavel_auction::auction::Auction;
use gavel_auction::command::{Action, Command, Tick};
use gavel_auction::event::{Digest, Event, HouseId, Reason};
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::{Close, Fees, Increment, Reserve, Retraction, Schedule};
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use gavel_engine::hub::following::is_winning;
use gavel_engine::hub::standing::{Happened, Standing};
use gavel_proof::chain::{genesis, link};
use gavel_proof::codec::{Origin, encode};
use gavel_proof::command::{CommandId, command_digest};
use gavel_proof::keys::LogKey;
use gavel_sim::history::wish::{Asked, Creation, LISTING, Who, Wish};
use gavel_sim::history::{
    Input, Logged, LoggedEvent, Mark, No, Op, Rec, Res, Seen, SeenKind, States, Told, digest,
    kind_of,
};
use std::sync::Arc;

pub const HOUSE: HouseId = HouseId([4; 16]);
pub const DAWN: i64 = 1_800_000_000_000_000;
pub const SECOND: i64 = 1_000_000;

/// One auction, its log as it will be written, and what everybody has seen.
pub struct House {
    pub id: AuctionId,
    pub auction: Auction,
    pub events: Vec<(Event, Origin)>,
    pub history: Vec<Rec>,
    pub seen: Vec<Seen>,
    pub marks: Vec<Mark>,
    pub states: Vec<States>,
    pub quiesced: bool,
    pub now: i64,
    chain: Digest,
    keys: u64,
}

pub fn user(number: i64) -> Who {
    let user = UserId::new(number).unwrap();
    let (bidder, seller, clerk, admin) = (true, true, false, false);
    Who { user, bidder, seller, clerk, admin, banned: false, headroom: None }
}

pub fn admin() -> Who {
    Who { bidder: false, seller: false, clerk: true, admin: true, ..user(2) }
}

pub fn bid(amount: i64) -> Wish {
    Wish::Bid { amount, maximum: false, currency: None, confirm: false, on_behalf_of: None }
}

impl House {
    pub fn new(change: impl FnOnce(&mut Slots)) -> Self {
        let id = AuctionId::new(1).unwrap();
        let mut house = Self {
            id,
            auction: Auction::new(id),
            events: Vec::new(),
            history: Vec::new(),
            seen: Vec::new(),
            marks: Vec::new(),
            states: Vec::new(),
            quiesced: true,
            now: DAWN,
            chain: genesis(HOUSE, id),
            keys: 0,
        };
        let currency = Currency::from_code("EUR").unwrap();
        let mut slots = Slots {
            increment: Some(Increment::Fixed { step: Amount::new(10).unwrap() }),
            starting_price: Amount::new(100),
            schedule: Some(Schedule { duration_seconds: Some(60), ..Schedule::default() }),
            ..Preset::English.slots(currency)
        };
        change(&mut slots);
        let creation = Creation {
            house: HOUSE,
            log_key: LogKey::from_bytes([5; 32]).id(),
            currency,
            preset: Preset::English,
            terms: Arc::new(slots.complete().unwrap()),
            listing: LISTING,
            seed: None,
            publish: true,
        };
        house.ask(user(10), Wish::Create(Box::new(creation)), 0);
        house
    }

    /// A fair evening: bids, refusals, reads, a hold, a late bid, a retraction, the close.
    pub fn fair() -> Self {
        let mut house = Self::new(|slots| {
            slots.close = Some(Close::Soft {
                window_seconds: 10,
                extend_to_seconds: 10,
                max_total_seconds: 25,
            });
            slots.retraction = Some(Retraction::WhileOpen {});
            slots.reserve = Some(Reserve::Hidden { amount: Amount::new(120) });
            slots.fees =
                Some(Fees { buyer_premium_bp: 1000, seller_commission_bp: 0, tax_bp: 2000 });
        });
        house.ask(user(11), bid(100), 1);
        house.read(Some(user(11)), 1);
        house.ask(user(12), bid(105), 1);
        house.ask(user(12), bid(110), 1);
        house.ask(user(12), bid(120), 1);
        house.read(None, 1);
        house.ask(user(10), bid(500), 1);
        house.ask(user(13), bid(150), 1);
        house.ask(admin(), Wish::Hold { reason: Reason::Other }, 1);
        house.ask(user(11), bid(200), 5);
        house.ask(admin(), Wish::Resume, 15);
        house.ask(user(11), bid(160), 1);
        house.read(Some(user(12)), 1);
        let last = house.auction.version();
        house.ask(user(11), Wish::Retract { bid: last, reason: Reason::Mistake }, 1);
        house.ask(user(12), bid(170), 46);
        house.ask(user(13), bid(180), 8);
        house.ask(user(11), bid(190), 30);
        house.read(None, 1);
        house.watch(1, 0);
        house.watch(2, 4);
        house.attend(3);
        house.now += SECOND;
        house
    }

    /// Time passes, then somebody asks; what time has made due goes first.
    pub fn ask(&mut self, who: Who, wish: Wish, seconds: i64) -> usize {
        self.keys += 1;
        self.ask_as(who, wish, self.keys, None, seconds)
    }

    pub fn ask_as(
        &mut self,
        who: Who,
        wish: Wish,
        key: u64,
        expected: Option<u64>,
        seconds: i64,
    ) -> usize {
        self.now += seconds * SECOND + 1000;
        let asked = Arc::new(Asked { auction: self.id, actor: who, key, expected, wish });
        let at = Time(self.now);
        self.let_time_pass();
        let command = asked.command().unwrap();
        let origin = Origin { command: asked.name(), digest: command_digest(&command) };
        let inv_ns = self.nanos();
        let res = match self.auction.decide(&command, at) {
            Ok(events) => {
                let last = events.last().cloned().unwrap();
                events.into_iter().for_each(|event| self.take(event, origin));
                Res::Ok(Box::new(self.told(&last)))
            }
            Err(refusal) => Res::Refused(Box::new(No {
                code: refusal.code().to_owned(),
                version: self.auction.version(),
                at,
                end: Some(self.auction.effective_end()),
                hint: None,
            })),
        };
        self.now += 1000;
        let ret_ns = Some(self.nanos());
        let id = self.history.len() as u64;
        let process = u32::try_from(who.user.get()).unwrap();
        let op = Op::Command(asked);
        self.history.push(Rec { id, process, op, inv_ns, ret_ns, res });
        self.history.len() - 1
    }

    fn let_time_pass(&mut self) {
        let at = Time(self.now);
        while let Some(due) = self.auction.next_deadline().filter(|due| *due <= at) {
            let at = at.min(due.max(self.auction.last_at()).plus(2000));
            let tick = Tick { head: self.chain, outage: None };
            let command = Command::by_house(Action::Tick(tick));
            let origin = Origin { command: CommandId([0; 16]), digest: [0; 16] };
            for event in self.auction.decide(&command, at).unwrap() {
                self.take(event, origin);
            }
        }
    }

    fn take(&mut self, event: Event, origin: Origin) {
        self.auction.apply(&event);
        let key = LogKey::from_bytes([5; 32]).auction(HOUSE, self.id);
        self.chain = encode(&event, &origin, &key, &self.chain).hash;
        self.events.push((event, origin));
    }

    fn told(&self, event: &Event) -> Told {
        Told {
            version: event.version,
            at: Some(event.at),
            kind: Some(kind_of(&event.fact).to_owned()),
            state: Some(self.auction.phase().unwrap().word().to_owned()),
            event: Some(Arc::new(event.clone())),
            ..Told::default()
        }
    }

    pub fn nanos(&self) -> u64 {
        u64::try_from(self.now - DAWN).unwrap() * 1000
    }

    /// Somebody reads.
    pub fn read(&mut self, who: Option<Who>, seconds: i64) -> usize {
        use gavel_auction::command::Roles;
        use gavel_auction::view::Viewer;
        self.now += seconds * SECOND;
        let inv_ns = self.nanos();
        let head = self.auction.head().unwrap();
        let viewer = who.map(|who| who.user);
        let looks = Viewer { user: viewer, roles: Roles::MEMBER, banned: false };
        let mine = viewer.and_then(|user| self.auction.mine(user));
        let view = head.view(&looks, mine.as_ref(), Time(self.now));
        let told = Told {
            version: head.version,
            at: Some(Time(self.now)),
            state: Some(view.state.to_owned()),
            end: Some(head.effective_end()),
            price: Some(view.price.map(Amount::minor)),
            leader: Some(view.leader.map(|leader| leader.get())),
            next: Some(view.next.amount().map(Amount::minor)),
            reserve_met: Some(view.reserve_met),
            bids: Some(view.bid_count),
            top: Some(self.top(&head)),
            winning: Some(view.you.as_ref().is_some_and(is_winning)),
            mine: view.you.map(|you| Some((you.paddle?.get(), you.amount.map(Amount::minor)))),
            hammer: Some(view.outcome.and_then(|o| o.sale().map(|sale| sale.hammer_price.minor()))),
            ..Told::default()
        };
        self.now += 1000;
        let op = Op::Read { auction: self.id, viewer, strong: true };
        let (id, ret_ns) = (self.history.len() as u64, Some(self.nanos()));
        let res = Res::Value(Box::new(told));
        self.history.push(Rec { id, process: 0, op, inv_ns, ret_ns, res });
        self.history.len() - 1
    }

    /// The best bids, as the live room shows them.
    fn top(&self, head: &Head) -> Vec<(i64, i64, u64)> {
        let mut standing = Standing::default();
        for (event, _) in &self.events {
            standing.take(event.version, &event.fact, &mut Happened::default());
        }
        let top = standing.top(head.leader, head.price.map(Amount::minor));
        top.iter().map(|top| (top.paddle.get(), top.amount, top.bid)).collect()
    }

    /// A guest of the live room who is shown a state of every third version, and hears two things.
    pub fn attend(&mut self, subscriber: u32) {
        let (auction, at_ns, last) = (self.id, self.nanos(), self.auction.version());
        let mut see = |version, digest, kind| {
            self.seen.push(Seen { subscriber, auction, version, at_ns, digest, kind });
        };
        see(0, 0, SeenKind::Begin);
        for version in (3..last).step_by(3) {
            see(version, version - 2, SeenKind::State);
        }
        see(1, 0, SeenKind::Word);
        see(2, 0, SeenKind::Word);
        see(last, last - (last - 1) % 3, SeenKind::State);
        see(last, 0, SeenKind::Quiet);
    }

    /// A subscriber who has seen everything after a version.
    pub fn watch(&mut self, subscriber: u32, after: u64) {
        let auction = self.id;
        let at_ns = self.nanos();
        let mut see = |version, digest, kind| {
            self.seen.push(Seen { subscriber, auction, version, at_ns, digest, kind });
        };
        see(after, 0, SeenKind::Begin);
        let publics = publics(&self.events);
        for (event, digest) in publics.iter().filter(|(version, _)| *version > after) {
            see(*event, *digest, SeenKind::Event);
        }
        see(publics.len() as u64, 0, SeenKind::Quiet);
    }

    /// The log as it is now, chained and sealed.
    pub fn log(&self) -> Vec<Logged> {
        let key = LogKey::from_bytes([5; 32]).auction(HOUSE, self.id);
        let mut hash = genesis(HOUSE, self.id);
        let mut log = Vec::new();
        for (place, (event, origin)) in self.events.iter().enumerate() {
            let written = encode(event, origin, &key, &hash);
            assert_eq!(link(&hash, &written.public), written.hash);
            hash = written.hash;
            let event = LoggedEvent {
                auction: event.auction,
                version: event.version,
                previous: place as u64,
                hash,
                public: written.public,
                sealed: written.sealed,
            };
            let position = place as u64 + 1;
            log.push(Logged { partition: 0, position, event: Some(event) });
        }
        log
    }

    pub fn input(&self) -> Input {
        Input {
            house: Some(HOUSE),
            history: self.history.clone(),
            log: self.log(),
            seen: self.seen.clone(),
            receipts: Vec::new(),
            marks: self.marks.clone(),
            quiesced: self.quiesced,
            now: Time(self.now),
            states: self.states.clone(),
        }
    }

    /// The acceptance in this record.
    pub fn told_in(&mut self, rec: usize) -> &mut Told {
        match &mut self.history[rec].res {
            Res::Ok(told) | Res::Value(told) => {
                told.event = None;
                told
            }
            other => panic!("record {rec} is {other:?}"),
        }
    }

    /// The refusal in this record.
    pub fn no_in(&mut self, rec: usize) -> &mut No {
        match &mut self.history[rec].res {
            Res::Refused(no) => no,
            other => panic!("record {rec} is {other:?}"),
        }
    }

    /// The first record whose answer is of this kind.
    pub fn first(&self, is: impl Fn(&Rec) -> bool) -> usize {
        self.history.iter().position(is).unwrap()
    }
}

/// Versions and digests of public parts.
fn publics(events: &[(Event, Origin)]) -> Vec<(u64, u64)> {
    let id = events[0].0.auction;
    let key = LogKey::from_bytes([5; 32]).auction(HOUSE, id);
    let genesis = genesis(HOUSE, id);
    let one = |(event, origin): &(Event, Origin)| {
        (event.version, digest(&encode(event, origin, &key, &genesis).public))
    };
    events.iter().map(one).collect()
}
