//! TLS on real sockets: curl on one side, certificates that openssl makes for the test.

use super::served::Served;
use std::path::Path;
use std::process::{Command, Output};

/// A fresh certificate for this machine under this name, put in place whole.
fn certificate(dir: &Path, name: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", "key.new", "-out", "cert.new"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    std::fs::rename(dir.join("key.new"), dir.join("key.pem")).unwrap();
    std::fs::rename(dir.join("cert.new"), dir.join("cert.pem")).unwrap();
}

fn curl(dir: &Path, house: &Served, more: &[&str]) -> Output {
    let url = format!("https://{}/v1/time", house.address);
    Command::new("curl")
        .args(["-sS", "-i", "--max-time", "10", "--cacert", "cert.pem"])
        .args(more)
        .arg(url)
        .current_dir(dir)
        .output()
        .unwrap()
}

fn gavel(dir: &Path, certificate: &str, key: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gavel"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--set", "admin.listen=off", "--data"]);
    command.arg(dir.join("other")).args(["--set", &format!("tls.certificate={certificate}")]);
    let done = command.args(["--set", &format!("tls.key={key}")]).output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    String::from_utf8(done.stderr).unwrap()
}

#[test]
fn sec_s38_tls_from_files_that_are_read_again_when_they_change() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    certificate(dir, "first");
    let cert = format!("tls.certificate={}", dir.join("cert.pem").display());
    let key = format!("tls.key={}", dir.join("key.pem").display());
    let house = Served::with(&[&cert, &key, "timeouts.header_seconds=1"]);
    for version in ["--http1.1", "--http2"] {
        let said = String::from_utf8(curl(dir, &house, &[version]).stdout).unwrap();
        assert!(said.lines().next().unwrap().contains(" 200"), "{said}");
        assert!(said.contains("strict-transport-security: max-age=63072000"), "{said}");
    }
    // Old versions and bare requests are not talked to.
    assert!(
        !curl(dir, &house, &["--tls-max", "1.1", "--ciphers", "ALL:@SECLEVEL=0"]).status.success()
    );
    let mut bare = house.connect();
    std::io::Write::write_all(&mut bare, b"GET /v1/time HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut said = Vec::new();
    drop(std::io::Read::read_to_end(&mut bare, &mut said));
    assert!(!said.windows(4).any(|part| part == b"HTTP"), "{said:?}");
    // Whoever connects and does not shake hands is cut: the read ends.
    let mut silent = house.connect();
    drop(std::io::Read::read_to_end(&mut silent, &mut said));
    // Another certificate is taken without a restart, as curl sees: it believes only the new one.
    certificate(dir, "second");
    let taken = (0..100).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(200));
        curl(dir, &house, &[]).status.success()
    });
    assert!(taken, "the new certificate was not taken");
    // What cannot be read does not replace what works.
    std::fs::rename(dir.join("cert.pem"), dir.join("good.pem")).unwrap();
    std::fs::write(dir.join("cert.pem"), "no certificate").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(curl(dir, &house, &["--cacert", "good.pem"]).status.success());
    // The whole site has the header.
    let said = curl(dir, &house, &["--cacert", "good.pem", "-X", "PUT"]).stdout;
    assert!(String::from_utf8(said).unwrap().contains("strict-transport-security"));
}

#[test]
fn sec_s38_a_house_does_not_open_without_the_tls_it_was_told_to_have() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    certificate(dir, "one");
    let path = |name: &str| dir.join(name).display().to_string();
    assert!(gavel(dir, &path("cert.pem"), "").contains("tls.key: tls.certificate needs one"));
    assert!(gavel(dir, "", &path("key.pem")).contains("tls.certificate: tls.key needs one"));
    assert!(gavel(dir, &path("nowhere.pem"), &path("key.pem")).contains("nowhere.pem"));
    assert!(gavel(dir, &path("cert.pem"), &path("cert.pem")).contains("tls.key"));
    // The key of another certificate.
    std::fs::rename(dir.join("key.pem"), dir.join("old.pem")).unwrap();
    certificate(dir, "two");
    assert!(gavel(dir, &path("cert.pem"), &path("old.pem")).contains("old.pem"));
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(path("key.pem"), open).unwrap();
    assert!(
        gavel(dir, &path("cert.pem"), &path("key.pem")).contains("everybody can read this key")
    );
}
