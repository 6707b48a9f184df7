//! Plays one scenario file, line by line.

#[path = "draw.rs"]
mod draw;
#[path = "expect.rs"]
mod expect;
#[path = "given.rs"]
mod given;
#[path = "people.rs"]
mod people;
#[path = "step.rs"]
mod step;
#[path = "words.rs"]
mod words;

use given::Given;
use people::People;
use step::Stage;

/// Plays a whole file; an error names the line, what it expects and what really is.
pub fn play(text: &str) -> Result<(), String> {
    let mut given = Given::new();
    let mut people = People::default();
    let mut stage: Option<Stage> = None;
    let mut checked = false;
    if !text.starts_with("# ") {
        return Err("line 1: say in a comment what the scenario shows".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let complain = |what: String| format!("line {number}: {line}\n    {what}");
        if let Some(rest) = line.strip_prefix("given ") {
            if stage.is_some() {
                return Err(complain("`given` comes before everything else".to_owned()));
            }
            read_given(&mut given, &mut people, rest).map_err(complain)?;
            continue;
        }
        let open = || Stage::open(given.clone(), std::mem::take(&mut people));
        let stage = stage.get_or_insert_with(open);
        checked |= line.contains("->") || line.starts_with("then ");
        play_line(stage, line).map_err(complain)?;
    }
    let stage = stage.ok_or("nothing happens")?;
    if !checked {
        return Err("nothing is expected".to_owned());
    }
    assert_eq!(stage.world.replayed(), stage.world.auction, "events alone give the same auction");
    Ok(())
}

fn read_given(given: &mut Given, people: &mut People, text: &str) -> Result<(), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() > 2 && (words[1] == "is" || words[1] == "has") {
        let currency = given.currency;
        return people.describe(&words, |text| words::amount(text, currency));
    }
    given.read(text)
}

fn play_line(stage: &mut Stage, line: &str) -> Result<(), String> {
    let (step, facts) = match line.split_once(" -> ") {
        Some((step, facts)) => (step, Some(facts)),
        None => (line, None),
    };
    let wrong =
        |wrong: expect::Wrong| format!("expected: {}\n    actual:   {}", wrong.fact, wrong.actual);
    if let Some(facts) = line.strip_prefix("then creation ") {
        return stage.expect(facts, true).map_err(wrong);
    }
    if let Some(facts) = line.strip_prefix("then ") {
        return stage.expect(facts, false).map_err(wrong);
    }
    let Some(step) = step.strip_prefix("at ") else {
        return Err("a line begins with `given`, `at` or `then`".to_owned());
    };
    stage.step(step)?;
    let quiet = ["look", "tick"].iter().any(|word| step.ends_with(word))
        || step.contains(" house was away ");
    match facts {
        Some(facts) => stage.expect(facts, !quiet).map_err(wrong),
        None => stage.expect("ok", true).map_err(wrong),
    }
}
