//! Fetching one document from an address of the configuration: https (or http on this machine), no
//! redirects, bounded in size and time. Knows nothing of what it fetches.

use http::header::{ACCEPT, HOST};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// The largest document.
const BYTES: usize = 256 * 1024;

/// How long it may take in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// Gets a document.
///
/// # Errors
/// Why not, in words.
pub async fn get(url: &str) -> Result<Bytes, String> {
    let got = tokio::time::timeout(PATIENCE, try_get(url)).await;
    got.unwrap_or_else(|_| Err("no answer within five seconds".to_owned()))
}

async fn try_get(url: &str) -> Result<Bytes, String> {
    let uri: Uri = url.parse().map_err(|_| "the address is no URL")?;
    let authority = uri.authority().ok_or("the address has no host")?.clone();
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let secure = uri.scheme_str() == Some("https");
    let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await;
    let stream = stream.map_err(|error| format!("it cannot be reached: {error}"))?;
    if !secure {
        return ask(stream, &uri, authority.as_str()).await;
    }
    let name = ServerName::try_from(host).map_err(|_| "the host has no name for TLS")?;
    let stream = TlsConnector::from(Arc::clone(&TLS)).connect(name, stream).await;
    ask(stream.map_err(|error| format!("TLS: {error}"))?, &uri, authority.as_str()).await
}

async fn ask<S>(stream: S, uri: &Uri, host: &str) -> Result<Bytes, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let told = |error: hyper::Error| format!("it does not answer: {error}");
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(told)?;
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let request = Request::get(path).header(HOST, host).header(ACCEPT, "application/json");
    let request =
        request.body(Empty::<Bytes>::new()).map_err(|_| "the address makes no request")?;
    let asking = async move {
        let response = sender.send_request(request).await.map_err(told)?;
        read(response).await
    };
    // The connection lives exactly as long as its one answer.
    let mut connection = std::pin::pin!(connection);
    let mut asking = std::pin::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        _ = &mut connection => asking.await,
    }
}

async fn read(response: http::Response<Incoming>) -> Result<Bytes, String> {
    if response.status() != StatusCode::OK {
        return Err(format!("it answers {}", response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), BYTES).collect().await;
    body.map(http_body_util::Collected::to_bytes).map_err(|error| format!("its body: {error}"))
}

static TLS: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has the versions of TLS that we ask for");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
});

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// A server with a certificate that nobody vouches for, made by openssl.
    #[test]
    fn sec_s13_keys_of_whom_nobody_vouches_for_are_not_fetched() {
        let dir = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let openssl = |words: &str| {
            let mut command = Command::new("openssl");
            command.args(words.split(' ')).current_dir(dir.path());
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
            -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key -out cert";
        let made = made.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(openssl(&made).status().unwrap().success());
        let serve = format!("s_server -accept {} -cert cert -key key -www", free.port());
        let mut server = openssl(&serve).spawn().unwrap();
        let up = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            std::net::TcpStream::connect(free).is_ok()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let got = runtime.block_on(get(&format!("https://localhost:{}/", free.port())));
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(up, "the server is there");
        assert!(got.as_ref().is_err_and(|why| why.contains("invalid peer certificate")), "{got:?}");
    }
}
