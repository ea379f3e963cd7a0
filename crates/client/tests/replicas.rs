//! Reads of a cluster answered by replicas.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "tests")]

use liq_harness::{Cluster, Server};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_read_routing::RandomReplicaStrategy;
use redis_liq::{
    AsyncLiqCommands, BatchOptions, ClockMode, Event, LiqCommands, ReplicaReads, Scope, SeriesOptions, Side, VwapQuery,
};

const START_MS: u64 = 1_737_910_800_000;

/// How often a node was asked a command.
fn calls(node: &Server, command: &str) -> usize {
    let stats: String = redis::cmd("INFO").arg("commandstats").query(&mut node.connect()).unwrap();
    let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
    line.and_then(|line| line.split_once("calls=")?.1.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_answer_reads_and_primaries_the_rest() {
    let (cluster, replicas) = tokio::task::block_in_place(Cluster::start_with_replicas);
    let urls = cluster.urls();
    let client = ClusterClientBuilder::new(urls).read_routing_strategy(RandomReplicaStrategy).build().unwrap();
    let mut con = ReplicaReads(client.get_async_connection().await.unwrap());
    let keys = ["liq:{a}", "liq:{b}", "liq:{c}", "liq:{d}", "liq:{e}", "liq:{f}"];
    for key in keys {
        con.liq_create(key, &SeriesOptions::new().clock(ClockMode::Event)).await.unwrap();
        let events = [Event::new(START_MS, Side::Sell, 100.0, 50.0)];
        con.liq_madd(key, &events, &BatchOptions::new()).await.unwrap();
        let percentiles = con.liq_pctl(key, &[50.0], &Scope::default()).await.unwrap();
        // The replica may not have it yet, and says so in its own way.
        assert!(percentiles == [Some(50.0)] || percentiles == [None], "{percentiles:?}");
    }
    tokio::task::block_in_place(|| {
        let mut con = ReplicaReads(client.get_connection().unwrap());
        for key in keys {
            liq_harness::wait_until("the write is seen", || {
                con.liq_vwap(key, &VwapQuery::default()).unwrap().count == 1
            });
        }
    });
    for command in ["liq.pctl", "liq.vwap"] {
        let on_primaries: usize = cluster.nodes.iter().map(|node| calls(node, command)).sum();
        let on_replicas: usize = replicas.iter().map(|node| calls(node, command)).sum();
        assert_eq!(on_primaries, 0, "{command}");
        assert!(on_replicas >= keys.len(), "{command}: {on_replicas}");
    }
    let added: usize = cluster.nodes.iter().map(|node| calls(node, "liq.madd")).sum();
    assert_eq!(added, keys.len());
}
