//! Live feeds against a real server: exchanges that play recorded and made-up frames and misbehave, Redis going away,
//! either side dying.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fmt::Write as _;

use support::exchange::{Exchange, Rest, Step};
use support::frames::DIALECTS;
use support::program::{self, Running};
use support::running::{QUICK, free_port, get, metric, one_venue, order, quiet_exchange, stored, stream};
use support::server::wait_until;
use support::{Fault, Proxy, Server, durable_server, total, url_of};

#[test]
fn seven_venues_come_through_cuts_garbage_silence_and_repeats_with_exact_totals() {
    let (server, folder, port) = (Server::start(), tempfile::tempdir().unwrap(), free_port());
    let rest = Rest::start();
    let listed = |symbols: &[&str]| {
        let list: Vec<String> =
            symbols.iter().map(|symbol| format!(r#"{{"symbol":"{symbol}","status":"Trading"}}"#)).collect();
        format!(r#"{{"result":{{"list":[{}],"nextPageCursor":""}}}}"#, list.join(","))
    };
    let linear = "/v5/market/instruments-info?category=linear";
    rest.answer(linear, &listed(&["ICPUSDT", "PIPPINUSDT"]));
    rest.answer("/v5/market/instruments-info?category=inverse", &listed(&[]));
    // The worth of the third is known before the list comes, and has to be that of the list: a repeat is known by its size.
    let okx = [("CNPY", "1"), ("MINA", "1"), ("BTC", "0.01")].map(|(base, worth)| {
        format!(r#"{{"instId":"{base}-USDT-SWAP","ctVal":"{worth}","ctMult":"1","ctType":"linear"}}"#)
    });
    rest.answer("/api/v5/public/instruments?instType=SWAP", &format!(r#"{{"data":[{}]}}"#, okx.join(",")));
    rest.answer("/api/v5/public/instruments?instType=FUTURES", r#"{"data":[]}"#);
    rest.answer("/api/v1/instrument/active", "[]");

    // Recorded years apart, the venues' events would be late in each other's series.
    let mut settings =
        format!("key = \"liq:%exchange:{{%symbol}}\"\n{QUICK}[series]\nclock = \"EVENT\"\nretention = \"31d\"\n");
    let (mut exchanges, mut new, mut repeated) = (Vec::new(), 0, 0);
    for dialect in &DIALECTS {
        let (script, news, repeats) = dialect.script();
        let exchange = Exchange::start(script);
        let _ = writeln!(
            settings,
            "[venue.{}]\nurl = \"{}\"\nrest_url = \"{}\"",
            dialect.venue,
            exchange.url(),
            rest.url()
        );
        exchanges.push(exchange);
        new += news;
        repeated += repeats;
    }
    let venues = DIALECTS.map(|dialect| dialect.venue);
    let mut running = Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &venues));
    let has_played = |exchange: &Exchange| {
        assert_eq!(exchange.faults(), Vec::<String>::new());
        exchange.finished() >= 4
    };
    wait_until("every exchange has played all it has", || exchanges.iter().all(has_played));
    wait_until("all is delivered", || stored(&server) + total(&server, "total_duplicate") >= new + repeated);
    rest.answer(linear, &listed(&["ICPUSDT", "PIPPINUSDT", "NEWUSDT"]));
    wait_until("a new symbol is subscribed", || {
        exchanges[2].texts().iter().any(|text| text.contains("allLiquidation.NEWUSDT"))
    });
    for (dialect, exchange) in DIALECTS.iter().zip(&exchanges) {
        assert_eq!(exchange.faults(), Vec::<String>::new(), "{}", dialect.venue);
        assert_eq!(exchange.connections(), 4, "{}", dialect.venue);
        let label = format!("venue=\"{}\"", dialect.venue);
        assert_eq!(metric(port, "liq_ingest_silences_total", &label), 1.0, "{}", dialect.venue);
        assert_eq!(metric(port, "liq_ingest_disconnects_total", &label), 3.0, "{}", dialect.venue);
        assert!(metric(port, "liq_ingest_rejects_total", &format!("{label},reason=\"malformed_frame\"")) >= 4.0);
    }
    let counts = counts_by_series(&server);
    assert_eq!((stored(&server), total(&server, "total_duplicate")), (new, repeated), "{counts}");
    assert_eq!(metric(port, "liq_ingest_events_total", "") as u64, new + repeated);
    wait_until("all is well", || get(port, "/healthz").is_some_and(|(status, _)| status == 200));
    let rejects = std::fs::read_to_string(folder.path().join("state/rejects.ndjson")).unwrap();
    assert!(rejects.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert!(rejects.contains("nonsense"), "{rejects}");
    running.terminate();
    assert_eq!((stored(&server), total(&server, "total_duplicate")), (new, repeated));
}

/// What became of the events of each series, for who has to find out where one is wrong.
fn counts_by_series(server: &Server) -> String {
    let mut client = server.connect();
    let keys = client.run("KEYS liq:*");
    let of = |key: &String| {
        let info = client.call(&["LIQ.INFO", key]);
        let count = |field: &str| info.field(field).int();
        format!(
            "{key}: {} accepted, {} filtered, {} duplicates",
            count("total_accepted"),
            count("total_filtered"),
            count("total_duplicate")
        )
    };
    keys.array().iter().map(|key| key.text()).collect::<Vec<_>>().iter().map(of).collect::<Vec<_>>().join("; ")
}

#[test]
fn nothing_is_lost_or_doubled_when_redis_goes_away_or_either_side_is_killed() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut server = durable_server();
    let proxy = Proxy::before(&server);
    let exchange = quiet_exchange();
    let settings = one_venue(&exchange, "batch = 7\n");
    let mut random = fastrand::Rng::with_seed(31);
    let mut sent = 0;
    let mut running = Running::start(&mut stream(folder.path(), &proxy.url(), port, &settings, &["binance-um"]));
    let rounds: u64 = if std::env::var_os("LIQ_SOAK").is_some() { 200 } else { 4 };
    for round in 0..rounds {
        match round % 4 {
            0 => proxy.set(Fault::Refuse),
            1 => proxy.set(Fault::CutAfter(random.usize(0..400))),
            2 => proxy.cut(),
            _ => server.kill_and_restart(),
        }
        let before = metric(port, "liq_ingest_events_total", "");
        for _ in 0..200 {
            exchange.send(order(["AUSDT", "BUSDT", "CUSDT"][random.usize(..3)], sent, 1.0 + random.f64()));
            sent += 1;
        }
        wait_until("the events were read", || metric(port, "liq_ingest_events_total", "") >= before + 200.0);
        if round % 4 == 0 {
            wait_until("the events wait on disk", || metric(port, "liq_ingest_spool_events", "") >= 200.0);
            let (status, complaint) = get(port, "/healthz").unwrap();
            assert_eq!((status, complaint.contains("redis: does not take events")), (503, true), "{complaint}");
            running.kill();
            running = Running::start(&mut stream(folder.path(), &proxy.url(), port, &settings, &["binance-um"]));
        }
        proxy.set(Fault::None);
        wait_until("the spool is empty", || {
            stored(&server) == sent
                && get(port, "/metrics").is_some()
                && metric(port, "liq_ingest_spool_events", "") == 0.0
        });
        wait_until("the venue is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
    }
    running.terminate();
    assert_eq!(stored(&server), sent);
    // In the order in which they came: none was late behind another of its series.
    let mut client = server.connect();
    for symbol in ["AUSDT", "BUSDT", "CUSDT"] {
        let events = client.call(&["LIQ.RANGE", &format!("liq:{{{symbol}}}"), "-", "+", "COUNT", "10000"]);
        assert!(events.array().len() > 100, "{symbol}");
    }
}

#[test]
fn a_full_spool_keeps_what_passes_the_filter_and_counts_what_went() {
    let (server, folder, port) = (Server::start(), tempfile::tempdir().unwrap(), free_port());
    let proxy = Proxy::before(&server);
    let exchange = quiet_exchange();
    let settings = one_venue(&exchange, "") + "[spool]\nmax_events = 1000\n";
    let mut running = Running::start(&mut stream(folder.path(), &proxy.url(), port, &settings, &["binance-um"]));
    // Sizes 1 … 100: the 80th percentile is 80, which the program learns while Redis is there.
    for n in 0..100 {
        exchange.send(order("AUSDT", n, (n + 1) as f64));
    }
    wait_until("the first are stored", || stored(&server) == 100);
    wait_until("the program asks for the threshold", || {
        let mut client = server.connect();
        client.run("INFO commandstats").text().contains("cmdstat_LIQ.PCTL")
            || client.run("INFO commandstats").text().contains("cmdstat_liq.pctl")
    });
    // Whose reply was not seen would be kept, and would take the room of another.
    wait_until("all replies were seen", || metric(port, "liq_ingest_spool_events", "") == 0.0);
    proxy.set(Fault::Refuse);
    // 900 large among 1,600 small: the large fit, and 100 of the small, the largest.
    for n in 0..2_500_u64 {
        let size = if n % 25 < 9 { 100.0 + (n % 7) as f64 } else { 10.0 + n as f64 / 100.0 };
        exchange.send(order("AUSDT", 1_000 + n, size));
    }
    wait_until("all were read", || metric(port, "liq_ingest_events_total", "") >= 2_600.0);
    wait_until("the spool is full", || metric(port, "liq_ingest_spool_dropped_total", "") >= 1_500.0);
    assert!(get(port, "/healthz").unwrap().1.contains("spool: 1000 of 1000 events"));
    proxy.set(Fault::None);
    wait_until("the rest is stored", || stored(&server) == 1_100);
    assert_eq!(metric(port, "liq_ingest_spool_dropped_total", ""), 1_500.0);
    let large = server.connect().run("LIQ.RANGE liq:{AUSDT} 1790000001000 + COUNT 5000 MINSIZE 100");
    assert_eq!(large.array().len(), 900);
    running.terminate();
}

#[test]
fn a_refused_series_waits_and_the_others_go_on() {
    let (server, folder, port) = (Server::start(), tempfile::tempdir().unwrap(), free_port());
    let exchange = quiet_exchange();
    server.connect().run("SET liq:{BUSDT} 1").ok();
    let settings = one_venue(&exchange, "");
    let mut command = stream(folder.path(), &url_of(&server), port, &settings, &["binance-um"]);
    let mut running = Running::start(&mut command);
    for n in 0..50 {
        exchange.send(order(["AUSDT", "BUSDT"][n as usize % 2], n, 5.0));
    }
    wait_until("the others are stored", || {
        metric(port, "liq_ingest_answers_total", "") == 25.0 && metric(port, "liq_ingest_spool_events", "") == 25.0
    });
    assert!(get(port, "/healthz").unwrap().1.contains("redis: refuses 1 series"));
    running.terminate();
    server.connect().run("DEL liq:{BUSDT}");
    let mut running = Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &["binance-um"]));
    wait_until("the refused ones are stored too", || stored(&server) == 50);
    running.terminate();
}

#[test]
fn check_prints_what_would_be_done_and_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("liq.toml");
    std::fs::write(&file, "[redis]\nurl = \"rediss://bot:hunter2@db:6380\"\n[venue.bybit]\nsymbols = [\"BTCUSDT\"]\n")
        .unwrap();
    let mut command = program::command(folder.path());
    command.arg("--config").arg(&file).args(["check", "bybit", "binance-um"]).env("MIN_LIQUIDATION_SIZE_BTC", "5000");
    let shown = program::succeed(&mut command);
    for piece in
        ["rediss://bot:***@db:6380", "LIQ.CREATE liq:{BTCUSDT} MINSIZE 5000 CLOCK SERVER", "/market/", "linear"]
    {
        assert!(shown.contains(piece), "{piece} in {shown}");
    }
    assert!(!shown.contains("hunter2"));
    std::fs::write(&file, "[series]\npercentile = 101\n").unwrap();
    let mut command = program::command(folder.path());
    let said = program::fail(command.arg("--config").arg(&file).arg("check"));
    assert!(said.contains("PERCENTILE"), "{said}");
    let _ = Step::Ping;
}
