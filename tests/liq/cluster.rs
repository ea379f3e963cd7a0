//! Cluster: keys are routed, signals stay in the series' slot.

use crate::support::Server;
use crate::support::cluster::Cluster;
use crate::twin::T0;

#[test]
fn series_and_signals_live_in_one_slot_of_a_cluster() {
    let cluster = Cluster::start();
    for symbol in ["BTC", "ETH", "SOL", "XRP", "DOGE", "币安人生"] {
        let (key, stream) = (format!("liq:{{{symbol}}}"), format!("signals:{{{symbol}}}"));
        let mut client = cluster.connect_for(&key);
        client.call(&["LIQ.CREATE", &key, "PERCENTILE", "0", "SIGNALS", &stream]).ok();
        for (price, at) in [(100, 0), (90, 1)] {
            let reply = client.run(&format!("LIQ.ADD {key} {} sell {price} 10 AT {}", T0 + at, T0 + at));
            assert_eq!(reply.field("status").text(), "accepted");
        }
        assert_eq!(client.call(&["XLEN", &stream]).int(), 1, "{symbol}");
        let entries = client.call(&["XRANGE", &stream, "-", "+"]);
        assert_eq!(entries.array()[0].array()[1].field("symbol").text(), symbol);
    }
}

#[test]
fn a_stream_in_another_slot_is_refused() {
    let cluster = Cluster::start();
    let mut client = cluster.connect_for("liq:{BTC}");
    let refused = client.run("LIQ.CREATE liq:{BTC} SIGNALS signals:{ETH}");
    assert!(refused.error().starts_with("ERR SIGNALS: ") || refused.error().starts_with("CROSSSLOT"), "{refused:?}");
    assert_eq!(client.run("EXISTS liq:{BTC}").int(), 0);
    client.run("LIQ.CREATE liq:{BTC}").ok();
    let refused = client.run("LIQ.ALTER liq:{BTC} SIGNALS signals:{ETH}");
    assert!(refused.is_error(), "{refused:?}");
    client.run("LIQ.ALTER liq:{BTC} SIGNALS signals:{BTC}").ok();
}

#[test]
fn a_node_points_to_the_one_that_serves_the_key() {
    let cluster = Cluster::start();
    let moved = cluster.nodes.iter().filter(|node| {
        let reply = node.connect().run("LIQ.ADD liq:{BTC} * buy 100 5");
        reply.is_error() && reply.error().starts_with("MOVED ")
    });
    assert_eq!(moved.count(), 2);
    let moved = cluster.nodes.iter().filter(|node| node.connect().run("LIQ.PCTL liq:{BTC} 50").is_error());
    assert_eq!(moved.count(), 2);
}

#[test]
fn a_stream_that_came_to_be_in_another_slot_is_skipped_and_counted() {
    // A series of a single server may name any stream; restored into a cluster it must not write there.
    let single = Server::start();
    let mut client = single.connect();
    client.run("LIQ.CREATE s PERCENTILE 0 SIGNALS signals:{ETH}").ok();
    client.run(&format!("LIQ.ADD s {T0} buy 100 10 AT {T0}"));
    let payload = client.run("DUMP s");
    let mut cluster = Cluster::start();
    cluster.nodes.iter_mut().for_each(|node| node.expect_warning("signal"));
    let mut client = cluster.connect_for("liq:{BTC}");
    client.call(&[b"RESTORE", b"liq:{BTC}".as_slice(), b"0", payload.bytes()]).ok();
    let reply = client.run(&format!("LIQ.ADD liq:{{BTC}} {} sell 90 10 AT {}", T0 + 1, T0 + 1));
    assert_eq!((reply.field("status").text(), reply.field("signal").text()), ("accepted".into(), "buy".into()));
    for node in &cluster.nodes {
        assert_eq!(node.connect().run("KEYS signals*").array().len(), 0);
    }
}
