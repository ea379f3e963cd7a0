//! Redis behind TLS with a certificate authority of its own, and a password.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::program::{self, Running};
use support::server::wait_until;
use support::{Options, feed, total};

/// Writes the authority's certificate, and a key with a certificate of 127.0.0.1.
fn certificates(folder: &Path) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}

fn replay(folder: &Path, port: u16, more: &[&str]) -> Command {
    let mut command = program::command(&folder.join("state"));
    command.args(["--redis-url", &format!("rediss://:hunter2@127.0.0.1:{port}")]).args(more);
    command.args(["replay", "--quiet"]).arg(folder.join("feed.csv"));
    command
}

#[test]
fn the_configured_authority_is_trusted_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    feed::capture(&folder.path().join("feed.csv"), 300, 1);
    let port = liq_harness::free_port();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let options = Options::default()
        .line(format!("tls-port {port}"))
        .line(format!("tls-cert-file {}", path("server.pem")))
        .line(format!("tls-key-file {}", path("server.key")))
        .line(format!("tls-ca-cert-file {}", path("ca.pem")))
        .line("tls-auth-clients no");
    let mut server = match options.start_refused() {
        Ok(server) => server,
        Err(log) => {
            assert!(log.contains("tls"), "{log}");
            println!("skipped: this server is built without TLS");
            return;
        }
    };
    // A client that refuses the certificate says so and closes. What it had not read by then makes the closing a reset,
    // which the server may meet before it reads the reason.
    server.expect_warning("SSL");
    server.expect_warning("Error accepting a client connection: Connection reset by peer");
    let mut local = server.connect();
    local.run("CONFIG SET requirepass hunter2").ok();

    // Without the authority the certificate is nobody's: the program says so and keeps trying.
    let log = folder.path().join("log");
    let mut running = Running::start(
        replay(folder.path(), port, &[]).stderr(std::fs::File::create(&log).unwrap()).stdin(Stdio::null()),
    );
    wait_until("the certificate is refused", || {
        std::fs::read_to_string(&log).unwrap().to_lowercase().contains("certificate")
    });
    running.kill();
    assert_eq!(local.run("DBSIZE").int(), 0);

    program::succeed(&mut replay(folder.path(), port, &["--ca-file", &path("ca.pem")]));
    assert!(local.run("DBSIZE").int() > 0);
    assert!(!std::fs::read_to_string(&log).unwrap().contains("hunter2"));
    local.run("CONFIG SET requirepass \"\"").ok();
    assert!(total(&server, "total_accepted") > 0);
}
