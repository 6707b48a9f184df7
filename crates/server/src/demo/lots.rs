//! What the demonstration sells: a dozen things, by different rules, for different lengths of
//! time. All of it is made up.

use serde_json::{Value, json};

/// One thing, sold again and again.
pub(super) struct Lot {
    title: &'static str,
    about: &'static str,
    /// Also names its picture.
    category: &'static str,
    preset: &'static str,
    /// What the preset leaves open or this lot has otherwise, as JSON.
    terms: &'static str,
    start: Option<i64>,
    /// How long it lasts the first time and each time after that, in seconds.
    lasts: (u32, u32),
}

impl Lot {
    /// The request that puts it up.
    pub(super) fn body(&self, round: u64) -> Value {
        let terms: Value = serde_json::from_str(self.terms).unwrap_or_default();
        let seconds = if round == 0 { self.lasts.0 } else { self.lasts.1 };
        let mut body = json!({
            "title": self.title,
            "description": format!("{} (A demonstration: nothing of this exists.)", self.about),
            "category": self.category,
            "currency": "EUR",
            "preset": self.preset,
            "terms": terms,
        });
        if let Some(start) = self.start {
            body["starting_price"] = json!(start);
        }
        if self.preset != "dutch" {
            body["duration_seconds"] = json!(seconds);
        }
        body
    }
}

const fn lot(
    title: &'static str,
    category: &'static str,
    preset: &'static str,
    start: Option<i64>,
    lasts: (u32, u32),
) -> Lot {
    Lot { title, about: "", category, preset, terms: "{}", start, lasts }
}

impl Lot {
    const fn about(self, about: &'static str) -> Self {
        Self { about, ..self }
    }

    const fn by(self, terms: &'static str) -> Self {
        Self { terms, ..self }
    }
}

/// Ends move by ten seconds here, so that a newcomer sees that too.
const SHORT: &str = r#"{"close": {"kind": "soft", "window_seconds": 10, "extend_to_seconds": 10,
    "max_total_seconds": 120}}"#;

/// Everything that is for sale.
pub(super) const LOTS: [Lot; 12] = [
    lot("Ship's chronometer, 1881", "clocks", "english", Some(80_000), (75, 300))
        .about("Two-day movement in a mahogany box, kept going on three oceans.")
        .by(SHORT),
    lot("Rangefinder camera, boxed", "cameras", "flash", Some(12_000), (110, 240))
        .about("Lens clear, shutter true at every speed."),
    lot("Chart of a coast that moved", "maps", "timed", Some(4_500), (170, 420))
        .about("Copperplate engraving; the sandbanks are where they were."),
    lot("Viola by nobody famous", "instruments", "vickrey", Some(95_000), (260, 480))
        .about("It sounds better than its label. Sealed bids, second price."),
    lot("Celadon vase, small hairline", "ceramics", "english", Some(22_000), (210, 540))
        .about("The glaze pools green where it is thickest.")
        .by(SHORT),
    lot("Steel touring bicycle, 56 cm", "bicycles", "ladder", Some(18_000), (330, 600))
        .about("Ready for the pass. Here you bid over your own last bid.")
        .by(r#"{"promotion": "none", "increment": {"kind": "fixed", "step": 500}}"#),
    lot("Desk lamp with a counterweight", "lamps", "dutch", None, (0, 0))
        .about("The price drops every five seconds until somebody takes it.")
        .by(r#"{"clock": {"kind": "descending", "start": 24000, "floor": 4000, "step": 400,
            "every_seconds": 5}}"#),
    lot("Atlas of mosses, two volumes", "books", "sealed", Some(6_000), (420, 660))
        .about("Hand-coloured plates. Sealed bids, the highest wins."),
    lot("Signet ring, unread motto", "jewellery", "timed", Some(14_000), (600, 900))
        .about("Intaglio of a heron. Leave your maximum, the house bids for you."),
    lot("Harbour in the rain, oil on panel", "paintings", "english", Some(45_000), (900, 1_200))
        .about("Unsigned, and better for it.")
        .by(SHORT),
    lot("Bentwood chair, caned seat", "furniture", "classic", Some(7_500), (1_500, 1_200))
        .about("Sat in daily for ninety years.")
        .by(r#"{"increment": {"kind": "fixed", "step": 250}}"#),
    lot("Moving the archive, 140 boxes", "services", "reverse", Some(260_000), (1_200, 1_500))
        .about("The lowest offer gets the work.")
        .by(r#"{"close": "hard"}"#),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_dozen_lots_by_most_presets_each_with_sound_terms() {
        let presets: BTreeSet<&str> = LOTS.iter().map(|lot| lot.preset).collect();
        assert!(presets.len() >= 9, "{presets:?}");
        for lot in &LOTS {
            let terms: Result<Value, _> = serde_json::from_str(lot.terms);
            assert!(terms.is_ok(), "{}", lot.title);
            assert!(!lot.about.is_empty() && lot.body(0)["title"] == lot.title);
        }
    }
}
