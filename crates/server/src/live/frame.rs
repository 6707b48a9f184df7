//! WebSocket frames (RFC 6455), the server's side: what a client sends is read within bounds, and
//! what goes out is written once for all who get it, since a server masks nothing. Knows nothing of
//! what is said.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;

/// Bytes of a message at most, whole or in pieces.
pub(crate) const LARGEST: usize = 32 * 1024;

/// What a client has sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A text.
    Text(String),
    /// He wants to know whether we are there; the answer.
    Ping(Bytes),
    /// He is there.
    Pong,
    /// He goes.
    Close,
}

/// What no client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is no frame that a client may send")]
pub(crate) struct Broken;

/// Reads frames from bytes as they arrive.
#[derive(Default)]
pub(crate) struct Reader {
    /// What has come of a message in pieces.
    pieces: Option<BytesMut>,
}

struct Head {
    last: bool,
    opcode: u8,
    length: usize,
    mask: [u8; 4],
    bytes: usize,
}

impl Reader {
    /// Takes the next message out of what has arrived, if it is whole.
    ///
    /// # Errors
    /// If the bytes are no frames of a client, or a message is too long.
    pub(crate) fn next(&mut self, from: &mut BytesMut) -> Result<Option<Heard>, Broken> {
        loop {
            let Some(head) = head(from)? else { return Ok(None) };
            if from.len() < head.bytes + head.length {
                return Ok(None);
            }
            from.advance(head.bytes);
            let mut body = from.split_to(head.length);
            for (byte, mask) in body.iter_mut().zip(head.mask.iter().cycle()) {
                *byte ^= mask;
            }
            if let Some(heard) = self.take(&head, body)? {
                return Ok(Some(heard));
            }
        }
    }

    fn take(&mut self, head: &Head, body: BytesMut) -> Result<Option<Heard>, Broken> {
        match (head.opcode, self.pieces.take()) {
            (0x8, _) => Ok(Some(Heard::Close)),
            (0x9 | 0xA, pieces) => {
                self.pieces = pieces;
                let ping = head.opcode == 0x9;
                Ok(Some(if ping { Heard::Ping(frame(0xA, &body)) } else { Heard::Pong }))
            }
            (0x1, None) if head.last => text(&body).map(Some),
            (0x1, None) => {
                self.pieces = Some(body);
                Ok(None)
            }
            (0x0, Some(mut pieces)) if pieces.len() + body.len() <= LARGEST => {
                pieces.extend_from_slice(&body);
                if head.last {
                    return text(&pieces).map(Some);
                }
                self.pieces = Some(pieces);
                Ok(None)
            }
            _ => Err(Broken),
        }
    }
}

/// The head of the next frame, once all of it is there.
fn head(from: &[u8]) -> Result<Option<Head>, Broken> {
    let [first, second, rest @ ..] = from else { return Ok(None) };
    let (last, opcode) = (first & 0x80 != 0, first & 0x0F);
    let control = opcode >= 0x8;
    let short = usize::from(second & 0x7F);
    // Nothing was agreed on that would use the other bits, and clients mask.
    if first & 0x70 != 0 || second & 0x80 == 0 || (control && (short > 125 || !last)) {
        return Err(Broken);
    }
    let (length, taken) = match (short, rest) {
        (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 2),
        // All that fits is said in two bytes.
        (127, _) => return Err(Broken),
        (126, _) => return Ok(None),
        (short, _) => (short, 0),
    };
    if length > LARGEST {
        return Err(Broken);
    }
    let mask = rest.get(taken..).and_then(<[u8]>::first_chunk::<4>);
    Ok(mask.map(|mask| Head { last, opcode, length, mask: *mask, bytes: 2 + taken + 4 }))
}

fn text(body: &[u8]) -> Result<Heard, Broken> {
    std::str::from_utf8(body).map(|text| Heard::Text(text.to_owned())).map_err(|_| Broken)
}

/// A text as a frame.
pub(crate) fn of_text(text: &str) -> Bytes {
    frame(0x1, text.as_bytes())
}

/// The question whether a client is there.
pub(crate) fn ping() -> Bytes {
    frame(0x9, b"")
}

/// The word with which a server goes; 1000 is "all is well".
pub(crate) fn close(code: u16) -> Bytes {
    frame(0x8, &code.to_be_bytes())
}

fn frame(opcode: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(body.len() + 10);
    frame.put_u8(0x80 | opcode);
    match (u8::try_from(body.len()), u16::try_from(body.len())) {
        (Ok(length @ ..126), _) => frame.put_u8(length),
        (_, Ok(length)) => {
            frame.put_u8(126);
            frame.put_u16(length);
        }
        (_, Err(_)) => {
            frame.put_u8(127);
            frame.put_u64(body.len() as u64);
        }
    }
    frame.extend_from_slice(body);
    frame.freeze()
}

/// The text of a frame of ours.
pub(super) fn text_of(frame: &Bytes) -> Bytes {
    let head = match frame.get(1) {
        Some(126) => 4,
        Some(127) => 10,
        Some(_) | None => 2,
    };
    frame.slice(head.min(frame.len())..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client(first: u8, body: &[u8]) -> BytesMut {
        let mask = [1, 2, 3, 4];
        let plain = frame(first & 0x0F, body);
        let head = plain.len() - body.len();
        let mut bytes = BytesMut::from(&plain[..head]);
        (bytes[0], bytes[1]) = (first, bytes[1] | 0x80);
        bytes.extend_from_slice(&mask);
        bytes.extend(body.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }

    fn all(mut bytes: BytesMut) -> Result<Vec<Heard>, Broken> {
        let mut reader = Reader::default();
        let mut heard = Vec::new();
        while let Some(one) = reader.next(&mut bytes)? {
            heard.push(one);
        }
        Ok(heard)
    }

    #[test]
    fn messages_come_whole_or_in_pieces_with_pings_between() {
        let mut bytes = client(0x81, b"one");
        bytes.extend(client(0x01, b"tw"));
        bytes.extend(client(0x89, b"?"));
        bytes.extend(client(0x80, b"o"));
        bytes.extend(client(0x81, &[b'x'; 200]));
        bytes.extend(client(0x88, b""));
        let pong = Heard::Ping(frame(0xA, b"?"));
        let long = Heard::Text("x".repeat(200));
        let text = |text: &str| Heard::Text(text.to_owned());
        let expected = vec![text("one"), pong, text("two"), long, Heard::Close];
        assert_eq!(all(bytes.clone()), Ok(expected));
        for cut in 0..client(0x81, b"one").len() {
            assert_eq!(all(BytesMut::from(&bytes[..cut])), Ok(vec![]));
        }
    }

    #[test]
    fn what_a_client_may_not_send_is_refused() {
        let unmasked = BytesMut::from(&frame(0x1, b"x")[..]);
        let continued = client(0x80, b"of nothing");
        let mut twice = client(0x01, b"a");
        twice.extend(client(0x81, b"b"));
        let large = client(0x81, &vec![b'x'; LARGEST + 1]);
        let mut growing = client(0x01, &vec![b'x'; LARGEST]);
        growing.extend(client(0x80, b"x"));
        let (binary, bits) = (client(0x82, b"x"), client(0xC1, b"x"));
        let (broken_ping, no_text) = (client(0x09, b""), client(0x81, &[0xFF]));
        for wrong in
            [unmasked, continued, twice, large, growing, binary, bits, broken_ping, no_text]
        {
            assert_eq!(all(wrong), Err(Broken));
        }
        assert_eq!(all(client(0x81, &vec![b'x'; LARGEST])).unwrap().len(), 1);
    }

    #[test]
    fn frames_of_ours_give_their_text_back() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let text = "x".repeat(length);
            assert_eq!(text_of(&of_text(&text)), text.as_bytes(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = all(BytesMut::from(&bytes[..]));
        }
    }
}
