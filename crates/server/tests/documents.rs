//! The pages of `docs/` whose commands need nothing but themselves, run literally.

#[path = "house/tour.rs"]
mod tour;

fn says(document: &str, told: &[&str], complained: &[&str]) {
    let (out, err) = tour::run(document, &[]);
    for words in told {
        assert!(out.contains(words), "{words}\n{out}\n{err}");
    }
    for words in complained {
        assert!(err.contains(words), "{words}\n{out}\n{err}");
    }
}

#[test]
fn operators_can_do_as_they_are_told() {
    let told = [
        "records of",
        "manifest.json",
        "the log has been read",
        "memory.settled_auctions",
        "All of it holds.",
        "gavel_auctions_quarantined 0",
    ];
    says("docs/operate.md", &told, &[]);
}

#[test]
fn imports_and_exports_work_as_described() {
    let told = [
        "4 would be created, 0 there already",
        "4 created, 0 there already",
        "0 created, 4 there already",
        "2 created, 0 there already",
        "exit code 2",
        "\"username\":\"admin\"",
        "\"state\":\"open\"",
        "everything/certificates.jsonl",
    ];
    let complained = [
        "2 rows are bad; nothing was imported",
        "bad.csv, line 2: seller: the username of a user of the house or of a row",
        "bad.csv, line 3: starting_price: a whole number",
    ];
    says("docs/import.md", &told, &complained);
}
