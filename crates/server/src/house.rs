//! `House`: what handlers may hold. The engine, the people, the configuration, the keys, and the
//! few small things that live as long as the process. Decides nothing.

use crate::audit::Audit;
use crate::config::Config;
use crate::http::actor::SignIns;
use crate::http::error::{Code, Problem};
use crate::http::limits::Limits;
use crate::http::v1::ledger::Ledgers;
use crate::keys::HouseKeys;
use crate::live::Live;
use crate::mail::Outbox;
use crate::notifier::Board;
use crate::observe;
use crate::operations::Operations;
use crate::outside::Outside;
use crate::passwords::Passwords;
use crate::permissions::Verb;
use crate::pictures::Gallery;
use crate::places::Counts;
use gavel_auction::command::Action;
use gavel_auction::ids::{AuctionId, UserId};
use gavel_auction::time::Time;
use gavel_auction::view::Head;
use gavel_engine::Ask;
use gavel_engine::answer::{Answer, Failure};
use gavel_engine::chat::Chats;
use gavel_engine::effect::Settled;
use gavel_engine::engine::Engine;
use gavel_engine::people::{People, PeopleError};
use gavel_engine::things::{Pictures, Things};
use gavel_proof::keys::PublicKey;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use tokio::sync::{RwLock, Semaphore, watch};

/// Short calls of the store that may wait or run aside at once; more are refused.
const ASIDE: usize = 1024;

/// A running house, as handlers see it. Cheap to clone; the state of the router.
#[derive(Clone)]
pub struct House(Arc<Rooms>);

/// What a house holds.
pub struct Rooms {
    /// Commands, heads, history, lists.
    pub engine: Engine,
    /// Users, sessions, listings, notes. Blocking: only inside [`House::blocking`].
    pub people: Arc<dyn People>,
    /// Things for sale. Blocking: only inside [`House::aside`].
    pub things: Arc<dyn Things>,
    /// What people are told of.
    pub board: Arc<Board>,
    /// Their pictures.
    pub gallery: Gallery,
    /// What is said beside auctions. Blocking: only inside [`House::aside`].
    pub chats: Arc<dyn Chats>,
    /// How the house is set up.
    pub config: Arc<Config>,
    /// Who it is, and its secrets.
    pub keys: Arc<HouseKeys>,
    /// Who is signed in.
    pub sign_ins: SignIns,
    /// How much each may do.
    pub limits: Limits,
    /// What became of commands that are not in the log.
    pub operations: Operations,
    /// The bids of the auctions that were asked for last.
    pub(crate) ledgers: Ledgers,
    /// Who watches.
    pub streams: Counts,
    /// Who is in the live room.
    pub live: Live,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Where letters go.
    pub outbox: Outbox,
    /// Of whom the house still destroys what is left, after he was erased.
    pub(crate) destroying: Mutex<BTreeSet<UserId>>,
    /// Whose tokens are believed besides the house's own.
    pub outside: Outside,
    /// What the house's people did.
    pub audit: Audit,
    /// What callers without a token may do, besides signing in.
    pub(crate) public: Vec<Verb>,
    /// Whether it is ready to answer: set last at start, taken away first at stop.
    pub ready: AtomicBool,
    /// Turns true when the house begins to stop; long replies (streams) end then.
    pub stopping: watch::Receiver<bool>,
    /// Held to read by a bid of somebody who may leave meanwhile, until it is answered.
    pub(crate) bidding: Arc<RwLock<()>>,
    aside: Arc<Semaphore>,
}

/// What a house is opened with.
pub struct Opening {
    /// The engine.
    pub engine: Engine,
    /// The people.
    pub people: Arc<dyn People>,
    /// Things for sale.
    pub things: Arc<dyn Things>,
    /// What people are told of.
    pub board: Arc<Board>,
    /// The bytes of pictures.
    pub pictures: Arc<dyn Pictures>,
    /// What is said beside auctions. Blocking: only inside [`House::aside`].
    pub chats: Arc<dyn Chats>,
    /// The configuration.
    pub config: Arc<Config>,
    /// The keys.
    pub keys: Arc<HouseKeys>,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// Where letters go.
    pub outbox: Outbox,
    /// Whose tokens are believed besides the house's own.
    pub outside: Outside,
    /// What the house's people did.
    pub audit: Audit,
    /// Turns true when the house begins to stop.
    pub stopping: watch::Receiver<bool>,
}

impl House {
    /// Puts a house together.
    #[must_use]
    pub fn open(opening: Opening) -> Self {
        let Opening {
            engine,
            people,
            things,
            board,
            pictures,
            chats,
            config,
            keys,
            passwords,
            outbox,
            outside,
            audit,
            stopping,
        } = opening;
        let mut public = config.users.public.clone();
        public.extend(config.users.open_registration.then_some(Verb::Register));
        let most = &config.limits;
        engine.exposure().limit_everybody(most.spend_per_bidder);
        Self(Arc::new(Rooms {
            operations: Operations::default(),
            ledgers: Ledgers::default(),
            streams: Counts::new(most.connections, most.streams_per_ip, observe::streams),
            live: Live::new(most),
            limits: Limits::new(most),
            gallery: Gallery::new(pictures),
            sign_ins: SignIns::default(),
            destroying: Mutex::default(),
            ready: AtomicBool::new(false),
            bidding: Arc::default(),
            aside: Arc::new(Semaphore::new(ASIDE)),
            engine,
            people,
            things,
            board,
            chats,
            config,
            keys,
            passwords,
            outbox,
            outside,
            audit,
            public,
            stopping,
        }))
    }

    /// The house's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.engine.now()
    }

    /// What others check the house's signatures with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.keys.signing.public()
    }

    /// Puts a command to its auction and waits for the answer; counts it.
    ///
    /// # Errors
    /// Why no answer could be given.
    pub async fn submit(&self, ask: Ask) -> Result<Answer, Failure> {
        let is_bid = matches!(ask.command.action, Action::Bid(_) | Action::Accept { .. });
        let begun = self.now();
        let answer = match self.engine.put(ask).await {
            Ok(Settled::Answer(answer)) => Ok(answer),
            Ok(Settled::Recall { auction, version }) => {
                let recalled = self.aside(move |house| house.engine.recall(auction, version));
                // Where nobody can look now, it is as if it had not been asked.
                let recalled = recalled.await.unwrap_or(Err(Failure::Overloaded));
                recalled.map(Answer::Accepted)
            }
            Ok(Settled::Failed(failure)) | Err(failure) => Err(failure),
        };
        if is_bid {
            observe::bid_answered(self.now().since(begun));
        }
        if matches!(answer, Ok(Answer::Accepted(_))) {
            observe::accepted();
        }
        answer
    }

    /// The committed head of an auction, wherever it is: in memory, or read off the asynchronous
    /// threads.
    ///
    /// # Errors
    /// Overloaded if too many wait.
    pub async fn head(&self, auction: AuctionId) -> Result<Option<Arc<Head>>, Problem> {
        let head = self.engine.head_in_memory(auction);
        if head.is_none() && self.engine.has_left(auction) {
            return self.aside(move |house| house.engine.head(auction)).await;
        }
        // Had it left, it may have come back just now.
        Ok(head.or_else(|| self.engine.head_in_memory(auction)))
    }

    /// Runs a short call of the store of people off the asynchronous threads.
    ///
    /// # Errors
    /// What the call gave, as a problem; overloaded if too many wait.
    pub async fn blocking<T, F>(&self, call: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&dyn People) -> Result<T, PeopleError> + Send + 'static,
    {
        self.aside(move |house| call(&*house.people)).await?.map_err(Problem::from)
    }

    /// Runs any short blocking call (history, lists) off the asynchronous threads.
    ///
    /// # Errors
    /// Overloaded if too many wait; internal if it panicked.
    pub async fn aside<T, F>(&self, call: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&House) -> T + Send + 'static,
    {
        let full = |_| Problem::of(Code::Overloaded, "Too much is waiting; nothing was done.");
        let place = Arc::clone(&self.aside).try_acquire_owned().map_err(full)?;
        let house = self.clone();
        // Its place is taken until it is done, also where nobody waits for it any more.
        let placed = move || {
            let _place = place;
            call(&house)
        };
        let done = tokio::task::spawn_blocking(placed).await;
        done.map_err(|_| Problem::of(Code::Internal, "Something broke; it was logged."))
    }
}

impl Deref for House {
    type Target = Rooms;

    fn deref(&self) -> &Rooms {
        &self.0
    }
}
