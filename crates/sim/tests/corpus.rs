//! Bad histories, each made by hand from a good one by one change, and the check that must object.
//! A checker that was never seen objecting is no checker.

#![expect(clippy::unwrap_used, reason = "a test, all of it")]

#[path = "corpus/house.rs"]
mod house;
#[path = "corpus/spoiled.rs"]
mod spoiled;

use gavel_sim::checks::check;
use house::House;

#[test]
fn the_good_history_is_good() {
    let house = House::fair();
    let found = check(&house.input()).unwrap_or_else(|violations| {
        let said: Vec<String> = violations.iter().map(ToString::to_string).collect();
        panic!("{}", said.join("\n"));
    });
    assert!(found.events > 12 && found.accepted == 10 && found.refused == 5 && found.reads == 4);
    assert!(found.seen > 10);
}

#[test]
fn every_bad_history_is_rejected_by_the_check_that_it_breaks() {
    let all = spoiled::all();
    assert!(all.len() >= 60, "only {} bad histories", all.len());
    let mut wrong = Vec::new();
    for (name, wanted, spoil) in &all {
        let mut house = House::fair();
        let spoiled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| spoil(&mut house)));
        let Ok(input) = spoiled else {
            wrong.push(format!("{name}: could not be made"));
            continue;
        };
        match check(&input) {
            Ok(_) => wrong.push(format!("{name}: nobody objects, {wanted:?} should")),
            Err(found) => {
                if !found.iter().any(|violation| violation.check == *wanted) {
                    let who: Vec<String> = found.iter().map(ToString::to_string).collect();
                    wrong.push(format!("{name}: {wanted:?} is silent; {}", who.join("; ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let mut names: Vec<_> = all.iter().map(|(name, ..)| *name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all.len(), "two of them have one name");
}

#[test]
fn a_history_survives_being_written_down() {
    let input = House::fair().input();
    let mut lines = Vec::new();
    input.write(&mut lines).unwrap();
    let mut read = gavel_sim::history::Input::read(lines.as_slice()).unwrap();
    read.house = input.house;
    assert_eq!(check(&read).unwrap(), check(&input).unwrap());
}
