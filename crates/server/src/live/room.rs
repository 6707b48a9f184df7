//! One auction that somebody watches: how it stands, made from its events; who is in; what they
//! are told. It exists while somebody is in, and for a while after. Decides nothing.

use super::frame;
use super::lines::{Gone, Lines};
use super::packet::event_text;
use super::presence::{News, Presence};
use super::session::Session;
use super::text::Shown;
use super::timers::Timers;
use super::tongue::{Tongue, translated};
use crate::house::House;
use crate::http::error::Problem;
use crate::{observe, tasks};
use bytes::Bytes;
use gavel_auction::ids::{AuctionId, Paddle, UserId, Version};
use gavel_auction::terms::Visibility;
use gavel_auction::time::Time;
use gavel_auction::view::{Head, Viewer};
use gavel_engine::hub::following::{Blind, Following, Lost, Stands};
use gavel_engine::hub::standing::Happened;
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;

/// Parts of those who are in a room; between two of them others get their turn.
const PARTS: usize = 16;

/// What telling one more costs, so that a full room does not take the processor for itself.
const PACE: Duration = Duration::from_micros(4);

/// How often, and how far apart, it is looked whether a room has come to a version.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(3);

/// How long to wait before a log that cannot be read is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// One auction that somebody watches.
pub(super) struct Room {
    pub(super) auction: AuctionId,
    parts: [Mutex<Vec<Member>>; PARTS],
    members: AtomicUsize,
    latest: Mutex<Option<Arc<Shown>>>,
    /// Up to which paddle bidders are known.
    paddles: AtomicI64,
    presence: Mutex<Presence>,
    /// The last messages of the chat.
    chat: Mutex<Lines>,
    pub(super) timers: Timers,
    made: OnceCell<()>,
    follower: Mutex<Option<JoinHandle<()>>>,
    /// Since when nobody is in, if nobody is.
    empty_since: AtomicI64,
}

/// A message: its number, its author, itself in JSON.
pub(super) type Line = (i64, UserId, Arc<str>);

struct Member {
    session: Arc<Session>,
    user: Option<UserId>,
    /// Whether he is one of the bidders.
    bids: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    pub(super) fn new(auction: AuctionId, now: Time) -> Arc<Self> {
        Arc::new(Self {
            auction,
            parts: [const { Mutex::new(Vec::new()) }; PARTS],
            members: AtomicUsize::new(0),
            latest: Mutex::default(),
            paddles: AtomicI64::new(0),
            presence: Mutex::default(),
            chat: Mutex::default(),
            timers: Timers::default(),
            made: OnceCell::new(),
            follower: Mutex::default(),
            empty_since: AtomicI64::new(now.0),
        })
    }

    /// Makes the room ready: whoever comes first reads the auction's history.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) async fn make(self: &Arc<Self>, house: &House) -> Result<(), Problem> {
        let make = || async {
            let auction = self.auction;
            let begun = house.aside(move |house| Following::begin(&house.engine, auction));
            let (following, stands) = begun.await?.map_err(unshown)?;
            self.show(house, stands).await?;
            super::chat::load(self, house).await?;
            let following = follow(Arc::clone(self), house.clone(), following);
            let task = tasks::spawn("follows an auction while somebody watches", following);
            *lock(&self.follower) = Some(task);
            Ok(())
        };
        self.made.get_or_try_init(make).await.copied()
    }

    /// Renders how the auction stands, and keeps it.
    async fn show(&self, house: &House, stands: Stands) -> Result<Arc<Shown>, Problem> {
        let count = lock(&self.presence).count(house.now());
        let shown = if Shown::is_at_hand(house, &stands) {
            Shown::render(house, stands, count)?
        } else {
            house.aside(move |house| Shown::render(house, stands, count)).await??
        };
        let mut shown = Arc::new(shown);
        while !self.keep(house, &shown) {
            let stale = Arc::clone(&shown);
            shown = Arc::new(house.aside(move |house| stale.anew(house)).await??);
        }
        self.timers.set(&shown, house.now());
        Ok(shown)
    }

    /// Keeps how the auction stands; false if a name has changed since it was rendered.
    fn keep(&self, house: &House, shown: &Arc<Shown>) -> bool {
        let mut latest = lock(&self.latest);
        let right = shown.is_right(house);
        if right {
            *latest = Some(Arc::clone(shown));
        }
        right
    }

    /// Shows no more what somebody was called. May block on the store.
    fn forget_name(&self, house: &House, user: UserId) {
        lock(&self.presence).forget(user);
        let stale = |shown: &Arc<Shown>| !shown.is_right(house) && shown.is_about(house, user);
        while let Some(shown) = self.latest().filter(stale) {
            // What cannot be rendered is not shown before the next change.
            let anew = shown.anew(house).ok().map(Arc::new);
            let mut latest = lock(&self.latest);
            if latest.as_ref().is_some_and(|latest| Arc::ptr_eq(latest, &shown)) {
                *latest = anew;
            }
        }
    }

    /// How the auction stands, as those who are in were told last.
    pub(super) fn latest(&self) -> Option<Arc<Shown>> {
        lock(&self.latest).clone()
    }

    /// The same, once it is at this version; or as it is, if that takes too long.
    pub(super) async fn latest_at(&self, version: Version) -> Option<Arc<Shown>> {
        for _look in 0..LOOKS {
            let latest = self.latest()?;
            if latest.head.version >= version {
                return Some(latest);
            }
            tokio::time::sleep(LOOK).await;
        }
        self.latest()
    }

    /// The messages for one who has seen the auction up to `after`; none if there is nothing new.
    pub(super) async fn since(
        &self,
        house: &House,
        viewer: &Viewer,
        tongue: Tongue,
        after: Version,
    ) -> Option<(Version, Bytes)> {
        let shown = self.latest().filter(|shown| shown.head.version > after)?;
        // Where it cannot be looked up now, the next change tells.
        let own = shown.own_aside(tongue, house, viewer).await.ok().flatten();
        let frame = shown.frame(tongue, shown.any_name(), after, own.as_deref());
        Some((shown.head.version, frame))
    }

    /// Somebody comes in.
    pub(super) fn enter(&self, house: &House, session: &Arc<Session>) {
        let (engine, auction) = (&house.engine, self.auction);
        // Of one that has left memory, bidders are found once something happens there.
        self.add(session, |user| !engine.has_left(auction) && engine.mine(auction, user).is_some());
        let by = session.caller().and_then(|caller| caller.0.as_ref());
        let mut presence = lock(&self.presence);
        // Asked where nobody can be forgotten meanwhile.
        presence.come(by.map(|by| {
            let named = !house.live.is_gone(by.user);
            (by.user, named.then(|| Arc::clone(&by.username)))
        }));
    }

    /// The same, who is asked whether he is one of the bidders.
    pub(super) fn add(&self, session: &Arc<Session>, bids: impl FnOnce(UserId) -> bool) {
        let user = session.user();
        let part = self.part(session);
        let mut part = lock(part);
        let bids = user.is_some_and(bids);
        part.push(Member { session: Arc::clone(session), user, bids });
        drop(part);
        self.members.fetch_add(1, Ordering::AcqRel);
    }

    /// Somebody goes, because he said so or because his socket ended.
    pub(super) fn exit(&self, session: &Session, for_good: bool, now: Time) {
        let mut part = lock(self.part(session));
        let place = part.iter().position(|member| member.session.number == session.number);
        let Some(place) = place else { return };
        let member = part.swap_remove(place);
        drop(part);
        if self.members.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.empty_since.store(now.0, Ordering::Release);
        }
        lock(&self.presence).go(member.user, for_good, now);
    }

    fn part(&self, session: &Session) -> &Mutex<Vec<Member>> {
        let index = usize::try_from(session.number % PARTS as u64).expect("a small number");
        self.parts.get(index).expect("a number modulo their count")
    }

    /// Whether nobody has been in for so long.
    pub(super) fn is_empty_since(&self, before: Time) -> bool {
        let empty = self.members.load(Ordering::Acquire) == 0;
        empty && self.empty_since.load(Ordering::Acquire) < before.0
    }

    /// Ends the room.
    pub(super) fn end(&self) {
        if let Some(follower) = lock(&self.follower).take() {
            follower.abort();
        }
    }

    /// Shows how the auction stands now, and tells everybody.
    ///
    /// # Errors
    /// If it cannot be rendered.
    async fn show_and_tell(&self, house: &House, stands: Stands) -> Result<(), Problem> {
        let (after, happened) = (stands.after, stands.happened);
        let shown = self.show(house, stands).await?;
        self.tell(house, &shown, after, happened).await;
        if happened.extended {
            self.mention(&event_text("timer_update", &shown.timer(house.now()))).await;
        }
        Ok(())
    }

    /// Tells everybody how the auction stands now, to whom `after` was the last.
    async fn tell(&self, house: &House, shown: &Shown, after: Version, happened: Happened) {
        let name = Shown::name(happened);
        let version = shown.head.version;
        let frame = shown.frame(Tongue::Native, name, after, None);
        let flash = shown.frame(Tongue::Flash, name, after, None);
        self.find_bidders(house, &shown.head);
        let mut owns: HashMap<(UserId, bool), Bytes> = HashMap::new();
        for part in &self.parts {
            for member in lock(part).iter() {
                let outbox = &member.session.outbox;
                let tongue = member.session.tongue();
                let all = if tongue == Tongue::Flash { &flash } else { &frame };
                let viewer = || member.session.caller().map(|caller| caller.viewer());
                let own = member.user.filter(|_| member.bids).map(|user| {
                    &*owns.entry((user, tongue == Tongue::Flash)).or_insert_with(|| {
                        let own = viewer().and_then(|by| shown.own_in(tongue, house, &by));
                        shown.frame(tongue, name, after, own.as_deref())
                    })
                });
                outbox.show(self.auction, after, version, own.unwrap_or(all));
            }
            tokio::task::yield_now().await;
        }
    }

    /// Marks those who have become bidders since this was asked last.
    fn find_bidders(&self, house: &House, head: &Head) {
        let next = |number: i64| house.engine.bidder(head.auction, Paddle::new(number)?);
        let mut known = self.paddles.load(Ordering::Acquire);
        let mut new = Vec::new();
        while let Some(user) = next(known + 1) {
            known += 1;
            new.push(user);
        }
        self.paddles.store(known, Ordering::Release);
        if new.is_empty() {
            return;
        }
        for part in &self.parts {
            for member in lock(part).iter_mut() {
                member.bids |= member.user.is_some_and(|user| new.contains(&user));
            }
        }
    }

    /// Tells everybody something that must reach him.
    pub(super) fn say(&self, text: &str) {
        let spoken = Spoken::of(text);
        for part in &self.parts {
            for member in lock(part).iter() {
                if let Some(frame) = spoken.to(&member.session) {
                    member.session.outbox.push(frame.clone());
                }
            }
        }
    }

    /// Tells everybody something that comes again soon.
    pub(super) async fn mention(&self, text: &str) {
        let spoken = Spoken::of(text);
        for part in &self.parts {
            for member in lock(part).iter() {
                if let Some(frame) = spoken.to(&member.session) {
                    member.session.outbox.push_if_calm(frame);
                }
            }
            tokio::task::yield_now().await;
        }
    }

    /// Keeps a message of the chat at hand; false if it is known, or gone.
    pub(super) fn remember(&self, id: i64, author: UserId, text: &str) -> bool {
        lock(&self.chat).remember((id, author, text.into()))
    }

    /// Somebody has said something. Who came in since it was kept was shown it with all else.
    pub(super) fn hear(&self, id: i64, author: UserId, text: &str) {
        if self.remember(id, author, text) {
            self.say(&format!("42[\"chat_message\",{text}]"));
        }
    }

    /// A message is shown no more.
    pub(super) fn unsay(&self, id: i64) {
        lock(&self.chat).forget(Gone::Message(id));
        self.tell_gone(id);
    }

    /// Shows no more what somebody has said, nor his name. May block on the store.
    pub(super) fn forget_user(&self, house: &House, user: UserId) {
        self.forget_name(house, user);
        let gone = lock(&self.chat).forget(Gone::Author(user));
        gone.into_iter().for_each(|id| self.tell_gone(id));
    }

    fn tell_gone(&self, id: i64) {
        let about = json!({ "auction_id": self.auction.get(), "id": id });
        self.say(&event_text("chat_deleted", &about));
    }

    /// What was said last, as a list in JSON.
    pub(super) fn chat_text(&self) -> String {
        lock(&self.chat).text()
    }

    /// How many watch.
    pub(super) fn participants(&self, now: Time) -> usize {
        lock(&self.presence).count(now)
    }

    /// The message that tells who watches, if that has changed.
    pub(super) fn presence_news(&self, now: Time) -> Option<String> {
        let named = self.latest()?.head.terms.visibility == Visibility::Named;
        let mut presence = lock(&self.presence);
        let News { count, joined, left } = presence.news(named, now)?;
        let mut about = json!({ "auction_id": self.auction.get(), "participant_count": count });
        if named {
            about["participants"] = json!(presence.names());
            (about["joined"], about["left"]) = (json!(joined), json!(left));
        }
        Some(event_text("presence_update", &about))
    }
}

/// A text for everybody, in the words of each.
struct Spoken<'a> {
    text: &'a str,
    native: Bytes,
    flash: OnceLock<Option<Bytes>>,
}

impl<'a> Spoken<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, native: frame::of_text(text), flash: OnceLock::new() }
    }

    /// What he is told; none if there are no words for it.
    fn to(&self, session: &Session) -> Option<&Bytes> {
        let flash = || translated(self.text).map(|text| frame::of_text(&text));
        match session.tongue() {
            Tongue::Native => Some(&self.native),
            Tongue::Flash => self.flash.get_or_init(flash).as_ref(),
        }
    }
}

/// Follows an auction: tells of each change, no faster than all who watch can be told.
async fn follow(room: Arc<Room>, house: House, mut following: Following) {
    loop {
        let after = following.version();
        let told = match following.next(&house.engine).await {
            // An auction that is closed off has no head: nothing of it is shown.
            Ok(None) => continue,
            Ok(Some(stands)) => room.show_and_tell(&house, stands).await.is_ok(),
            Err(Lost::Missed) => false,
            Err(Lost::Stopping) => return,
        };
        if !told {
            following = begin_again(&room, &house, after).await;
        }
        let members = u32::try_from(room.members.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        let pace = PACE.saturating_mul(members);
        if pace >= Duration::from_millis(1) {
            tokio::time::sleep(pace).await;
        }
    }
}

/// After something was missed, or could not be shown: reads the history again and tells how the
/// auction stands, and says that there is a gap while that cannot be done.
async fn begin_again(room: &Room, house: &House, after: Version) -> Following {
    let auction = room.auction;
    loop {
        let begin = move |house: &House| Following::begin_again(&house.engine, auction, after);
        if let Ok(Ok((following, stands))) = house.aside(begin).await
            && room.show_and_tell(house, stands).await.is_ok()
        {
            return following;
        }
        observe::room_blind();
        let to = house.engine.head_in_memory(auction).map(|head| head.version);
        let about = json!({ "auction_id": auction.get(), "from": after + 1, "to": to });
        room.say(&event_text("gap", &about));
        tokio::time::sleep(AGAIN).await;
    }
}

/// Why nothing can be shown, as whoever asks is told.
fn unshown(blind: Blind) -> Problem {
    match blind {
        Blind::NoHead => Problem::not_found(),
        Blind::NotWhole => Problem::quarantined(),
        Blind::Unreadable(error) => Problem::from(error),
    }
}
