//! `--set slot=value`: what a person changes in a preset. A value is JSON or a bare word; a dotted
//! name reaches one parameter of a slot. Refuses to know what slots mean: the rules say that.

use super::output::Failure;
use gavel_auction::money::{Amount, Currency};
use gavel_auction::presets::{Preset, Slots};
use gavel_auction::terms::check::Problem;
use gavel_auction::terms::{Increment, Schedule};
use serde_json::{Map, Value};

/// The `terms` object that these settings make over a preset, each slot checked by itself.
///
/// # Errors
/// Names the setting that makes no sense, and what would.
pub fn parse(
    settings: &[String],
    preset: Preset,
    currency: Currency,
) -> Result<Map<String, Value>, Failure> {
    let mut terms = Map::new();
    for setting in settings {
        let Some((name, value)) = setting.split_once('=') else {
            let detail = format!("--set {setting}: a setting is slot=value");
            return Err(Failure::usage("malformed", detail)
                .accept("--set close=hard")
                .accept("--set close.window_seconds=60")
                .accept(r#"--set increment='{"kind":"fixed","step":100}'"#));
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        match name.split_once('.') {
            None => drop(terms.insert(name.to_owned(), value)),
            Some((slot, parameter)) => {
                let known = terms.remove(slot).or_else(|| slot_of(preset, currency, slot));
                let mut members = match known {
                    Some(Value::Object(members)) => members,
                    Some(Value::String(kind)) => {
                        Map::from_iter([("kind".to_owned(), Value::String(kind))])
                    }
                    Some(_) | None => Map::new(),
                };
                members.insert(parameter.to_owned(), value);
                terms.insert(slot.to_owned(), Value::Object(members));
            }
        }
    }
    for (slot, value) in &terms {
        let alone = Map::from_iter([(slot.clone(), value.clone())]);
        if let Err(error) = serde_json::from_value::<Slots>(Value::Object(alone)) {
            return Err(Failure::usage("malformed", format!("--set {slot}={value}: {error}")));
        }
    }
    Ok(terms)
}

/// The slots of a parsed `terms` object.
///
/// # Errors
/// If it is none.
pub fn slots(terms: &Map<String, Value>) -> Result<Slots, Failure> {
    let slots = serde_json::from_value(Value::Object(terms.clone()));
    slots.map_err(|error| Failure::usage("malformed", format!("--set: {error}")))
}

/// The preset with this name.
///
/// # Errors
/// Names those there are.
pub fn preset(name: &str) -> Result<Preset, String> {
    Preset::from_name(name).ok_or_else(|| {
        let known: Vec<_> = Preset::ALL.into_iter().map(Preset::name).collect();
        format!("there is no such preset; there are {}", known.join(", "))
    })
}

/// The currency with this code.
///
/// # Errors
/// Says what a code is.
pub fn currency(code: &str) -> Result<Currency, String> {
    let known = Currency::from_code(code);
    known.ok_or_else(|| "a currency is a code of ISO 4217 in use, such as EUR".to_owned())
}

/// Terms that do not go together, as a failure that names every problem.
#[must_use]
pub fn invalid(problems: &[Problem]) -> Failure {
    let told = problems.iter().map(|problem| format!("{}: {}", problem.field, problem.detail));
    let failure = Failure::usage("terms_invalid", "these terms do not go together");
    told.fold(failure, Failure::accept)
}

/// What a preset says of one slot, as JSON. Where it leaves something open, anything stands in.
fn slot_of(preset: Preset, currency: Currency, slot: &str) -> Option<Value> {
    let mut slots = preset.slots(currency);
    slots.increment = slots.increment.or(Some(Increment::AnyHigher {}));
    slots.starting_price = slots.starting_price.or(Some(Amount::ONE));
    slots.schedule = Some(Schedule { duration_seconds: Some(1), ..Schedule::default() });
    let terms = slots.complete().ok()?;
    serde_json::to_value(terms).ok()?.get_mut(slot).map(Value::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(settings: &[&str]) -> Result<Value, String> {
        let settings: Vec<_> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let eur = Currency::from_code("EUR").unwrap();
        parse(&settings, Preset::English, eur).map(Value::Object).map_err(|e| e.detail)
    }

    #[test]
    fn words_json_and_dots() {
        assert_eq!(parsed(&["close=hard"]), Ok(serde_json::json!({"close": "hard"})));
        let step = serde_json::json!({"increment": {"kind": "fixed", "step": 100}});
        assert_eq!(parsed(&[r#"increment={"kind":"fixed","step":100}"#]), Ok(step.clone()));
        assert!(parsed(&["increment.kind=fixed", "increment.step=100"]).is_err());
        assert_eq!(parsed(&["increment=fixed", "increment.step=100"]), Ok(step));
        let close = parsed(&["close.window_seconds=60"]).unwrap();
        assert_eq!(close["close"]["extend_to_seconds"], 120);
        assert_eq!(close["close"]["window_seconds"], 60);
    }

    #[test]
    fn nonsense_is_named() {
        assert!(parsed(&["close"]).unwrap_err().contains("slot=value"));
        assert!(parsed(&["closing=hard"]).unwrap_err().contains("expected one of"));
        assert!(parsed(&["close=gently"]).unwrap_err().contains("`hard`"));
    }
}
