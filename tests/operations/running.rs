//! `scripts/run` and the configuration files, in a folder of their own whose name holds blanks.

use std::io::Read as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use liq_harness::{free_port, signal};

use crate::support::module::module_path;
use crate::support::server::wait_until;
use crate::support::{Client, Server};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A folder laid out as the repository is, as far as `scripts/run` looks.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("a checkout ").tempdir().unwrap();
    for path in ["scripts", "target/release"] {
        std::fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    for file in ["scripts/run", "redis.conf", "redis-256mb.conf"] {
        std::fs::copy(Path::new(ROOT).join(file), folder.path().join(file)).unwrap();
    }
    std::os::unix::fs::symlink(module_path(), folder.path().join("target/release/libliq.so")).unwrap();
    folder
}

/// A started server, ended by its own id.
struct Run(Child);

impl Run {
    fn start(folder: &Path, port: &str, conf: &str) -> Self {
        let mut command = Command::new(folder.join("scripts/run"));
        command.env("PORT", port).env("CONF", conf).stdout(Stdio::null()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    fn connect(&mut self, port: u16) -> Client {
        wait_until("the server answers", || {
            assert!(self.0.try_wait().unwrap().is_none(), "the server ended");
            let client = Client::open(&format!("redis://127.0.0.1:{port}"));
            client.is_ok_and(|mut client| !client.run("PING").is_error())
        });
        Client::open(&format!("redis://127.0.0.1:{port}")).unwrap()
    }

    fn end(mut self) {
        signal::send(&self.0, signal::Signal::TERM);
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_rewritten_configuration_starts_again_and_the_original_stays() {
    let folder = checkout();
    for conf in ["redis.conf", "redis-256mb.conf"] {
        let original = std::fs::read(folder.path().join(conf)).unwrap();
        let port = free_port();
        let mut run = Run::start(folder.path(), &port.to_string(), conf);
        let mut client = run.connect(port);
        client.run("LIQ.ADD liq:{A} * buy 100 25").is_error();
        client.run("CONFIG SET liq.percentile 95").ok();
        client.run("CONFIG REWRITE").ok();
        run.end();
        let mut run = Run::start(folder.path(), &port.to_string(), conf);
        let mut client = run.connect(port);
        assert_eq!(client.run("CONFIG GET liq.percentile").array()[1].text(), "95", "{conf}");
        assert_eq!(client.run("LIQ.INFO liq:{A}").field("total_accepted").int(), 1, "{conf}");
        assert_eq!(std::fs::read(folder.path().join(conf)).unwrap(), original, "{conf} is not edited");
        run.end();
        std::fs::remove_dir_all(folder.path().join(format!("target/run-{port}"))).unwrap();
    }
}

#[test]
fn a_taken_port_and_a_wrong_one_are_said_plainly() {
    let folder = checkout();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (port, conf, expected) in [
        (port.as_str(), "redis.conf", format!("port {port} is taken")),
        ("0", "redis.conf", "PORT: must be 1 to 65535, got '0'".to_owned()),
        ("65536", "redis.conf", "PORT: must be 1 to 65535".to_owned()),
        ("a b", "redis.conf", "PORT: must be 1 to 65535, got 'a b'".to_owned()),
        ("7001", "none.conf", "no such file: none.conf".to_owned()),
    ] {
        let mut run = Run::start(folder.path(), port, conf);
        assert!(!run.0.wait().unwrap().success());
        let mut said = String::new();
        run.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains(&expected), "{said}");
    }
    assert!(!folder.path().join("target/run").exists(), "nothing is left behind");
}

#[test]
fn the_small_server_is_what_its_file_says() {
    let folder = checkout();
    let port = free_port();
    let mut run = Run::start(folder.path(), &port.to_string(), "redis-256mb.conf");
    let mut client = run.connect(port);
    let memory = client.run("LIQ.MEMORY");
    assert_eq!((memory.field("budget").int(), memory.field("mode").text()), (240 << 20, "normal".to_owned()));
    assert!(memory.field("warning").is_null(), "{memory:?}");
    for (name, value) in [("maxmemory-policy", "noeviction"), ("appendonly", "yes"), ("save", "")] {
        assert_eq!(client.run(&format!("CONFIG GET {name}")).array()[1].text(), value, "{name}");
    }
    run.end();
    // The commented variant, with its comments taken away.
    let conf = std::fs::read_to_string(folder.path().join("redis-256mb.conf")).unwrap();
    let (body, variant) = conf.split_once("# --- Cache only").unwrap();
    let variant: Vec<&str> = variant
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| ["appendonly no", "save \"\""].contains(line))
        .collect();
    assert_eq!(variant.len(), 2, "both lines of the variant are there");
    let lines: Vec<&str> = body
        .lines()
        .filter(|line| !line.starts_with(['#', 'b', 'p']) && !line.is_empty() && *line != "appendonly yes")
        .collect();
    let server = Server::with(&[lines, variant].concat());
    let mut client = server.connect();
    client.run("LIQ.ADD liq:{A} * buy 100 25");
    assert_eq!(client.info("aof_enabled"), "0");
}
