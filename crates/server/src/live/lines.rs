//! What was said last beside one auction, in its order, each message once; and what of it is not to
//! be shown any more, though it may still be on its way from the store. Knows no socket.

use super::room::Line;
use gavel_auction::ids::UserId;
use std::collections::VecDeque;

/// Messages that are at hand.
pub(super) const CHAT: usize = 50;

/// How much of what was taken away is remembered.
const GONE: usize = 256;

/// The last messages.
#[derive(Default)]
pub(super) struct Lines {
    lines: VecDeque<Line>,
    gone: VecDeque<Gone>,
}

/// What was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// One message.
    Message(i64),
    /// All of somebody's.
    Author(UserId),
}

impl Gone {
    fn is(self, (id, author, _): &Line) -> bool {
        match self {
            Self::Message(gone) => gone == *id,
            Self::Author(gone) => gone == *author,
        }
    }
}

impl Lines {
    /// Keeps a message at hand; false if it is known, or not to be shown any more.
    pub(super) fn remember(&mut self, line: Line) -> bool {
        if self.gone.iter().any(|gone| gone.is(&line)) {
            return false;
        }
        let place = match self.lines.binary_search_by_key(&line.0, |(id, ..)| *id) {
            Ok(_known) => return false,
            Err(place) => place,
        };
        self.lines.insert(place, line);
        if self.lines.len() > CHAT {
            self.lines.pop_front();
        }
        true
    }

    /// Keeps such messages at hand no more: the numbers of those that were.
    pub(super) fn forget(&mut self, gone: Gone) -> Vec<i64> {
        if self.gone.len() >= GONE {
            self.gone.pop_front();
        }
        self.gone.push_back(gone);
        let such = self.lines.iter().filter(|line| gone.is(line)).map(|(id, ..)| *id).collect();
        self.lines.retain(|line| !gone.is(line));
        such
    }

    /// All of them, as a list in JSON.
    pub(super) fn text(&self) -> String {
        let texts: Vec<&str> = self.lines.iter().map(|(_, _, text)| &**text).collect();
        format!("[{}]", texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_in_their_order_and_what_is_gone_does_not_come_back() {
        let mut lines = Lines::default();
        let line =
            |id: i64, author| -> Line { (id, UserId::new(author).unwrap(), id.to_string().into()) };
        let mut came = |id, author| lines.remember(line(id, author));
        assert!(came(3, 1) && came(1, 2) && came(2, 1) && !came(3, 1));
        assert_eq!(lines.text(), "[1,2,3]");
        assert_eq!(lines.forget(Gone::Message(2)), [2]);
        assert!(lines.forget(Gone::Message(7)).is_empty());
        assert_eq!(lines.forget(Gone::Author(UserId::new(2).unwrap())), [1]);
        for (id, author) in [(2, 1), (7, 1), (1, 2), (8, 2)] {
            assert!(!lines.remember(line(id, author)), "{id}");
        }
        assert_eq!(lines.text(), "[3]");
        (10..100).for_each(|id| assert!(lines.remember(line(id, 1))));
        assert!(lines.text().starts_with("[50,51,") && lines.text().ends_with(",99]"));
        assert!(lines.gone.len() == 3 && lines.lines.len() == CHAT);
    }
}
