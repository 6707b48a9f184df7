//! What the machine is, how fast its disk makes things durable, and what a process has used of it.

use crate::clock::Moment;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Clock ticks per second in the proc file system: fixed at 100 for programs.
const TICKS: f64 = 100.0;
const SYNCS: usize = 400;

/// The machine's facts, as they stand beside every result.
#[derive(Serialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    memory_mib: u64,
    /// p50 of making a 4 KiB append durable, in microseconds, in the folder of the data.
    pub(crate) fsync_micros: f64,
}

impl Machine {
    pub(crate) fn look(folder: &Path) -> io::Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let kib = after(&meminfo, "MemTotal:").split(' ').next().and_then(|kib| kib.parse().ok());
        Ok(Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: after(&cpuinfo, "model name").trim_start_matches([':', ' ']).to_owned(),
            kernel: kernel.trim().to_owned(),
            memory_mib: kib.unwrap_or(0) / 1024,
            fsync_micros: fsync_micros(folder)?,
        })
    }
}

fn after(text: &str, name: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_default().trim().to_owned()
}

/// p50 of making a 4 KiB append durable, in microseconds.
pub(crate) fn fsync_micros(folder: &Path) -> io::Result<f64> {
    let path = folder.join("fsync.probe");
    let mut file = fs::File::create(&path)?;
    let mut micros = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let start = Moment::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        micros.push(start.elapsed().as_secs_f64() * 1e6);
    }
    fs::remove_file(&path)?;
    micros.sort_by(f64::total_cmp);
    Ok(micros[SYNCS / 2])
}

/// Processor seconds, own and system, that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program stands in brackets and may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks =
        |index| fields.split_ascii_whitespace().nth(index).and_then(|t| t.parse::<f64>().ok());
    match (ticks(11), ticks(12)) {
        (Some(own), Some(system)) => Ok((own + system) / TICKS),
        _ => Err(io::Error::other("no processor time in the proc file system")),
    }
}

/// Mebibytes of a process that lie in memory.
pub(crate) fn resident_mib(pid: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = after(&status, "VmRSS:").split(' ').next().and_then(|kib| kib.parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::other("no memory in the proc file system"))
}
