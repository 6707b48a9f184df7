//! Views as bytes: what everybody sees of an auction is rendered once and shown until something in
//! it changes; only the time in it is new each time. Cuts nothing itself: that is `render.rs`.

use super::about::{TAIL, tag};
use super::render::AuctionView;
use crate::house::House;
use crate::http::error::Problem;
use crate::http::time::print;
use bytes::{Bytes, BytesMut};
use gavel_auction::ids::AuctionId;
use gavel_auction::time::Time;
use gavel_auction::view::{Head, Viewer};
use http::HeaderValue;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes of rendered views that are kept; then all are rendered anew.
const KEPT: usize = 16 * 1024 * 1024;

/// A view as it goes out.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    /// All but the time.
    text: Bytes,
    /// When this is what is seen.
    now: Time,
    /// Its entity tag: the version, and a digest of all that this audience sees but the time.
    pub(crate) tag: HeaderValue,
}

impl Rendered {
    fn of(mut view: AuctionView) -> Result<Self, Problem> {
        let now = view.take_time();
        let mut text = serde_json::to_vec(&view).map_err(|_| super::events::broken())?;
        text.truncate(text.len() - TAIL);
        let tag = tag(view.version(), &text);
        Ok(Self { text: Bytes::from(text), now, tag })
    }

    /// All of it.
    pub(crate) fn whole(&self) -> Bytes {
        let mut whole = BytesMut::with_capacity(self.text.len() + TAIL);
        whole.extend_from_slice(&self.text);
        whole.extend_from_slice(print(self.now).as_bytes());
        whole.extend_from_slice(b"\"}");
        whole.freeze()
    }
}

/// What everybody sees, of the auctions that were looked at.
#[derive(Default)]
pub(crate) struct Shown(RwLock<Shelf>);

#[derive(Default)]
struct Shelf {
    kept: HashMap<AuctionId, Kept>,
    bytes: usize,
}

struct Kept {
    rendered: Rendered,
    head: Arc<Head>,
    /// The count of changes of words that it was made at.
    changes: u64,
    /// When a clock's price moves.
    until: Option<Time>,
}

impl Shown {
    /// The view of an auction for an audience, now.
    ///
    /// # Errors
    /// If names or listing cannot be read.
    pub(crate) async fn view(
        &self,
        house: &House,
        head: Arc<Head>,
        viewer: Viewer,
    ) -> Result<Rendered, Problem> {
        let public = viewer == Viewer::default();
        if public && let Some(kept) = self.kept(house, &head) {
            return Ok(kept);
        }
        let made = if AuctionView::is_at_hand(house, &head) {
            make(house, head, &viewer)?
        } else {
            house.aside(move |house| make(house, head, &viewer)).await??
        };
        let rendered = made.rendered.clone();
        if public {
            self.keep(made);
        }
        Ok(rendered)
    }

    fn kept(&self, house: &House, head: &Arc<Head>) -> Option<Rendered> {
        let now = house.now();
        let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let kept = shelf.kept.get(&head.auction)?;
        let fresh = Arc::ptr_eq(&kept.head, head)
            && kept.changes == house.engine.words().changes()
            && kept.until.is_none_or(|until| now < until);
        fresh.then(|| Rendered { now, ..kept.rendered.clone() })
    }

    fn keep(&self, made: Kept) {
        let bytes = made.rendered.text.len() + std::mem::size_of::<Head>();
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if shelf.bytes + bytes > KEPT {
            *shelf = Shelf::default();
        }
        let auction = made.head.auction;
        if let Some(former) = shelf.kept.insert(auction, made) {
            let gone = former.rendered.text.len() + std::mem::size_of::<Head>();
            shelf.bytes -= gone;
        }
        shelf.bytes += bytes;
    }
}

fn make(house: &House, head: Arc<Head>, viewer: &Viewer) -> Result<Kept, Problem> {
    let changes = house.engine.words().changes();
    let view = AuctionView::now(house, &head, viewer)?;
    let (until, rendered) = (view.moves_at(), Rendered::of(view)?);
    Ok(Kept { rendered, head, changes, until })
}
