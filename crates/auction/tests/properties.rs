//! Properties that hold whatever people do, on every preset and on random legal compositions of
//! rule slots. The invariants themselves stand in `shared/invariants.rs` and are checked after
//! every event; here are the histories, and what spans more than one event.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "properties/acts.rs"]
mod acts;
#[path = "properties/compositions.rs"]
mod compositions;
#[path = "scenario/draw.rs"]
mod draw;
#[path = "properties/draws.rs"]
mod draws;
#[path = "properties/events_alone.rs"]
mod events_alone;
#[path = "properties/hidden.rs"]
mod hidden;
#[path = "shared/invariants.rs"]
mod invariants;
#[path = "shared/world.rs"]
mod world;

use acts::{Act, House};
use compositions::Composition;
use gavel_auction::auction::Auction;
use gavel_auction::presets::Preset;
use proptest::prelude::*;
use world::World;

fn history() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(acts::act(), 1..50)
}

/// The auction as a snapshot after so many events, and the events after it, make it.
fn resumed(world: &World, after: usize) -> Auction {
    let mut before = Auction::new(world.auction.id());
    world.events.iter().take(after).for_each(|event| before.apply(event));
    let bytes = postcard::to_stdvec(&before).unwrap();
    let mut auction: Auction = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(auction, before, "a snapshot loses nothing");
    world.events.iter().skip(after).for_each(|event| auction.apply(event));
    auction
}

/// Plays a history; every step keeps the invariants, and the minimum shown is the one enforced.
fn play(composition: &Composition, acts: &[Act], late: bool) {
    let mut house = House::open(composition, late);
    for act in acts {
        let _ = house.act(act);
        house.next_is_true();
        events_alone::tell_who_leads(&house);
    }
    let world = &house.world;
    assert_eq!(world.replayed(), world.auction, "N12: events alone give the same auction");
    let cut = acts.iter().map(|act| act.wait.unsigned_abs() as usize).sum::<usize>();
    let resumed = resumed(world, cut % (world.events.len() + 1));
    assert_eq!(resumed, world.auction, "N12: a snapshot and the tail give the same auction");
    events_alone::keep_what_is_certified(world);
    draws::one_each(world);
    draws::rising_own_bids(world);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn legal_compositions_keep_the_invariants(
        composition in compositions::legal(),
        acts in history(),
        late in any::<bool>(),
    ) {
        play(&composition, &acts, late);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn every_preset_keeps_the_invariants(acts in history(), late in any::<bool>()) {
        for preset in Preset::ALL {
            play(&Composition::plain(preset), &acts, late);
        }
    }
}
