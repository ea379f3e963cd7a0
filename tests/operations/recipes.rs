//! The recipes of docs/operations.md, run as they stand there.

use std::path::Path;
use std::process::Command;

use liq_harness::signal;

use crate::page::block;
use crate::support::module::{load_line, module_path, server_command};
use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

fn users_of(lines: &str) -> Options {
    Options::default().lines(&lines.lines().filter(|line| *line != "user default off").collect::<Vec<_>>())
}

/// Runs a block of shell with these variables; it must succeed.
#[track_caller]
fn sh(words: &str, folder: &Path, variables: &[(&str, &Path)]) {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &block(words)]).current_dir(folder);
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What each user may and may not do, whichever way its rights were written.
fn judge(server: &Server) {
    let refused = |client: &mut Client, line: &str| {
        let reply = client.run(line);
        assert!(reply.is_error() && reply.error().starts_with("NOPERM"), "{line}: {reply:?}");
    };
    let allowed = |client: &mut Client, line: &str| {
        let reply = client.run(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    };
    let mut feed = server.connect_as("feed", "change-me-2");
    for line in
        ["LIQ.CREATE liq:{A}", "MULTI", "EXEC", "INFO server", "LIQ.MEMORY", "LIQ.INFO liq:{A}", "LIQ.PCTL liq:{A} 50"]
    {
        allowed(&mut feed, line);
    }
    // A batch of nothing, refused for being one.
    assert!(feed.call(&[&b"LIQ.MADDPACK"[..], b"liq:{A}", &[0x90]]).error().starts_with("ERR payload"));
    for line in [
        "LIQ.CREATE other",
        "FLUSHALL",
        "GET liq:{A}",
        "CONFIG SET liq.percentile 1",
        "RL.CHECK liq:a LIMIT 1 PERIOD 1m",
    ] {
        refused(&mut feed, line);
    }
    signal_as(&mut feed, &mut server.connect_as("admin", "change-me-1"));
    let mut reader = server.connect_as("reader", "change-me-3");
    for line in ["LIQ.STATS liq:{A}", "LIQ.PCTL liq:{A} 50", "LIQ.MEMORY"] {
        allowed(&mut reader, line);
    }
    for line in ["LIQ.ADD liq:{A} * buy 1 1", "LIQ.PCTL other 50", "DEL liq:{A}"] {
        refused(&mut reader, line);
    }
}

/// What `feed` adds is signalled on its own behalf.
fn signal_as(feed: &mut Client, admin: &mut Client) {
    feed.run("LIQ.CREATE liq:{S} PERCENTILE 0 SIGNALS liq:signals:{S}").ok();
    feed.run("TICK.CREATE tick:{S}").ok();
    let now_ms = admin.time_ms();
    for (side, price, size) in [("buy", 100.0, 1000.0), ("sell", 50.0, 10.0)] {
        let payload = rmp_serde::to_vec(&[(now_ms, side, price, size)]).unwrap();
        assert!(!feed.call(&[&b"LIQ.MADDPACK"[..], b"liq:{S}", &payload]).is_error());
    }
    assert_eq!(admin.run("XLEN liq:signals:{S}").int(), 1);
}

#[test]
fn users_by_the_names_of_commands() {
    let server = users_of(&block("conf acl-by-name")).start();
    judge(&server);
    let mut bot = server.connect_as("bot", "change-me-4");
    for line in [
        "LIQ.ADD liq:{A} * buy 1 1",
        "RL.CHECK rl:api LIMIT 5 PERIOD 1m",
        "XRANGE liq:signals - +",
        "LIQ.STATS liq:{A}",
    ] {
        let reply = bot.run(line);
        assert!(!reply.is_error(), "{line}: {reply:?}");
    }
    assert!(bot.run("RL.CHECK other LIMIT 5 PERIOD 1m").error().starts_with("NOPERM"));
}

#[test]
fn users_by_category() {
    let plain = Server::start();
    if plain.connect().run("ACL CAT liq").is_error() {
        println!("this server lets no module add a category: not run");
        return;
    }
    judge(&users_of(&block("conf acl-by-category")).start());
}

#[test]
fn certificates_and_tls() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("openssl is not installed: no certificates are made");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    sh("sh tls", folder.path(), &[]);
    let port = liq_harness::free_port();
    let lines = block("conf tls").replace("6380", &port.to_string());
    let absolute = |line: &str| match line.rsplit_once(' ') {
        Some((name, file)) if name.ends_with("-file") => format!("{name} {}", folder.path().join(file).display()),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = lines.lines().map(absolute).collect();
    let options = Options::default().lines(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let server = match options.start_refused() {
        Ok(server) => server,
        Err(log) => {
            assert!(log.contains("tls"), "{log}");
            println!("this server is built without TLS: not run");
            return;
        }
    };
    let mut cli = Command::new("redis-cli");
    cli.args(["--tls", "--cacert"]).arg(folder.path().join("ca.pem")).args(["-p", &port.to_string(), "LIQ.MEMORY"]);
    let said = String::from_utf8(cli.output().unwrap().stdout).unwrap();
    assert!(said.starts_with("mode\nnormal"), "{said}");
    drop(server);
}

/// A configuration in a folder of its own, for the recipes that start a server themselves.
struct Place {
    folder: tempfile::TempDir,
    module: std::path::PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["data", "empty", "backup"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let module = folder.path().join("libliq.so");
        std::fs::copy(module_path(), &module).unwrap();
        let place = Self { folder, module };
        place.configure("data");
        place
    }

    fn configure(&self, data: &str) {
        let lines = [
            "port 0".to_owned(),
            // For the digests that the test compares.
            "enable-debug-command yes".to_owned(),
            format!("unixsocket {}", self.path("socket").display()),
            format!("dir {}", self.path(data).display()),
            format!("logfile {}", self.path("log").display()),
            format!("pidfile {}", self.path("pid").display()),
            load_line(&self.module, ""),
        ];
        std::fs::write(self.path("redis.conf"), lines.join("\n") + "\n").unwrap();
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self) {
        let mut command = server_command();
        assert!(command.arg(self.path("redis.conf")).args(["--daemonize", "yes"]).status().unwrap().success());
        wait_until("the server answers", || {
            Client::open(&self.url()).is_ok_and(|mut client| !client.run("PING").is_error())
        });
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.path("socket").display())
    }

    fn connect(&self) -> Client {
        Client::open(&self.url()).unwrap()
    }

    fn sh(&self, words: &str, data: &str) {
        let variables = [
            ("SOCKET", self.path("socket")),
            ("DATA", self.path(data)),
            ("BACKUP", self.path("backup")),
            ("CONF", self.path("redis.conf")),
            ("MODULE", self.module.clone()),
            ("NEW_MODULE", module_path().to_owned()),
        ];
        let variables: Vec<(&str, &Path)> = variables.iter().map(|(name, value)| (*name, value.as_path())).collect();
        sh(words, self.folder.path(), &variables);
    }

    fn stop(&self) {
        let _ = self.connect().try_call(&["SHUTDOWN", "NOSAVE"]);
        wait_until("the server is gone", || Client::open(&self.url()).is_err());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Ok(mut client) = Client::open(&self.url()) {
            let _ = client.try_call(&["SHUTDOWN", "NOSAVE"]);
        }
    }
}

fn fill(client: &mut Client) -> String {
    for n in 0..50 {
        client.run(&format!("LIQ.ADD liq:{{A}} * buy 100 {}", n + 1));
    }
    client.digest("liq:{A}")
}

#[test]
fn a_backup_is_restored() {
    // The recipes name the programs of Redis; another server's are called otherwise.
    if std::env::var_os("LIQ_TEST_SERVER").is_some() {
        println!("the recipes name redis-server: not run on another");
        return;
    }
    let place = Place::new();
    place.start();
    let digest = fill(&mut place.connect());
    place.sh("sh backup", "data");
    place.stop();
    place.configure("empty");
    place.sh("sh restore", "empty");
    let mut client = place.connect();
    assert_eq!(client.digest("liq:{A}"), digest);
    assert_eq!(client.info("aof_enabled"), "1");
    wait_until("the file is written", || place.path("empty").join("appendonlydir").exists());
    wait_until("the rewrite is over", || client.info("aof_rewrite_in_progress") == "0");
    assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
}

#[test]
fn a_module_is_replaced() {
    if std::env::var_os("LIQ_TEST_SERVER").is_some() {
        println!("the recipes name redis-server: not run on another");
        return;
    }
    let place = Place::new();
    place.start();
    let digest = fill(&mut place.connect());
    place.sh("sh upgrade", "data");
    assert_eq!(place.connect().digest("liq:{A}"), digest);
    assert!(place.path("backup").join("dump.rdb").exists());
}

#[test]
fn a_replica_takes_over_by_hand_and_sentinels_agree() {
    // What servers say of a failover although it was asked for.
    let said = ["Failover request received", "FAILOVER", "Failover target", "Master replication ID changed"];
    let options = || said.into_iter().fold(Options::default().tcp(), Options::expect_warning);
    let primary = options().start();
    let lines = block("conf replica").replace("6379", &primary.port().to_string());
    let replica = options().lines(&lines.lines().collect::<Vec<_>>()).start();
    replica.wait_for_link();
    let digest = fill(&mut primary.connect());
    primary.wait_for_replica(&replica);

    let folder = tempfile::tempdir().unwrap();
    let port = liq_harness::free_port();
    let lines = block("conf sentinel").replace("26379", &port.to_string()).replace("6379", &primary.port().to_string());
    let conf = folder.path().join("sentinel.conf");
    std::fs::write(&conf, lines + "bind 127.0.0.1\n").unwrap();
    let mut command = server_command();
    command.arg(&conf).arg("--sentinel").current_dir(folder.path()).stdout(std::process::Stdio::null());
    let mut sentinel = command.spawn().unwrap();
    let url = format!("redis://127.0.0.1:{port}");
    wait_until("the sentinel knows the primary and its replica", || {
        let Ok(mut client) = Client::open(&url) else { return false };
        let named = client.run("SENTINEL GET-MASTER-ADDR-BY-NAME market");
        let replicas = client.run("SENTINEL REPLICAS market");
        !named.is_error()
            && named.array()[1].text() == primary.port().to_string()
            && !replicas.is_error()
            && replicas.array().len() == 1
    });
    signal::send(&sentinel, signal::Signal::TERM);
    sentinel.wait().unwrap();

    primary.connect().run("FAILOVER").ok();
    let mut client = replica.connect();
    wait_until("the replica is the primary", || client.info("role") == "master");
    assert_eq!(client.digest("liq:{A}"), digest);
    assert!(!client.run("LIQ.ADD liq:{A} * buy 1 1").is_error());
    // Ended before the one that it follows by now, of whose end it would complain.
    drop(primary);
}
