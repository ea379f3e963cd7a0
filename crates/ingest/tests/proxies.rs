//! Venues behind proxies: their feeds and their REST interfaces are reached through them, and not otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::exchange::{Exchange, Rest, Script};
use support::frames::DIALECTS;
use support::gateway::Gateway;
use support::program::Running;
use support::running::{QUICK, free_port, get, metric, stored, stream};
use support::server::wait_until;
use support::{Server, url_of};

#[test]
fn feeds_and_lists_come_through_the_proxy_of_their_venue() {
    for gateway in [Gateway::http(), Gateway::socks()] {
        let (server, folder, port) = (Server::start(), tempfile::tempdir().unwrap(), free_port());
        let dialect = DIALECTS.iter().find(|dialect| dialect.venue == "okx").unwrap();
        let exchange = Exchange::start(Script {
            expects: dialect.expects.to_vec(),
            greeting: Vec::new(),
            pulse: dialect.pulse,
            keepalive: dialect.keepalive,
            sessions: Vec::new(),
        });
        let rest = Rest::start();
        let odd = r#"{"data":[{"instId":"ODD-USDT-SWAP","ctVal":"1000","ctMult":"1","ctType":"linear"}]}"#;
        rest.answer("/api/v5/public/instruments", odd);
        let settings = |proxy: &str| {
            format!(
                "{QUICK}[series]\nclock = \"EVENT\"\n[venue.okx]\nurl = \"{}\"\nrest_url = \"{}\"\nproxy = \"{proxy}\"\n",
                exchange.url(),
                rest.url()
            )
        };
        let run = |password: &str| {
            let settings = settings(&gateway.url(password));
            Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &["okx"]))
        };
        // A wrong password leads nowhere, and is told to nobody.
        let mut running = run("wrong-one");
        wait_until("both fail", || {
            let said = std::fs::read_to_string(folder.path().join("log")).unwrap();
            said.contains("proxy") && said.contains("disconnected") && said.contains("instruments cannot be listed")
        });
        let health = get(port, "/healthz").unwrap().1;
        let said = std::fs::read_to_string(folder.path().join("log")).unwrap() + &health;
        assert!(!said.contains("wrong-one"), "{said}");
        running.terminate();
        assert_eq!((exchange.connections(), rest.asked().len()), (0, 0));

        let mut running = run("hunter2");
        wait_until("it is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
        exchange.send((dialect.frame)(1));
        exchange.send((dialect.frame)(2).replace("BTC-USDT-SWAP", "ODD-USDT-SWAP"));
        wait_until("all is stored", || stored(&server) == 2);
        running.terminate();
        let places = [exchange.url(), rest.url()].map(|url| url.split_once("://").unwrap().1.to_owned());
        let targets = gateway.targets();
        assert!(places.iter().all(|place| targets.contains(place)), "{places:?} in {targets:?}");
        assert!(targets.iter().all(|target| places.contains(target)), "{targets:?}");
    }
}
