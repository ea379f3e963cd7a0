//! The program while it streams: starting it, and what it says over HTTP.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

pub use liq_harness::free_port;

use super::exchange::{Exchange, Script};
use super::frames::DIALECTS;
use super::{Server, program, total};

/// Settings under which nothing takes long, but for what a busy machine may take long for: a venue that is thought to be
/// silent loses what it was sending.
pub const QUICK: &str = "[stream]\nsilence_ms = 8000\nreconnect_ms = 20\nreconnect_max_ms = 200\nrelist_ms = 300\n";

pub fn stream(folder: &Path, url: &str, port: u16, settings: &str, venues: &[&str]) -> Command {
    let file = folder.join("liq.toml");
    std::fs::write(&file, format!("listen = \"127.0.0.1:{port}\"\n{settings}")).unwrap();
    let mut command = program::command(&folder.join("state"));
    command.arg("--config").arg(file).args(["--redis-url", url, "stream"]).args(venues);
    command.stderr(std::fs::File::create(folder.join("log")).unwrap());
    command
}

/// A GET over HTTP; status and body, or nothing when nobody listens.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The sum of a metric's lines that hold `label`: of exactly this metric, not of one that begins alike.
pub fn metric(port: u16, name: &str, label: &str) -> f64 {
    let (_, text) = get(port, "/metrics").unwrap_or_default();
    let is_it = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    let lines = text.lines().filter(is_it).filter(|line| line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

pub fn stored(server: &Server) -> u64 {
    total(server, "total_accepted") + total(server, "total_filtered")
}

/// A venue of whose frames a test sends as many as it likes.
pub fn quiet_exchange() -> Exchange {
    let dialect = &DIALECTS[0];
    let (expects, greeting) = (dialect.expects.to_vec(), dialect.greeting.to_vec());
    Exchange::start(Script { expects, greeting, pulse: dialect.pulse, keepalive: None, sessions: Vec::new() })
}

pub fn order(symbol: &str, n: u64, size: f64) -> String {
    let ts_ms = 1_790_000_000_000_u64 + n;
    format!(
        r#"{{"e":"forceOrder","E":{ts_ms},"o":{{"s":"{symbol}","S":"BUY","q":"{size}","p":"1","ap":"1","X":"FILLED","z":"{size}","T":{ts_ms}}}}}"#
    )
}

pub fn one_venue(exchange: &Exchange, more: &str) -> String {
    format!("{QUICK}{more}[series]\nclock = \"EVENT\"\n[venue.binance-um]\nurl = \"{}\"\n", exchange.url())
}
