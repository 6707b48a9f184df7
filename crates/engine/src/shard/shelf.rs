//! Terms that several auctions of a partition have: a house sells most things by a few sets of
//! them, and each is kept once. Forgets those that were not used lately; knows no rule.

use gavel_auction::terms::Terms;
use std::sync::Arc;

/// How many different terms are looked through.
const KEPT: usize = 16;

/// Terms that were met lately, the latest first.
#[derive(Default)]
pub(super) struct Shelf(Vec<Arc<Terms>>);

impl Shelf {
    /// Equal terms that are here already, or these, which are from now on.
    pub(super) fn same(&mut self, terms: &Arc<Terms>) -> Arc<Terms> {
        let known = self.0.iter().position(|known| Arc::ptr_eq(known, terms) || known == terms);
        let found = known.map_or_else(|| Arc::clone(terms), |place| self.0.remove(place));
        self.0.truncate(KEPT - 1);
        self.0.insert(0, Arc::clone(&found));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gavel_auction::money::Currency;
    use gavel_auction::presets::{Preset, Slots};
    use gavel_auction::terms::Schedule;

    fn terms(seconds: u32) -> Arc<Terms> {
        let schedule = Schedule { duration_seconds: Some(seconds), ..Schedule::default() };
        let own = Slots { schedule: Some(schedule), ..Slots::default() };
        let slots = own.over(Preset::English.slots(Currency::from_code("EUR").unwrap()));
        Arc::new(slots.complete().unwrap())
    }

    #[test]
    fn equal_terms_are_kept_once() {
        let mut shelf = Shelf::default();
        let first = shelf.same(&terms(60));
        assert!(Arc::ptr_eq(&first, &shelf.same(&terms(60))));
        let other = shelf.same(&terms(61));
        assert_eq!(*other, *terms(61));
        assert!(Arc::ptr_eq(&first, &shelf.same(&terms(60))));
        assert!(Arc::ptr_eq(&other, &shelf.same(&terms(61))));
    }

    #[test]
    fn what_was_not_used_lately_is_forgotten() {
        let mut shelf = Shelf::default();
        let first = shelf.same(&terms(60));
        let second = shelf.same(&terms(61));
        for seconds in 100..100 + u32::try_from(KEPT).unwrap() - 1 {
            assert!(Arc::ptr_eq(&first, &shelf.same(&terms(60))));
            shelf.same(&terms(seconds));
        }
        assert!(!Arc::ptr_eq(&second, &shelf.same(&terms(61))));
        assert!(shelf.0.len() <= KEPT);
    }
}
