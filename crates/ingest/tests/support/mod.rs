//! What these tests stand on: throwaway servers (shared with the module's tests), the program itself, and made-up feeds.
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

pub mod acknowledge;
pub mod exchange;
pub mod feed;
pub mod frames;
pub mod gateway;
pub mod in_use;
pub mod program;
pub mod running;
pub mod tape;

pub use liq_harness::{Client, Cluster, Fault, Options, Proxy, Reply, Server, client, reply, sentinel, server, signal};

/// Everything a server tells of its series that does not depend on how the events came, by key: for comparing two.
pub fn state_of(server: &Server) -> std::collections::BTreeMap<String, Vec<(String, String)>> {
    let mut client = server.connect();
    let keys = client.run("KEYS liq:*");
    let mut state = std::collections::BTreeMap::new();
    for key in keys.array() {
        let key = key.text();
        let info = client.call(&["LIQ.INFO", &key]);
        let mut facts = Vec::new();
        for pair in info.array().chunks_exact(2) {
            if pair[0].text() != "memory" {
                facts.push((pair[0].text(), format!("{:?}", pair[1])));
            }
        }
        facts.push(("stats".into(), format!("{:?}", client.call(&["LIQ.STATS", &key, "WINDOW", "24h"]))));
        facts.push(("histogram".into(), format!("{:?}", client.call(&["LIQ.HIST", &key]))));
        facts.push(("events".into(), format!("{:?}", client.call(&["LIQ.RANGE", &key, "-", "+", "COUNT", "100000"]))));
        state.insert(key, facts);
    }
    state
}

/// A server that answers only when the disk has it, and will be killed while it writes.
pub fn durable_server() -> Server {
    Options::default().durable().start()
}

/// The sum of one field of `LIQ.INFO` over all keys.
pub fn total(server: &Server, field: &str) -> u64 {
    let mut client = server.connect();
    let keys = client.run("KEYS liq:*");
    let mut sum = 0;
    for key in keys.array() {
        let info = client.call(&["LIQ.INFO", &key.text()]);
        let found = info.array().chunks_exact(2).find(|pair| pair[0].text() == field).map(|pair| pair[1].clone());
        let Some(Reply::Int(count)) = found else { panic!("no {field} in {info:?}") };
        sum += count as u64;
    }
    sum
}

/// The address of a server's socket.
pub fn url_of(server: &Server) -> String {
    format!("unix://{}", server.dir().join("socket").display())
}
