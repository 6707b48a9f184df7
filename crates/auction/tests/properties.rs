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
#[path = "properties/hidden.rs"]
mod hidden;
#[path = "shared/invariants.rs"]
mod invariants;
#[path = "shared/world.rs"]
mod world;

use acts::{Act, House};
use compositions::Composition;
use gavel_auction::presets::Preset;
use proptest::prelude::*;

fn history() -> impl Strategy<Value = Vec<Act>> {
    prop::collection::vec(acts::act(), 1..50)
}

/// Plays a history; every step keeps the invariants, and the minimum shown is the one enforced.
fn play(composition: &Composition, acts: &[Act], late: bool) {
    let mut house = House::open(composition, late);
    for act in acts {
        let _ = house.act(act);
        house.next_is_true();
    }
    let world = &house.world;
    assert_eq!(world.replayed(), world.auction, "N12: events alone give the same auction");
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
