//! Packets of Socket.IO (protocol 5) in their text form: which namespace, which event, whether an
//! answer is awaited. Binary ones are not understood. Knows no event by name.

use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

/// What a client says.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// He wants in, and shows this.
    Connect(Option<&'a str>),
    /// He wants into another namespace.
    Elsewhere(&'a str),
    /// He goes.
    Disconnect,
    /// Something happens; an answer is awaited under this number.
    Event(Option<u64>, String, Option<&'a RawValue>),
    /// An answer to something that we never asked.
    Ack,
}

/// What is no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this is no packet")]
pub(super) struct NoPacket;

impl<'a> Packet<'a> {
    /// Reads a packet.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn parse(text: &'a str) -> Result<Self, NoPacket> {
        let kind = text.as_bytes().first().ok_or(NoPacket)?;
        let rest = text.get(1..).ok_or(NoPacket)?;
        let (namespace, rest) = if rest.starts_with('/') {
            rest.split_once(',').unwrap_or((rest, ""))
        } else {
            ("/", rest)
        };
        let namespace = namespace.split('?').next().unwrap_or(namespace);
        match kind {
            b'0' if namespace == "/" => {
                Ok(Self::Connect(Some(rest).filter(|rest| !rest.is_empty())))
            }
            b'0' => Ok(Self::Elsewhere(namespace)),
            b'1' => Ok(Self::Disconnect),
            b'2' if namespace == "/" => event(rest),
            b'3' => Ok(Self::Ack),
            _ => Err(NoPacket),
        }
    }
}

fn event(rest: &str) -> Result<Packet<'_>, NoPacket> {
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = rest.split_at(digits);
    let number = match number {
        "" => None,
        number => Some(number.parse().map_err(|_| NoPacket)?),
    };
    let said: Vec<&RawValue> = serde_json::from_str(rest).map_err(|_| NoPacket)?;
    let mut said = said.into_iter();
    let name = said.next().ok_or(NoPacket)?;
    let name = serde_json::from_str(name.get()).map_err(|_| NoPacket)?;
    Ok(Packet::Event(number, name, said.next()))
}

/// The packet of an event.
pub(super) fn event_text(name: &str, about: &impl Serialize) -> String {
    let about = serde_json::to_string(about).expect("what we say is always JSON");
    format!("42[\"{name}\",{about}]")
}

/// The packet that answers an event.
pub(super) fn ack_text(number: u64, about: &impl Serialize) -> String {
    let about = serde_json::to_string(about).expect("what we say is always JSON");
    format!("43{number}[{about}]")
}

/// The packet that refuses a namespace.
pub(super) fn refusal_text(namespace: &str, about: &impl Serialize) -> String {
    let about = serde_json::to_string(about).expect("what we say is always JSON");
    let place = if namespace == "/" { String::new() } else { format!("{namespace},") };
    format!("44{place}{about}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn packets_are_read_as_the_protocol_has_them() {
        let read = |text| match Packet::parse(text) {
            Ok(Packet::Connect(auth)) => format!("connect {auth:?}"),
            Ok(Packet::Elsewhere(namespace)) => format!("elsewhere {namespace}"),
            Ok(Packet::Disconnect) => "disconnect".to_owned(),
            Ok(Packet::Event(number, name, about)) => {
                format!("{name} {number:?} {:?}", about.map(RawValue::get))
            }
            Ok(Packet::Ack) => "ack".to_owned(),
            Err(NoPacket) => "nothing".to_owned(),
        };
        for (text, expected) in [
            ("0", "connect None"),
            ("0{\"token\":\"x\"}", "connect Some(\"{\\\"token\\\":\\\"x\\\"}\")"),
            ("0/admin,{}", "elsewhere /admin"),
            ("0/admin?a=b", "elsewhere /admin"),
            ("1", "disconnect"),
            ("2[\"sync\"]", "sync None None"),
            ("27[\"bid\",{\"amount\":1}]", "bid Some(7) Some(\"{\\\"amount\\\":1}\")"),
            ("30[]", "ack"),
            ("", "nothing"),
            ("2", "nothing"),
            ("2[]", "nothing"),
            ("2[1]", "nothing"),
            ("299999999999999999999[\"x\"]", "nothing"),
            ("51-[\"x\",{\"_placeholder\":true,\"num\":0}]", "nothing"),
            ("ä", "nothing"),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = Packet::parse(&text);
        }
    }
}
