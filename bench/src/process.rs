//! Starts a server as a process of its own, learns its address from its standard output, and ends
//! it again.

use crate::client::Client;
use crate::clock::Moment;
use crate::machine::cpu_seconds;
use crate::wire;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Limits that a load test turns off.
const LIMITS: [&str; 10] = [
    "bids_per_second_per_actor",
    "bids_per_second_per_ip",
    "requests_per_second_per_ip",
    "logins_per_minute_per_account",
    "logins_per_hour_per_ip",
    "registrations_per_hour_per_ip",
    "connections_per_ip",
    "sockets_per_user",
    "sockets_per_ip",
    "streams_per_ip",
];

/// Part of a core below which a house has nothing of its own to do; its scrub never rests.
const QUIET: f64 = 0.09;
/// How long it is looked at for that.
const LOOK: Duration = Duration::from_secs(1);

/// A server under load. Ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process until it said that it is ready.
    pub(crate) ready_after: Duration,
    /// Where its standard error goes, if that is kept.
    log: Option<PathBuf>,
    /// Where its metrics are, if it has any.
    metrics: Option<SocketAddr>,
    // Kept open, so that the server can go on writing to it.
    output: BufReader<ChildStdout>,
}

impl Server {
    /// The peer that does nothing.
    pub(crate) fn noop() -> io::Result<Self> {
        Self::noop_of(0)
    }

    /// The same, where a GET is answered with so many bytes.
    pub(crate) fn noop_of(length: usize) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["noop", &length.to_string()]).stderr(Stdio::inherit());
        Self::start(command, None)
    }

    /// The peer of the live room.
    pub(crate) fn rooms(every: Duration, awaited: usize) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let (every, awaited) = (every.as_millis().to_string(), awaited.to_string());
        command.args(["rooms", &every, &awaited]).stderr(Stdio::inherit());
        Self::start(command, None)
    }

    /// The peer of the live room on Node; none if it is not installed.
    pub(crate) fn node_rooms(every: Duration, awaited: usize) -> io::Result<Option<Self>> {
        let folder = Path::new("bench/peers");
        if !folder.join("node_modules/socket.io").exists() {
            return Ok(None);
        }
        let mut command = Command::new("node");
        let (every, awaited) = (every.as_millis().to_string(), awaited.to_string());
        command.args(["rooms.mjs", &every, &awaited]).current_dir(folder);
        command.stderr(Stdio::inherit());
        Self::start(command, None).map(Some)
    }

    /// The real binary, on a data folder.
    pub(crate) fn gavel(data: &Path) -> io::Result<Self> {
        let binary = binary()?;
        let mut command = Command::new(&binary);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.env("NO_COLOR", "1");
        // Metrics are on, as always, but not where another house may have them.
        command.args(["--set", "admin.listen=127.0.0.1:0"]);
        for limit in LIMITS {
            command.args(["--set", &format!("limits.{limit}=0")]);
        }
        let log = data.with_extension("stderr");
        command.stderr(File::create(&log)?);
        Self::start(command, Some(log.clone())).map_err(|error| {
            let said = fs::read_to_string(&log).unwrap_or_default();
            io::Error::other(format!("{}: {error}\n{said}", binary.display()))
        })
    }

    fn start(mut command: Command, log: Option<PathBuf>) -> io::Result<Self> {
        let begin = Moment::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| wire::odd("no standard output"))?;
        let mut output = BufReader::new(stdout);
        let Some(address) = address(&mut output)? else {
            child.kill()?;
            child.wait()?;
            return Err(wire::odd("ended without saying where it listens"));
        };
        let (ready_after, metrics) = (Duration::ZERO, None);
        let mut server = Self { child, address, ready_after, log, metrics, output };
        server.wait_until_ready()?;
        server.ready_after = begin.elapsed();
        if server.log.is_some() {
            server.metrics = self::address(&mut server.output)?;
        }
        Ok(server)
    }

    fn wait_until_ready(&self) -> io::Result<()> {
        let start = Moment::now();
        while start.elapsed() < Duration::from_secs(60) {
            let mut client = Client::connect(self.address)?;
            if client.get("/health/ready", None).is_ok_and(|(status, _)| status == 200) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(wire::odd("not ready after a minute"))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits, but not longer than that, until the server does nothing of its own any more: lists
    /// and snapshots have followed. How long that took.
    pub(crate) fn settle(&self, longest: Duration) -> io::Result<Duration> {
        let begin = Moment::now();
        while begin.elapsed() < longest {
            let before = cpu_seconds(self.pid())?;
            std::thread::sleep(LOOK.min(longest));
            let used = (cpu_seconds(self.pid())? - before) / LOOK.as_secs_f64();
            if used < QUIET && self.gauge("gavel_snapshots_behind")? == 0 {
                break;
            }
        }
        Ok(begin.elapsed())
    }

    /// A metric of the server's.
    fn gauge(&self, name: &str) -> io::Result<i64> {
        let none = || io::Error::other(format!("there is no metric {name}"));
        let (_, page) = Client::connect(self.metrics.ok_or_else(none)?)?.get("/metrics", None)?;
        wire::number(&page, &format!("\n{name} ")).ok_or_else(none)
    }

    /// A number that the server has written to its log as `name=NUMBER`.
    pub(crate) fn logged(&self, name: &str) -> io::Result<u64> {
        let log = self.log.as_ref().map_or_else(|| Ok(String::new()), fs::read_to_string)?;
        let number = log.split_ascii_whitespace().find_map(|word| word.strip_prefix(name));
        let number = number.and_then(|number| number.strip_prefix('=')?.parse().ok());
        number.ok_or_else(|| io::Error::other(format!("the server has not logged {name}")))
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> io::Result<()> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status()?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(wire::odd("the server did not stop well")) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn address(output: &mut impl BufRead) -> io::Result<Option<SocketAddr>> {
    for line in output.lines() {
        let line = line?;
        let url = line.split("http://").nth(1).unwrap_or_default();
        let end = url.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
        if let Ok(address) = url[..end.unwrap_or(url.len())].parse() {
            return Ok(Some(address));
        }
    }
    Ok(None)
}

/// The server's binary: beside this one.
pub(crate) fn binary() -> io::Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("gavel");
    if beside.exists() {
        return Ok(beside);
    }
    Err(io::Error::other("the server is not built; `make bench` does that first"))
}
