//! Cluster: keys are routed, signals stay in the series' slot.

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
