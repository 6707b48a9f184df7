//! What the live room is made of, without its sockets: how an auction stands, version by version
//! ([`following`]), its best bids ([`standing`]), what waits for one who watches ([`waiting`]). The
//! server gives it words and sockets, the simulator readers of its own. Knows no protocol, no time.

pub mod following;
pub mod standing;
pub mod waiting;
