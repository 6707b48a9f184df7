//! The real `gavel serve` as a child process, started as a fault wants it: under a tracer, with
//! another clock, within limits. Knows processes; knows nothing of what is asked of it.

use anyhow::{Context as _, bail};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How long a house may take to open, tracers and slow disks included.
const PATIENCE: Duration = Duration::from_secs(60);

/// Limits that would only get in the way of a crew that bids as fast as it can.
const OFF: [&str; 8] = [
    "bids_per_second_per_actor",
    "bids_per_second_per_ip",
    "requests_per_second_per_ip",
    "logins_per_minute_per_account",
    "logins_per_hour_per_ip",
    "registrations_per_hour_per_ip",
    "connections_per_ip",
    "streams_per_ip",
];

/// How to start a house.
#[derive(Clone, Debug, Default)]
pub(crate) struct How {
    /// A command in front of it.
    pub(crate) wrap: Vec<String>,
    /// Variables of its environment.
    pub(crate) variables: Vec<(String, String)>,
    /// Further settings.
    pub(crate) sets: Vec<String>,
}

/// A house that runs; killed when dropped.
pub(crate) struct House {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl House {
    /// Starts one and waits until it listens; none if it ended before that, as under a fault.
    pub(crate) fn start(
        gavel: &Path,
        data: &Path,
        log: &Path,
        how: &How,
    ) -> anyhow::Result<Option<Self>> {
        let mut words = how.wrap.iter().map(PathBuf::from).chain([gavel.to_path_buf()]);
        let first = words.next().expect("at least the house itself");
        let mut command = Command::new(first);
        command.args(words).args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.args(["--set", "admin.listen=127.0.0.1:0"]);
        for key in OFF {
            command.arg("--set").arg(format!("limits.{key}=0"));
        }
        for set in &how.sets {
            command.arg("--set").arg(set);
        }
        command.envs(how.variables.iter().map(|(name, value)| (name, value)));
        let errors = OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {command:?}"))?;
        match address(&mut child)? {
            Some(address) => Ok(Some(Self { child, address })),
            None => {
                child.wait()?;
                Ok(None)
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn signal(&self, signal: &str) {
        // It may have ended by itself a moment ago.
        drop(Command::new("kill").args([signal, &self.id().to_string()]).output());
    }

    /// As the power of a machine would: at once.
    pub(crate) fn kill(mut self) -> anyhow::Result<ExitStatus> {
        self.signal("-KILL");
        Ok(self.child.wait()?)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        self.signal("-TERM");
        for _ in 0..3_000 {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { bail!("it stopped with {status}") };
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("it did not stop within half a minute")
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // It may be gone already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where it says that it listens; none if it ends without saying so.
fn address(child: &mut Child) -> anyhow::Result<Option<SocketAddr>> {
    let out = child.stdout.take().context("its standard output")?;
    let (told, said) = sync_channel(1);
    let read = move || {
        // Whatever it says later is read and dropped, so that it never blocks on a full pipe.
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once("open at http://") {
                drop(told.try_send(rest.trim().to_owned()));
            }
        }
    };
    std::thread::Builder::new().name("output".to_owned()).spawn(read)?;
    match said.recv_timeout(PATIENCE) {
        Ok(address) => Ok(Some(address.trim_end_matches('/').parse()?)),
        Err(RecvTimeoutError::Disconnected) => Ok(None),
        Err(RecvTimeoutError::Timeout) => {
            child.kill()?;
            bail!("the house did not open within {} s", PATIENCE.as_secs())
        }
    }
}
