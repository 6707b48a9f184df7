//! TLS 1.2 and 1.3 by rustls: a certificate and its key from two files, which are read again when
//! they change. What cannot be read never replaces what works. Knows no HTTP but its names.

use crate::config::TlsConfig;
use crate::observe;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Why there is no TLS.
#[derive(Debug, Error)]
#[error("{key}: {what}")]
pub struct TlsError {
    key: &'static str,
    what: String,
}

fn wrong(key: &'static str, what: impl ToString) -> TlsError {
    TlsError { key, what: what.to_string() }
}

/// What makes a connection a protected one. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    files: Arc<Files>,
}

impl Tls {
    /// TLS as the configuration wants it; none if it wants none.
    ///
    /// # Errors
    /// If the files are not there, or not what they should be.
    pub fn open(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        match (config.certificate.is_empty(), config.key.is_empty()) {
            (true, true) => return Ok(None),
            (true, false) => return Err(wrong("tls.certificate", "tls.key needs one")),
            (false, true) => return Err(wrong("tls.key", "tls.certificate needs one")),
            (false, false) => {}
        }
        let (certificate, key) = (PathBuf::from(&config.certificate), PathBuf::from(&config.key));
        let seen = Mutex::new(looks(&certificate, &key));
        let current = RwLock::new(Arc::new(read(&certificate, &key)?));
        let files = Arc::new(Files { certificate, key, seen, current });
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the versions of TLS that we offer");
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Files>::clone(&files);
        let mut config = config.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: TlsAcceptor::from(Arc::new(config)), files }))
    }

    /// The protected stream, if the client comes to terms within that time.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        within: Duration,
    ) -> Option<TlsStream<TcpStream>> {
        tokio::time::timeout(within, self.acceptor.accept(stream)).await.ok()?.ok()
    }

    /// Reads the files again whenever they change, for ever.
    pub async fn follow(self) {
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let files = Arc::clone(&self.files);
            // A panic there would end this look only.
            drop(tokio::task::spawn_blocking(move || files.look()).await);
        }
    }
}

/// What a file looks like from outside: its number, its length, when it was changed.
type Look = Option<(u64, u64, i64, i64)>;

struct Files {
    certificate: PathBuf,
    key: PathBuf,
    seen: Mutex<[Look; 2]>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Files {
    fn look(&self) {
        let now = looks(&self.certificate, &self.key);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if now == *seen {
            return;
        }
        *seen = now;
        match read(&self.certificate, &self.key) {
            Ok(fresh) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(fresh);
                observe::certificate_changed(None);
            }
            Err(error) => observe::certificate_changed(Some(&error.to_string())),
        }
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Files({})", self.certificate.display())
    }
}

impl ResolvesServerCert for Files {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn looks(certificate: &Path, key: &Path) -> [Look; 2] {
    [certificate, key].map(|path| {
        let about = fs::metadata(path).ok()?;
        Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    })
}

fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong("tls.certificate", format!("{}: {error}", certificate.display())));
    let about = |what: String| wrong("tls.key", format!("{}: {what}", key.display()));
    let mode = fs::metadata(key).map_err(|error| about(error.to_string()))?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(about("everybody can read this key: chmod 600 it".to_owned()));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| about(error.to_string()))?;
    CertifiedKey::from_der(chain?, secret, &ring::default_provider())
        .map_err(|error| about(error.to_string()))
}
