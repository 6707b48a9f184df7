//! The walls between the crates, checked on the graph that cargo resolved: what each crate of ours
//! may depend on, and what must not be reachable from it by any road.

use crate::finding::Finding;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// The wall around one crate.
struct Wall {
    package: &'static str,
    /// Crates of ours it may see.
    ours: &'static [&'static str],
    /// If given, all other crates it may name.
    only: Option<&'static [&'static str]>,
    /// What it must not reach by any road.
    never: &'static [&'static str],
    /// What it must not name itself.
    not_directly: &'static [&'static str],
}

const WALLS: [Wall; 9] = [
    Wall {
        package: "gavel-auction",
        ours: &[],
        only: Some(&["serde", "serde_json", "sha2", "thiserror"]),
        never: &["tokio", "axum", "hyper", "rusqlite", "reqwest", "getrandom", "rand"],
        not_directly: &[],
    },
    Wall {
        package: "gavel-proof",
        ours: &["gavel-auction"],
        only: None,
        never: &["tokio", "axum", "hyper", "rusqlite", "reqwest"],
        not_directly: &[],
    },
    Wall {
        package: "gavel-engine",
        ours: &["gavel-auction", "gavel-proof"],
        only: None,
        never: &["axum", "hyper", "rusqlite", "tokio-postgres", "reqwest"],
        not_directly: &["ed25519-dalek", "ring", "sha2", "hmac", "getrandom"],
    },
    Wall {
        package: "gavel-store",
        ours: &["gavel-auction", "gavel-proof", "gavel-engine"],
        only: None,
        never: &["axum", "hyper", "reqwest"],
        not_directly: &[],
    },
    Wall {
        package: "gavel-sinks",
        ours: &["gavel-auction", "gavel-proof", "gavel-engine"],
        only: None,
        never: &["axum", "rusqlite"],
        not_directly: &[],
    },
    Wall {
        package: "gavel-sim",
        ours: &["gavel-auction", "gavel-proof", "gavel-engine"],
        only: None,
        never: &["axum", "hyper", "rusqlite", "reqwest"],
        not_directly: &[],
    },
    Wall {
        package: "gavel-server",
        ours: &["gavel-auction", "gavel-proof", "gavel-engine", "gavel-store", "gavel-sinks"],
        only: None,
        never: &[],
        not_directly: &["rusqlite", "tokio-postgres"],
    },
    // The load generator's peer is a bare axum server; it drives the rules and the shard directly.
    Wall {
        package: "bench",
        ours: &["gavel-auction", "gavel-proof", "gavel-engine"],
        only: None,
        never: &["rusqlite"],
        not_directly: &[],
    },
    Wall {
        package: "xtask",
        ours: &[],
        only: Some(&["serde_json"]),
        never: &[],
        not_directly: &[],
    },
];

/// The resolved graph: per package, what it names and what it reaches.
#[derive(Default)]
pub(crate) struct Graph {
    /// The crates of this workspace.
    members: BTreeSet<String>,
    /// Normal and build dependencies, by package id.
    edges: BTreeMap<String, BTreeSet<String>>,
    names: BTreeMap<String, String>,
}

pub(crate) fn check(root: &Path) -> std::io::Result<Vec<Finding>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root)
        .output()?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(std::io::Error::other(format!("cargo metadata: {message}")));
    }
    let metadata = serde_json::from_slice(&output.stdout)?;
    Ok(judge(&Graph::read(&metadata)))
}

pub(crate) fn judge(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for id in &graph.members {
        let package = graph.name(id);
        let mut broken = |message: String| {
            let path = format!("package {package}");
            findings.push(Finding { path, line: 0, rule: "wall", message });
        };
        match WALLS.iter().find(|wall| wall.package == package) {
            Some(wall) => wall.judge(graph, id, &mut broken),
            None => broken("has no wall yet; write one in xtask/src/tidy/walls.rs".into()),
        }
    }
    findings
}

impl Wall {
    fn judge(&self, graph: &Graph, id: &str, broken: &mut impl FnMut(String)) {
        for dependency in graph.edges.get(id).into_iter().flatten() {
            let name = graph.name(dependency);
            if graph.members.contains(dependency) {
                if !self.ours.contains(&name) {
                    broken(format!("must not see {name}"));
                }
            } else if self.only.is_some_and(|only| !only.contains(&name)) {
                broken(format!("may name only {:?}, not {name}", self.only.unwrap_or_default()));
            } else if self.not_directly.contains(&name) {
                broken(format!("must not name {name} itself"));
            }
        }
        let reached = graph.reach(id);
        for name in reached.iter().map(|id| graph.name(id)).filter(|n| self.never.contains(n)) {
            let tree = format!("cargo tree -p {} -i {name}", self.package);
            broken(format!("reaches {name}; `{tree}` shows how"));
        }
    }
}

impl Graph {
    fn read(metadata: &Value) -> Self {
        let mut graph = Self::default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        graph.members = list(&metadata["workspace_members"]).iter().map(text).collect();
        for package in list(&metadata["packages"]) {
            graph.names.insert(text(&package["id"]), text(&package["name"]));
        }
        for node in list(&metadata["resolve"]["nodes"]) {
            let shipped = |dependency: &&Value| {
                list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev")
            };
            let dependencies = list(&node["deps"]);
            let edges = dependencies.iter().filter(shipped).map(|d| text(&d["pkg"])).collect();
            graph.edges.insert(text(&node["id"]), edges);
        }
        graph
    }

    fn name<'a>(&'a self, id: &'a str) -> &'a str {
        self.names.get(id).map_or(id, String::as_str)
    }

    fn reach(&self, id: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = vec![id];
        while let Some(id) = open.pop() {
            for next in self.edges.get(id).into_iter().flatten() {
                if reached.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        reached
    }

    /// A graph by hand: members with what they name; what is no member names nothing.
    #[cfg(test)]
    pub(crate) fn of(members: &[(&str, &[&str])], others: &[(&str, &[&str])]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let all = members.iter().chain(others);
        Self {
            members: members.iter().map(|(name, _)| (*name).to_owned()).collect(),
            edges: all.map(|(name, names)| ((*name).to_owned(), owned(names))).collect(),
            names: BTreeMap::new(),
        }
    }
}
