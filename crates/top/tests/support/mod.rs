//! What these tests stand on: the program as a user runs it, and a server that holds something.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "shared by several test programs, each using a part; a broken assumption must stop the test"
)]

pub mod browser;
pub mod relay;
pub mod site;

use std::process::{Command, Stdio};

pub use liq_harness::program::{fail, succeed};
pub use liq_harness::{Client, Cluster, Options, Reply, Server, sentinel, server::wait_until};

/// Names that would do something if anybody let them.
pub const HOSTILE: [&[u8]; 6] = [
    b"liq:{<script>alert(1)</script>}",
    b"liq:{a \"quoted\" 'name' & more}",
    b"liq:{\x1b[2J\x1b[1;1H\x1b]0;owned\x07}",
    b"liq:{line\r\nbreak\ttab\x00nul}",
    b"liq:{\xff\xfe no text}",
    "liq:{\u{202e}turned\u{200b}}".as_bytes(),
];

/// `liq-top`, with nothing of this environment that it would read.
pub fn program(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liq-top"));
    for name in ["REDIS_URL", "NO_COLOR", "LIQ_TOP_TOKEN"] {
        command.env_remove(name);
    }
    command.args(["--redis-url", url]).stdin(Stdio::null());
    command
}

/// What `--once --json` prints.
#[track_caller]
pub fn json(url: &str) -> serde_json::Value {
    serde_json::from_str(&succeed(program(url).args(["--once", "--json"]))).expect("JSON")
}

/// Fails unless the value is as docs/liq-top.schema.json says.
#[track_caller]
pub fn assert_as_documented(picture: &serde_json::Value) {
    let text = include_str!("../../../../docs/liq-top.schema.json");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("liq-top.json", serde_json::from_str(text).unwrap()).unwrap();
    let schema = compiler.compile("liq-top.json", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(picture, schema) {
        panic!("{error:#}");
    }
}

/// A cluster of three masters with twenty series of three events each, and where `liq-top` finds it: by one node.
#[track_caller]
pub fn stocked_cluster(lines: &[&str]) -> (Cluster, String) {
    let cluster = Cluster::with(lines);
    fill(&cluster);
    let url = format!("redis+cluster://127.0.0.1:{}", cluster.nodes[0].port());
    (cluster, url)
}

/// Twenty series of three events each.
#[track_caller]
pub fn fill(cluster: &Cluster) {
    for n in 0..20 {
        let key = format!("liq:{{S{n:02}}}");
        add_events(&mut cluster.connect_for(&key), key.as_bytes(), 3);
    }
}

/// What nodes say of others that are away.
#[track_caller]
pub fn expect_absences<'a>(nodes: impl IntoIterator<Item = &'a mut Server>) {
    for node in nodes {
        ["FAIL", "failing", "Failover", "failover", "Cluster state changed", "Taking over"]
            .iter()
            .for_each(|text| node.expect_warning(text));
    }
}

/// Adds events of the last minutes to a series: small ones and one of a million.
#[track_caller]
pub fn add_events(client: &mut Client, key: &[u8], count: u64) {
    let now_ms = client.time_ms();
    let mut args: Vec<Vec<u8>> = [b"LIQ.MADD", key, b"EXCHANGE", b"OKX", b"EVENTS"].map(<[u8]>::to_vec).into();
    for n in 0..count {
        let ts_ms = now_ms - (count - n) * 1_000;
        let (side, size) = (if n % 3 == 0 { "buy" } else { "sell" }, 1_000 + n * 10);
        let size = if n + 1 == count { 1_000_000 } else { size };
        for part in [ts_ms.to_string(), side.into(), (100 + n % 5).to_string(), size.to_string()] {
            args.push(part.into_bytes());
        }
    }
    assert!(!client.call(&args).is_error());
}

/// Walks over all keys, to the end.
#[track_caller]
pub fn audit(client: &mut Client) {
    let before = client.run("KEYS.AUDIT STATUS");
    client.run("KEYS.AUDIT START BUDGET 50").ok();
    wait_until("the audit ends", || client.run("KEYS.AUDIT STATUS").field("last") != before.field("last"));
}

/// A server with policies, and keys that break them.
pub fn untidy_server() -> Server {
    let server = Server::with(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    for line in [
        "KEYS.POLICY SET session: TYPE hash TTL 24h",
        "KEYS.POLICY SET market: TTL 30s APPLY",
        "HSET session:7 user ann",
        "SET session:8 {}",
        "SET market:BTCUSDT 1",
        "SET last_scan_vol 42",
    ] {
        assert!(!client.run(line).is_error(), "{line}");
    }
    for name in HOSTILE {
        client.call(&[
            b"SET".as_slice(),
            &[b"<img/src=x/onerror=owned=1>".as_slice(), &name[3..], b":".as_slice()].concat(),
            b"1",
        ]);
    }
    server
}

/// A server with three series, a signal, a market with a trigger, and a limiter.
pub fn stocked_server(lines: &[&str]) -> Server {
    let server = Server::with(lines);
    let mut client = server.connect();
    client.run("LIQ.CREATE liq:{BTCUSDT} SIGNALS signals:{BTCUSDT} LONGOFFSET 0.5 PERCENTILE 50").ok();
    add_events(&mut client, b"liq:{BTCUSDT}", 120);
    add_events(&mut client, b"liq:{ETHUSDT}", 60);
    add_events(&mut client, b"liq:{SOLUSDT}", 30);
    client.run("LIQ.ADD liq:{BTCUSDT} * sell 90 2000000 EXCHANGE BYBIT");
    let now = client.time_ms();
    client.run(&format!("TICK.ADD tick:{{BTCUSDT}} {now} buy 61755.70 0.012"));
    client.run("TRIG.SET tick:{BTCUSDT} user:1 LONG SL 100");
    client.run("RL.CREATE rl:{okx} LIMIT 100 PERIOD 1h SLIDING").ok();
    client.run("RL.CHECK rl:{okx} COST 93");
    server
}
