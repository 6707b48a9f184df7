//! What this machine has to hurt a house with, and how: tracers, false clocks, file systems of its
//! own, limits. Whatever is missing is said, never passed over.

use super::house::How;
use anyhow::{Context as _, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a fault cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Strace,
    Faketime,
    Mounts,
    Reflinks,
    MemoryGroup,
    Prlimit,
}

impl Need {
    /// Why it cannot be had here; none if it can.
    pub(crate) fn lacking(self, scratch: &Path) -> Option<String> {
        let tried = match self {
            Self::Strace => run("strace", &["-qq", "-o", "/dev/null", "true"]),
            Self::Faketime => faketime().map(drop).context("apt package faketime"),
            Self::Mounts => tmpfs(&scratch.join("probe"), 1).map(drop),
            Self::Reflinks => which("mkfs.btrfs").and_then(|()| which("mkfs.ext4")),
            Self::MemoryGroup => Group::make("probe").map(drop),
            Self::Prlimit => run("prlimit", &["--nofile=64:64", "true"]),
        };
        tried.err().map(|error| format!("{error:#}"))
    }
}

fn which(program: &str) -> anyhow::Result<()> {
    run("sh", &["-c", &format!("command -v {program}")])
        .with_context(|| format!("{program} is not installed"))
}

/// Runs a program and wants it to succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let done = Command::new(program).args(arguments).output();
    let done = done.with_context(|| format!("{program} cannot be run"))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    bail!("{program} {}: {}", arguments.join(" "), said.trim())
}

/// A tracer that does this to system calls: `fdatasync,fsync:error=EIO:when=3`. The house stays the
/// child, the tracer looks on from beside.
pub(crate) fn traced(inject: &str) -> How {
    let calls = inject.split(':').next().unwrap_or("");
    let words = ["strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", "/dev/null"];
    let mut wrap: Vec<String> = words.map(str::to_owned).to_vec();
    wrap.extend(["-e".to_owned(), format!("trace={calls}")]);
    wrap.extend(["-e".to_owned(), format!("inject={inject}")]);
    How { wrap, ..How::default() }
}

/// The library that shows a false time of day.
fn faketime() -> anyhow::Result<PathBuf> {
    let mut found = fs::read_dir("/usr/lib")?
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .filter(|path| path.exists());
    found.next().context("libfaketimeMT.so.1 is not under /usr/lib")
}

/// A time of day that another file says how far is off, and the monotonic clock left alone.
pub(crate) fn misled(by: &Path) -> anyhow::Result<How> {
    let variables = [
        ("LD_PRELOAD", faketime()?.display().to_string()),
        ("FAKETIME_TIMESTAMP_FILE", by.display().to_string()),
        ("FAKETIME_NO_CACHE", "1".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Ok(How { variables, ..How::default() })
}

/// Something mounted, for as long as this lives.
pub(crate) struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let path = self.0.display().to_string();
        if run("umount", &[&path]).is_err() {
            drop(run("umount", &["-l", &path]));
        }
    }
}

fn mount(options: &[&str], what: &str, at: &Path) -> anyhow::Result<Mounted> {
    fs::create_dir_all(at)?;
    let place = at.display().to_string();
    run("mount", &[options, &[what, &place]].concat())?;
    Ok(Mounted(at.to_path_buf()))
}

/// A file system in memory of so many mebibytes.
pub(crate) fn tmpfs(at: &Path, mebibytes: u32) -> anyhow::Result<Mounted> {
    mount(&["-t", "tmpfs", "-o", &format!("size={mebibytes}m")], "tmpfs", at)
}

/// A disk whose state at an instant can be copied: an ext4 image within a btrfs image.
pub(crate) struct Disk {
    /// Where the live file system is.
    pub(crate) live: PathBuf,
    outer: PathBuf,
    // Dropped in this order.
    _live: Mounted,
    _outer: Mounted,
}

impl Disk {
    /// With so much room.
    pub(crate) fn make(dir: &Path, mebibytes: u32) -> anyhow::Result<Self> {
        let (image, outer, live) = (dir.join("outer.img"), dir.join("outer"), dir.join("live"));
        // Copies share what is the same in them.
        sparse(&image, u64::from(mebibytes) << 23)?;
        let path = image.display().to_string();
        run("mkfs.btrfs", &["-q", "-f", &path])?;
        let outside = mount(&["-o", "loop,nodatasum"], &path, &outer)?;
        let inner = outer.join("inner.img");
        sparse(&inner, u64::from(mebibytes) << 20)?;
        let path = inner.display().to_string();
        run("mkfs.ext4", &["-q", "-F", &path])?;
        let inside = mount(&["-o", "loop"], &path, &live)?;
        Ok(Self { live, outer, _live: inside, _outer: outside })
    }

    /// The instant at which the power fails: a copy of the disk as it is.
    pub(crate) fn cut(&self, number: usize) -> anyhow::Result<PathBuf> {
        let copy = self.outer.join(format!("cut{number}.img"));
        let inner = self.outer.join("inner.img").display().to_string();
        run("cp", &["--reflink=always", &inner, &copy.display().to_string()])?;
        Ok(copy)
    }

    /// Makes durable what is on it now.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        run("sync", &["-f", &self.live.display().to_string()])
    }
}

/// The disk as it is found when the power is back.
pub(crate) fn after(cut: &Path, at: &Path) -> anyhow::Result<Mounted> {
    mount(&["-o", "loop"], &cut.display().to_string(), at)
}

fn sparse(path: &Path, bytes: u64) -> anyhow::Result<()> {
    Ok(fs::File::create(path)?.set_len(bytes)?)
}

/// A group of processes with a limit of memory.
pub(crate) struct Group {
    dir: PathBuf,
    limit: &'static str,
}

impl Group {
    pub(crate) fn make(name: &str) -> anyhow::Result<Self> {
        let name = format!("gavel-arena-{name}-{}", std::process::id());
        let first = ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
        for (root, limit) in [first, ("/sys/fs/cgroup", "memory.max")] {
            let group = Self { dir: Path::new(root).join(&name), limit };
            if fs::create_dir(&group.dir).is_ok() && group.dir.join(limit).exists() {
                return Ok(group);
            }
        }
        bail!("no control group for memory can be made here")
    }

    /// Takes a process in, and lets it have so many bytes.
    pub(crate) fn hold(&self, process: u32, bytes: u64) -> anyhow::Result<()> {
        fs::write(self.dir.join(self.limit), bytes.to_string())?;
        Ok(fs::write(self.dir.join("cgroup.procs"), process.to_string())?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Whoever was in it has ended, or the directory stays until he has.
        drop(fs::remove_dir(&self.dir));
    }
}

/// Bytes of a process that are in memory.
pub(crate) fn resident(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kibibytes.context("no VmRSS")? * 1024)
}
