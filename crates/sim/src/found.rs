//! What was found once, in a form that lasts: not a seed, which means another schedule as soon as
//! anything is drawn otherwise, but the schedule itself, made small. One file each; knows no rule.

use crate::world::params::Params;
use crate::world::plan::Step;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::path::Path;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What.
    pub what: String,
    /// The planted bug that brings it back, if there is one: with it this goes wrong.
    pub mutant: Option<String>,
    /// What the run was like.
    pub params: Params,
    /// Its schedule.
    pub steps: Vec<Step>,
}

/// All that is kept in a folder, by name.
///
/// # Errors
/// If there is nothing, or something that cannot be read.
pub fn all(folder: &Path) -> anyhow::Result<Vec<(String, Found)>> {
    let mut all = Vec::new();
    let files = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for file in files {
        let path = file?.path();
        let Some(name) = path.file_stem().filter(|_| path.extension() == Some("json".as_ref()))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path)?;
        let found = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        all.push((name.to_string_lossy().into_owned(), found));
    }
    anyhow::ensure!(!all.is_empty(), "nothing is kept in {}", folder.display());
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(all)
}

/// Keeps something, one line a step.
///
/// # Errors
/// If it cannot be written.
pub fn keep(folder: &Path, name: &str, found: &Found) -> anyhow::Result<()> {
    let (what, mutant) =
        (serde_json::to_string(&found.what)?, serde_json::to_string(&found.mutant)?);
    let params = serde_json::to_string(&found.params)?;
    let mut text = format!("{{\"what\":{what},\n\"mutant\":{mutant},\n\"params\":{params},\n");
    text.push_str("\"steps\":[");
    for (place, step) in found.steps.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(text, "{comma}\n{}", serde_json::to_string(step)?)?;
    }
    text.push_str("\n]}\n");
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join(format!("{name}.json")), text)?;
    Ok(())
}
