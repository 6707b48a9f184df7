//! What speaks for a bidder being nobody's but the seller's: counted, never judged. Refuses to know
//! where the numbers come from.

use gavel_auction::time::{SECOND, Time};

/// What is counted of one bidder.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Whether he shares something with the seller.
    pub linked_to_seller: bool,
    /// Whether he shares something with another bidder.
    pub linked_to_bidder: bool,
    /// Lots of anybody in which he has a paddle.
    pub lots: usize,
    /// Of those, the ones of this seller.
    pub lots_of_seller: usize,
    /// Of this seller's, those that were sold.
    pub sold: usize,
    /// Of those, the ones that he bought.
    pub won: usize,
    /// His bids in this lot, those too that stand no more.
    pub bids: usize,
    /// Those that he took back.
    pub taken_back: usize,
    /// Those that came within [`AT_ONCE`] of another one's.
    pub at_once: usize,
    /// Whether he bought this lot.
    pub won_this: bool,
}

/// How soon an answer comes at once.
pub const AT_ONCE: i64 = 10 * SECOND;

/// Below so many lots, or bids, nothing is a habit.
const FEW_LOTS: usize = 3;
const FEW_BIDS: usize = 5;

impl Counts {
    /// The flags that these numbers are, each with what it adds to the score.
    #[must_use]
    pub fn flags(&self) -> Vec<(&'static str, u8)> {
        let nearly = |part: usize, whole: usize| part * 10 >= whole * 9;
        let faithful = self.lots_of_seller >= FEW_LOTS && nearly(self.lots_of_seller, self.lots);
        let hasty = self.bids >= FEW_BIDS && nearly(self.at_once, self.bids) && !self.won_this;
        [
            ("linked_to_seller", 3, self.linked_to_seller),
            ("linked_to_bidder", 1, self.linked_to_bidder),
            ("one_seller", 1, faithful),
            ("never_wins", 1, self.sold >= FEW_LOTS && self.won == 0),
            ("takes_back", 1, self.taken_back > 0),
            ("answers_at_once", 1, hasty),
        ]
        .into_iter()
        .filter(|(.., is)| *is)
        .map(|(flag, weight, _)| (flag, weight))
        .collect()
    }

    /// Counts a bid: when it came, and when the last of somebody else's did.
    pub fn bid(&mut self, at: Time, after: Option<Time>, taken_back: bool) {
        self.bids += 1;
        self.taken_back += usize::from(taken_back);
        self.at_once += usize::from(after.is_some_and(|before| at.since(before) <= AT_ONCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(counts: &Counts) -> Vec<&'static str> {
        counts.flags().into_iter().map(|(flag, _)| flag).collect()
    }

    #[test]
    fn each_flag_from_its_number_on() {
        let none =
            Counts { lots_of_seller: 2, lots: 2, sold: 2, bids: 4, at_once: 4, ..<_>::default() };
        assert!(flags(&none).is_empty(), "too few to be a habit");
        let faithful = Counts { lots_of_seller: 9, lots: 10, ..Counts::default() };
        assert_eq!(flags(&faithful), ["one_seller"]);
        assert!(flags(&Counts { lots: 11, ..faithful }).is_empty());
        let loser = Counts { sold: 3, ..Counts::default() };
        assert_eq!(flags(&loser), ["never_wins"]);
        assert!(flags(&Counts { won: 1, ..loser }).is_empty());
        let hasty = Counts { bids: 10, at_once: 9, ..Counts::default() };
        assert_eq!(flags(&hasty), ["answers_at_once"]);
        assert!(flags(&Counts { at_once: 8, ..hasty.clone() }).is_empty());
        assert!(flags(&Counts { won_this: true, ..hasty }).is_empty());
        let linked = Counts { linked_to_seller: true, taken_back: 1, ..Counts::default() };
        assert_eq!(linked.flags(), [("linked_to_seller", 3), ("takes_back", 1)]);
    }

    #[test]
    fn an_answer_is_at_once_within_ten_seconds() {
        let mut counts = Counts::default();
        counts.bid(Time(0), None, false);
        counts.bid(Time(20 * SECOND), Some(Time(10 * SECOND)), true);
        counts.bid(Time(20 * SECOND + 1), Some(Time(10 * SECOND)), false);
        assert_eq!((counts.bids, counts.at_once, counts.taken_back), (3, 1, 1));
    }
}
