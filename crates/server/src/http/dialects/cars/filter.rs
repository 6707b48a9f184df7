//! Lists: which of many, in which order, from where on, how many. Filters are query parameters:
//! `field`, `field_ne`, `_lt`, `_lte`, `_gt`, `_gte`, `_in`, `_nin`, `_contains`, `_ncontains`,
//! `_containss`, `_ncontainss`, `_null`; besides `_sort`, `_start`, `_limit`. A field of a relation
//! is named with a point (`car.make`), its number by the relation itself (`car=3`). Knows no type.

use crate::http::error::Problem;
use axum::extract::Query;
use http::Uri;
use serde::Serialize;
use serde_json::Value;
use std::cmp::Ordering;

/// What a list has at most before it is filtered.
pub(super) const MOST: usize = 10_000;

/// Entries of a page if nobody says.
const PAGE: usize = 100;

/// Parameters of a query at most.
const PARAMETERS: usize = 50;

/// Fields that a list is sorted by at most.
const SORTS: usize = 5;

/// How a field is held against what is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Test {
    Is,
    Not,
    Below,
    AtMost,
    Above,
    AtLeast,
    Among,
    NotAmong,
    Contains { exactly: bool },
    ContainsNot { exactly: bool },
    Null,
}

const TESTS: [(&str, Test); 12] = [
    ("_ne", Test::Not),
    ("_lt", Test::Below),
    ("_lte", Test::AtMost),
    ("_gt", Test::Above),
    ("_gte", Test::AtLeast),
    ("_in", Test::Among),
    ("_nin", Test::NotAmong),
    ("_contains", Test::Contains { exactly: false }),
    ("_ncontains", Test::ContainsNot { exactly: false }),
    ("_containss", Test::Contains { exactly: true }),
    ("_ncontainss", Test::ContainsNot { exactly: true }),
    ("_null", Test::Null),
];

/// What is asked of a list.
pub(super) struct Filter {
    tests: Vec<(String, Test, Vec<String>)>,
    sort: Vec<(String, bool)>,
    start: usize,
    limit: usize,
}

impl Filter {
    /// Reads a query about entries with these fields.
    ///
    /// # Errors
    /// `malformed`: a parameter, or a field, that there is not.
    pub(super) fn of(uri: &Uri, fields: &[&str]) -> Result<Self, Problem> {
        let wrong = |name: &str, detail: &'static str| Err(Problem::malformed(name, detail));
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return wrong("query", "The query makes no sense.");
        };
        if pairs.len() > PARAMETERS {
            return wrong("query", "Too many parameters.");
        }
        let known = |field: &str| fields.contains(&field.split('.').next().unwrap_or(field));
        let (tests, sort) = (Vec::new(), Vec::new());
        let mut filter = Self { tests, sort, start: 0, limit: PAGE };
        for (name, value) in pairs {
            match &*name {
                "_start" => match value.parse() {
                    Ok(start) => filter.start = start,
                    Err(_) => return wrong("_start", "A whole number."),
                },
                "_limit" => match value.parse::<i64>() {
                    Ok(-1) => filter.limit = MOST,
                    Ok(limit) if limit >= 0 => {
                        filter.limit = usize::try_from(limit).unwrap_or(MOST).min(MOST);
                    }
                    Ok(_) | Err(_) => return wrong("_limit", "A whole number; -1 is all."),
                },
                "_sort" => {
                    for part in value.split(',') {
                        let (field, order) = part.split_once(':').unwrap_or((part, "ASC"));
                        let falls = order.eq_ignore_ascii_case("desc");
                        if !known(field) || !(falls || order.eq_ignore_ascii_case("asc")) {
                            return wrong("_sort", "FIELD:ASC or FIELD:DESC, with commas between.");
                        }
                        if filter.sort.len() == SORTS {
                            return wrong("_sort", "At most five fields.");
                        }
                        filter.sort.push((field.to_owned(), falls));
                    }
                }
                name => match test(name).filter(|(field, _)| known(field)) {
                    Some((field, test)) => filter.add(field, test, value),
                    None => return wrong(name, "There is no such field, or no such filter."),
                },
            }
        }
        Ok(filter)
    }

    fn add(&mut self, field: &str, test: Test, value: String) {
        let several = matches!(test, Test::Among | Test::NotAmong);
        let same = |(other, kind, _): &&mut (String, Test, Vec<String>)| {
            several && other == field && *kind == test
        };
        match self.tests.iter_mut().find(same) {
            Some((_, _, values)) => values.push(value),
            None => self.tests.push((field.to_owned(), test, vec![value])),
        }
    }

    /// What a field must be, if just one thing is asked for.
    pub(super) fn only(&self, field: &str) -> Option<&str> {
        let asked = self.tests.iter().find(|(name, test, _)| name == field && *test == Test::Is);
        asked.and_then(|(_, _, values)| values.first()).map(String::as_str)
    }

    /// How many of these are asked for, whatever the page.
    pub(super) fn count<T: Serialize>(&self, all: &[T]) -> usize {
        all.iter().filter(|entry| self.takes(&json(entry))).count()
    }

    /// The page that is asked for.
    pub(super) fn page<T: Serialize>(&self, all: Vec<T>) -> Vec<T> {
        let told = all.into_iter().map(|entry| (json(&entry), entry));
        let mut told: Vec<(Value, T)> = told.filter(|(json, _)| self.takes(json)).collect();
        told.sort_by(|(one, _), (other, _)| {
            let orders = self.sort.iter().map(|(field, falls)| {
                let order = by_size(at(one, field), at(other, field));
                if *falls { order.reverse() } else { order }
            });
            orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
        told.into_iter().map(|(_, entry)| entry).skip(self.start).take(self.limit).collect()
    }

    fn takes(&self, entry: &Value) -> bool {
        self.tests.iter().all(|(field, test, values)| holds(at(entry, field), *test, values))
    }
}

fn json<T: Serialize>(entry: &T) -> Value {
    serde_json::to_value(entry).expect("an entry is always JSON")
}

/// The field and the test that a parameter's name means; the longest ending counts.
fn test(name: &str) -> Option<(&str, Test)> {
    let split = TESTS.iter().filter_map(|(end, test)| Some((name.strip_suffix(end)?, *test)));
    let found = split.min_by_key(|(field, _)| field.len()).unwrap_or((name, Test::Is));
    Some(found).filter(|(field, _)| !field.is_empty())
}

fn at<'a>(entry: &'a Value, field: &str) -> &'a Value {
    let found = field.split('.').fold(entry, |entry, part| &entry[part]);
    // A relation stands for its number.
    if found.is_object() { &found["id"] } else { found }
}

fn holds(value: &Value, test: Test, asked: &[String]) -> bool {
    let first = asked.first().map(String::as_str).unwrap_or_default();
    let is = |asked: &String| against(value, asked).is_some_and(Ordering::is_eq);
    let order = |fits: fn(Ordering) -> bool| against(value, first).is_some_and(fits);
    let contains = |exactly| match value.as_str() {
        Some(text) if exactly => text.contains(first),
        Some(text) => text.to_lowercase().contains(&first.to_lowercase()),
        None => false,
    };
    match test {
        Test::Is | Test::Among => asked.iter().any(is),
        Test::Not | Test::NotAmong => !asked.iter().any(is),
        Test::Below => order(Ordering::is_lt),
        Test::AtMost => order(Ordering::is_le),
        Test::Above => order(Ordering::is_gt),
        Test::AtLeast => order(Ordering::is_ge),
        Test::Contains { exactly } => contains(exactly),
        Test::ContainsNot { exactly } => !contains(exactly),
        Test::Null => value.is_null() == (first == "true"),
    }
}

/// How a value compares with what was asked for, if it can be.
fn against(value: &Value, asked: &str) -> Option<Ordering> {
    match value {
        Value::Number(number) => Some(number.as_i64()?.cmp(&asked.parse().ok()?)),
        Value::String(text) => Some((**text).cmp(asked)),
        Value::Bool(truth) => Some(truth.cmp(&asked.parse().ok()?)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Nothing first, then by size.
fn by_size(one: &Value, other: &Value) -> Ordering {
    let words = || one.as_str().cmp(&other.as_str());
    let truth = || one.as_bool().cmp(&other.as_bool());
    one.as_i64().cmp(&other.as_i64()).then_with(words).then_with(truth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(query: &str) -> Vec<i64> {
        let uri = format!("/cars?{query}").parse().unwrap();
        let all = vec![
            json!({"id": 1, "name": "Saab 900", "year": 1988, "car": {"id": 7, "make": "Saab"}}),
            json!({"id": 2, "name": "VW Golf", "year": null, "car": {"id": 8, "make": "VW"}}),
            json!({"id": 3, "name": "saab 96", "year": 1968, "car": null}),
        ];
        let filter = Filter::of(&uri, &["id", "name", "year", "car"]).unwrap();
        let page = filter.page(all);
        page.iter().map(|entry| entry["id"].as_i64().unwrap()).collect()
    }

    #[test]
    fn filters_sorts_and_pages() {
        assert_eq!(asked(""), [1, 2, 3]);
        assert_eq!(asked("name=VW%20Golf"), [2]);
        assert_eq!(asked("name_contains=saab"), [1, 3]);
        assert_eq!(asked("name_containss=saab"), [3]);
        assert_eq!(asked("name_ncontains=saab"), [2]);
        assert_eq!(asked("year_lt=1988"), [3]);
        assert_eq!(asked("year_lte=1988"), [1, 3]);
        assert_eq!(asked("year_gte=1969"), [1]);
        assert_eq!(asked("year_null=true"), [2]);
        assert_eq!(asked("year_null=false"), [1, 3]);
        assert_eq!(asked("id_in=1&id_in=3"), [1, 3]);
        assert_eq!(asked("id_nin=1&id_nin=3"), [2]);
        assert_eq!(asked("id_ne=1"), [2, 3]);
        assert_eq!(asked("car=8"), [2]);
        assert_eq!(asked("car.make=Saab"), [1]);
        assert_eq!(asked("_sort=year:DESC"), [1, 3, 2]);
        assert_eq!(asked("_sort=year"), [2, 3, 1]);
        assert_eq!(asked("_start=1&_limit=1"), [2]);
        assert!(asked("_limit=0").is_empty());
        assert_eq!(asked("_limit=-1"), [1, 2, 3]);
        assert!(asked("year=x").is_empty());
    }

    #[test]
    fn what_there_is_not_is_refused() {
        let long = format!("_sort=year{}", ",id:DESC".repeat(SORTS));
        for query in
            ["colour=red", "_sort=colour", "_sort=year:up", "_limit=-2", "_start=x", "_q=x", &long]
        {
            let uri = format!("/cars?{query}").parse().unwrap();
            assert!(Filter::of(&uri, &["id", "year"]).is_err(), "{query}");
        }
    }
}
