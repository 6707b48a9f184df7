//! Mail: letters leave the house on a thread of their own, by a mail server if one is configured,
//! else into a directory, else into a log line that says no word of them. Bounded: what cannot be
//! queued, or not be sent in a few tries, is dropped and counted; whoever misses it asks again.
//! Knows no user but as an address and a number.

use crate::chance;
use crate::config::{MailConfig, MailTls};
use crate::observe;
use anyhow::Context as _;
use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::error::Error;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Letters that may wait.
const QUEUED: usize = 256;

/// Seconds to wait before each further try.
const TRIES: [u64; 3] = [1, 5, 20];

/// How long the mail server may take for each step.
const PATIENCE: Duration = Duration::from_secs(15);

/// A letter to somebody.
#[derive(Clone)]
pub struct Letter {
    /// To whom, as the house knows him.
    pub user: i64,
    /// Where it goes.
    pub to: String,
    /// What it is about: a word for log lines.
    pub kind: &'static str,
    /// Its subject.
    pub subject: String,
    /// What it says.
    pub text: String,
}

/// Where letters go.
#[derive(Clone)]
pub struct Outbox {
    queue: SyncSender<Order>,
    way: Arc<Way>,
}

/// What the thread is told.
enum Order {
    Bring(Letter),
    /// Destroy what was written to these, and say what came of it.
    Forget(BTreeSet<i64>, SyncSender<io::Result<()>>),
}

enum Way {
    Server { transport: Box<SmtpTransport>, from: Mailbox },
    Directory { path: PathBuf, from: Mailbox },
    Nowhere,
}

impl Outbox {
    /// Opens the way that is configured.
    ///
    /// # Errors
    /// If it makes no sense, or the thread cannot be started.
    pub fn open(config: &MailConfig) -> anyhow::Result<Self> {
        let way = Arc::new(way(config)?);
        let (queue, orders) = sync_channel(QUEUED);
        let work = Arc::clone(&way);
        std::thread::Builder::new()
            .name("mail".to_owned())
            .spawn(move || run(&orders, &work))
            .context("starting a thread")?;
        Ok(Self { queue, way })
    }

    /// Whether letters reach anybody.
    #[must_use]
    pub fn delivers(&self) -> bool {
        match *self.way {
            Way::Server { .. } | Way::Directory { .. } => true,
            Way::Nowhere => false,
        }
    }

    /// Takes a letter; one too many is dropped.
    pub fn send(&self, letter: Letter) {
        let (user, kind) = (letter.user, letter.kind);
        if self.queue.try_send(Order::Bring(letter)).is_err() {
            observe::letter_lost(user, kind, "too many wait");
        }
    }

    /// Destroys what was written to these users and lies in the directory, also what still waits to
    /// get there: it is done behind it. Blocks.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn forget(&self, users: BTreeSet<i64>) -> io::Result<()> {
        let Way::Directory { .. } = &*self.way else { return Ok(()) };
        let (done, told) = sync_channel(1);
        // If the thread is gone, nothing gets there any more.
        drop(self.queue.send(Order::Forget(users.clone(), done)));
        told.recv().unwrap_or_else(|_| destroy(&self.way, &users))
    }
}

/// Destroys the letters to these users.
fn destroy(way: &Way, users: &BTreeSet<i64>) -> io::Result<()> {
    let Way::Directory { path, .. } = way else { return Ok(()) };
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let user = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        if user.is_some_and(|user| users.contains(&user)) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn way(config: &MailConfig) -> anyhow::Result<Way> {
    if config.host.is_empty() && config.outbox == "log" {
        return Ok(Way::Nowhere);
    }
    let from: Mailbox = config.from.parse().context("`mail.from` is no address")?;
    if config.host.is_empty() {
        let path = PathBuf::from(&config.outbox);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.with_context(|| format!("making {}", path.display()))?;
        return Ok(Way::Directory { path, from });
    }
    let tls = || {
        let mut parameters = TlsParameters::builder(config.host.clone());
        for certificate in believed(&config.ca)? {
            parameters = parameters.add_root_certificate(certificate);
        }
        parameters.build().context("`mail.host` is no name that TLS can check")
    };
    let tls = match config.tls {
        MailTls::Always => Tls::Wrapper(tls()?),
        MailTls::Starttls => Tls::Required(tls()?),
        MailTls::None => Tls::None,
    };
    let builder = SmtpTransport::builder_dangerous(&config.host);
    let mut builder = builder.port(config.port).tls(tls).timeout(Some(PATIENCE));
    if !config.user.is_empty() {
        let password = config.password.reveal().to_owned();
        builder = builder.credentials(Credentials::new(config.user.clone(), password));
    }
    Ok(Way::Server { transport: Box::new(builder.build()), from })
}

/// Whose certificates are believed besides the known ones.
fn believed(file: &str) -> anyhow::Result<Vec<Certificate>> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let pem = fs::read(file).with_context(|| format!("reading `mail.ca`, {file}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = found.ok().filter(|found| !found.is_empty());
    let found = found.with_context(|| format!("`mail.ca`, {file}, holds no certificate"))?;
    let read = |der: CertificateDer<'_>| Certificate::from_der(der.to_vec());
    found.into_iter().map(read).collect::<Result<_, _>>().context("reading `mail.ca`")
}

fn run(orders: &Receiver<Order>, way: &Way) {
    while let Ok(order) = orders.recv() {
        let letter = match order {
            Order::Bring(letter) => letter,
            Order::Forget(users, done) => {
                // Nobody may wait for it any more.
                drop(done.send(destroy(way, &users)));
                continue;
            }
        };
        let (user, kind) = (letter.user, letter.kind);
        match deliver(way, &letter) {
            Ok(()) => observe::letter_left(user, kind, matches!(way, Way::Nowhere)),
            Err(error) => observe::letter_lost(user, kind, &error),
        }
    }
}

/// Brings a letter on its way, in a few tries.
fn deliver(way: &Way, letter: &Letter) -> Result<(), String> {
    match way {
        Way::Nowhere => Ok(()),
        Way::Directory { path, from } => {
            let bytes = message(letter, from)?.formatted();
            write(path, letter.user, &bytes).map_err(|error| error.to_string())
        }
        Way::Server { transport, from } => {
            let message = message(letter, from)?;
            let mut tries = TRIES.into_iter();
            loop {
                let Err(error) = transport.send(&message) else { return Ok(()) };
                // What the server says may repeat the address: only its number is passed on.
                let told = match error.status() {
                    Some(code) => format!("the mail server said {code}"),
                    None => format!("the mail server cannot be reached{}", because(&error)),
                };
                match tries.next().filter(|_| !error.is_permanent()) {
                    Some(seconds) => std::thread::sleep(Duration::from_secs(seconds)),
                    None => return Err(told),
                }
            }
        }
    }
}

/// What the machine or TLS said, neither of which knows an address.
fn because(error: &dyn Error) -> String {
    let told =
        |error: &&(dyn Error + 'static)| error.is::<io::Error>() || error.is::<rustls::Error>();
    let source = error.source().filter(told);
    source.map(|source| format!(": {source}")).unwrap_or_default()
}

fn message(letter: &Letter, from: &Mailbox) -> Result<Message, String> {
    let to = letter.to.parse().map_err(|_| "the address is none that mail can go to")?;
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&letter.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(letter.text.clone())
        .map_err(|_| "the letter is none".to_owned())
}

fn write(dir: &Path, user: i64, bytes: &[u8]) -> io::Result<()> {
    let name = format!("{user}-{}.eml", hex::encode(chance::bytes::<8>()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    // Whoever looks into the directory sees whole letters only.
    let half = dir.join(format!("{name}.half"));
    options.open(&half)?.write_all(bytes)?;
    fs::rename(half, dir.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn letter(to: &str, subject: &str) -> Letter {
        let (to, subject) = (to.to_owned(), subject.to_owned());
        Letter { user: 7, to, kind: "test", subject, text: "Hello\n.\nBye".to_owned() }
    }

    #[test]
    fn no_word_of_a_letter_becomes_a_header() {
        let from: Mailbox = "Gavel <gavel@example.com>".parse().unwrap();
        let sent = message(&letter("a@example.com", "x\r\nBcc: b@example.com"), &from).unwrap();
        let text = String::from_utf8(sent.formatted()).unwrap();
        assert!(!text.contains("\nBcc:"), "{text}");
        for wrong in ["a@example.com, b@example.com", "a\r\nBcc: b@example.com", "", "a"] {
            assert!(message(&letter(wrong, "x"), &from).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn letters_lie_in_a_directory_until_their_reader_is_erased() {
        let dir = tempfile::tempdir().unwrap();
        let (outbox, from) = (dir.path().display().to_string(), "gavel@example.com".to_owned());
        let config = MailConfig { outbox, from, ..Config::default().mail };
        let outbox = Outbox::open(&config).unwrap();
        outbox.send(Letter { user: 71, ..letter("b@example.com", "x") });
        // Also those that had not got there yet.
        (0..100).for_each(|_| outbox.send(letter("a@example.com", "x")));
        outbox.forget(BTreeSet::from([1, 7])).unwrap();
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert_eq!(left.len(), 1);
        assert!(fs::read_to_string(&left[0]).unwrap().contains("b@example.com"));
    }
}
