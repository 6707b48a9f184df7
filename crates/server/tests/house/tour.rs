//! The commands of a document, run literally: every fenced `sh` block, in order, in one shell.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is in the fenced `sh` blocks of a document.
pub fn blocks(text: &str) -> String {
    let mut script = String::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line) {
            (false, "```sh") => inside = true,
            (true, "```") => inside = false,
            (true, line) => script.extend([line, "\n"]),
            (false, _) => {}
        }
    }
    script
}

/// Runs the document at this path of the repository, with these variables; what it said.
pub fn run(document: &str, variables: &[(&str, &str)]) -> (String, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(document)).expect("the document");
    let gavel = Path::new(env!("CARGO_BIN_EXE_gavel")).parent().expect("its directory");
    let home = tempfile::tempdir().expect("a scratch directory");
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", gavel.display());
    let shell = Command::new("sh")
        .args(["-e", "-u", "-c", &blocks(&text)])
        .current_dir(&root)
        .env_clear()
        .env("PATH", path)
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .env("WORK", home.path().join("work"))
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("a shell");
    let group = format!("-{}", shell.id());
    let done = shell.wait_with_output().expect("it can be waited for");
    // What was begun in the background ends with the shell, however that ended.
    let ended = Command::new("kill").args(["-TERM", "--", &group]).stderr(Stdio::null()).status();
    ended.expect("kill");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{document}\n{out}\n{err}");
    (out.into_owned(), err.into_owned())
}
