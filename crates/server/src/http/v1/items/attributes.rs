//! Attributes of things: what a category asks for, and whether a thing has it. Knows no store.

use crate::http::error::Problem;
use gavel_auction::ids::MAX_EXACT;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

/// How many attributes a category has at most, and choices an attribute.
const MOST: usize = 50;

/// Characters of a name, and of a text, at most.
const NAME: usize = 100;
const TEXT: usize = 1_000;

/// The attributes of a thing, by name.
pub(crate) type Values = BTreeMap<String, Value>;

/// What a thing of a category may say of itself.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attribute {
    #[schema(min_length = 1, max_length = 100, example = "mileage")]
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    /// What a choice is chosen from; of no other type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    choices: Vec<String>,
    #[serde(default)]
    required: bool,
}

/// What an attribute is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Up to 1,000 characters.
    Text,
    /// A whole number up to 2^53 - 1, either way.
    Integer,
    /// A text such as "1.25": up to 15 digits before the point and 15 after it.
    Decimal,
    /// true or false.
    Boolean,
    /// One of the choices.
    Choice,
    /// YYYY-MM-DD.
    Date,
}

/// Whether a category can ask for these.
pub(super) fn check_definitions(attributes: &[Attribute]) -> Result<(), Problem> {
    let wrong = |detail: String| Err(Problem::malformed("attributes", detail));
    if attributes.len() > MOST {
        return wrong(format!("A category has at most {MOST} attributes."));
    }
    let mut names = BTreeSet::new();
    for Attribute { name, kind, choices, .. } in attributes {
        if !is_line(name, NAME) {
            return wrong(format!("A name has 1 to {NAME} characters, none of control."));
        }
        if !names.insert(name) {
            return wrong(format!("`{name}` is there twice."));
        }
        let distinct: BTreeSet<_> = choices.iter().collect();
        let fits = (1..=MOST).contains(&choices.len()) && distinct.len() == choices.len();
        let chosen = *kind == Kind::Choice;
        if chosen == choices.is_empty() || (chosen && !fits) {
            return wrong(format!("A choice, and nothing else, has 1 to {MOST} choices."));
        }
        if !choices.iter().all(|choice| is_line(choice, NAME)) {
            return wrong(format!("A choice has 1 to {NAME} characters, none of control."));
        }
    }
    Ok(())
}

/// Whether a thing has what its category asks for, and nothing else.
pub(super) fn check(values: &Values, asked: &[Attribute]) -> Result<(), Problem> {
    if let Some(name) = values.keys().find(|name| asked.iter().all(|asked| asked.name != **name)) {
        return wrong(name, "The category knows no such attribute.");
    }
    for asked in asked {
        match values.get(&asked.name) {
            None if asked.required => return wrong(&asked.name, "The category asks for it."),
            None => {}
            Some(value) if asked.fits(value) => {}
            Some(_) => return wrong(&asked.name, asked.kind.allowed()),
        }
    }
    Ok(())
}

fn wrong(name: &str, detail: &'static str) -> Result<(), Problem> {
    Err(Problem::malformed(&format!("attributes.{name}"), detail))
}

impl Attribute {
    fn fits(&self, value: &Value) -> bool {
        let text = |fits: &dyn Fn(&str) -> bool| value.as_str().is_some_and(fits);
        match self.kind {
            Kind::Text => text(&|text| is_line(text, TEXT)),
            Kind::Integer => value.as_i64().is_some_and(|value| value.abs_diff(0) <= MOST_EXACT),
            Kind::Decimal => text(&is_decimal),
            Kind::Boolean => value.is_boolean(),
            Kind::Choice => text(&|text| self.choices.iter().any(|choice| choice == text)),
            Kind::Date => text(&is_date),
        }
    }
}

const MOST_EXACT: u64 = MAX_EXACT.unsigned_abs();

impl Kind {
    const fn allowed(self) -> &'static str {
        match self {
            Self::Text => "A text of 1 to 1,000 characters, none of control.",
            Self::Integer => "A whole number up to 2^53 - 1.",
            Self::Decimal => "A text such as \"1.25\", up to 15 digits on each side.",
            Self::Boolean => "true or false.",
            Self::Choice => "One of the category's choices.",
            Self::Date => "A date as YYYY-MM-DD.",
        }
    }
}

fn is_line(text: &str, most: usize) -> bool {
    let length = text.chars().count();
    !text.trim().is_empty() && length <= most && !text.contains(char::is_control)
}

fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| {
        (1..=15).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let bare = text.strip_prefix('-').unwrap_or(text);
    match bare.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(bare),
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(), // not ours: a place
        });
    let part = |from: usize, to: usize| text.get(from..to).and_then(|part| part.parse().ok());
    let (Some(year), Some(month), Some(day)) = (part(0, 4), part(5, 7), part(8, 10)) else {
        return false;
    };
    let leap: bool = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i32::from(leap),
        1..=12 => 31,
        _ => 0, // not ours: a number
    };
    shape && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(kind: Kind) -> Attribute {
        let choices = if kind == Kind::Choice { vec!["red".into(), "blue".into()] } else { vec![] };
        Attribute { name: "a".into(), kind, choices, required: true }
    }

    #[test]
    fn each_type_takes_its_own_and_nothing_else() {
        let table = [
            (Kind::Text, vec![json!("x")], vec![json!(""), json!(" "), json!("a\0"), json!(1)]),
            (Kind::Integer, vec![json!(0), json!(-5)], vec![json!(1.5), json!("1"), json!(1e3)]),
            (Kind::Decimal, vec![json!("-1.25"), json!("0")], vec![json!("1."), json!(1.25)]),
            (Kind::Boolean, vec![json!(true)], vec![json!(1), json!("true"), json!(null)]),
            (Kind::Choice, vec![json!("red")], vec![json!("green"), json!(["red"])]),
            (
                Kind::Date,
                vec![json!("2024-02-29"), json!("1999-12-31")],
                vec![
                    json!("2023-02-29"),
                    json!("2023-13-01"),
                    json!("2023-1-01"),
                    json!("20230101"),
                ],
            ),
        ];
        for (kind, good, bad) in table {
            let of = |value: Value| check(&Values::from([("a".into(), value)]), &[asked(kind)]);
            good.into_iter().for_each(|value| assert!(of(value.clone()).is_ok(), "{value}"));
            bad.into_iter().for_each(|value| assert!(of(value.clone()).is_err(), "{value}"));
        }
        assert!(check(&Values::new(), &[asked(Kind::Text)]).is_err(), "it is required");
        let other = Values::from([("b".into(), json!("x"))]);
        assert!(check(&other, &[]).is_err(), "nobody asked");
    }
}
