//! Every command against a real server, through sync, async and pipelined connections, in RESP2 and RESP3.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use liq_harness::Server;
use redis_liq::{
    AddReply, AsyncLiqCommands, BatchOptions, BatchReply, ClockMode, DigestQuery, Error, Event, LiqCommands,
    LiqPipeline, RangeQuery, Reply, Scope, SeriesInfo, SeriesOptions, Side, StatsQuery, Status, StoredEvent, Vwap,
    VwapQuery,
};

const MINUTE_MS: u64 = 60_000;
const START_MS: u64 = 1_737_910_800_000;

fn replayed() -> SeriesOptions {
    SeriesOptions::new().clock(ClockMode::Event).percentile(50.0)
}

/// Ten events a minute apart, sizes 100 … 1000, prices 1000 … 1009, of two venues.
fn events() -> Vec<Event<'static>> {
    let event = |number: u64| {
        let side = if number.is_multiple_of(2) { Side::Sell } else { Side::Buy };
        let exchange = if number < 6 { "binance" } else { "okx" };
        Event::new(START_MS + number * MINUTE_MS, side, 1000.0 + number as f64, 100.0 * (number + 1) as f64)
            .exchange(exchange)
            .id(number.to_string())
    };
    (0..10).map(event).collect()
}

#[test]
fn options_arrive_and_come_back() {
    let server = Server::start();
    for (key, url) in [("{a}2", server.url()), ("{a}3", server.url_resp3())] {
        let mut con = redis::Client::open(url).unwrap().get_connection().unwrap();
        let options = SeriesOptions::new()
            .retention(Duration::from_secs(7200))
            .window(Duration::from_secs(3600))
            .percentile(99.9)
            .min_events(3)
            .min_size(0.5)
            .vwap_window(Duration::from_secs(1800))
            .long_offset(1.5)
            .short_offset(0.0)
            .signals_capped("signals:{a}", 77)
            .clock(ClockMode::Event)
            .precision(6)
            .tail(512)
            .idle(Duration::from_secs(86_400));
        con.liq_create(key, &options).unwrap();
        let info = con.liq_info(key).unwrap();
        assert_eq!((info.retention, info.window), (Duration::from_secs(7200), Duration::from_secs(3600)));
        assert_eq!((info.percentile, info.min_events, info.min_size), (99.9, 3, 0.5));
        assert_eq!((info.vwap_window, info.idle), (Duration::from_secs(1800), Duration::from_secs(86_400)));
        assert_eq!((info.long_offset_pct, info.short_offset_pct), (1.5, 0.0));
        assert_eq!((info.signals.to_text(), info.clock), ("signals:{a}".into(), ClockMode::Event));
        assert_eq!((info.precision, info.tail, info.events, info.first_ms), (6, 512, 0, None));
        con.liq_alter(key, &SeriesOptions::new().percentile(10.0).signals("")).unwrap();
        let altered = con.liq_info(key).unwrap();
        assert_eq!((altered.percentile, altered.signals.is_empty()), (10.0, true));
        assert_eq!(con.liq_create(key, &options), Err(Error::KeyExists));
        assert_eq!((info.signals_max_len, info.tail_first_ms), (77, None));
        assert!(!con.liq_create_nx(key, &options).unwrap(), "it is there already");
        assert_eq!(con.liq_info(key).unwrap().percentile, 10.0, "and stays as it is");
        assert!(con.liq_create_nx(format!("{key}new"), &options).unwrap());
    }
}

#[test]
fn statistics_per_venue_are_read_when_the_window_leaves_the_raw_tail() {
    let server = Server::start();
    for url in [server.url(), server.url_resp3()] {
        let mut con = redis::Client::open(url).unwrap().get_connection().unwrap();
        redis::cmd("FLUSHALL").exec(&mut con).unwrap();
        con.liq_create("k", &replayed().tail(256)).unwrap();
        let event = |number: u64| {
            let venue = if number.is_multiple_of(3) { "okx" } else { "binance" };
            Event::new(START_MS + number * MINUTE_MS, Side::Sell, 1000.0, 100.0 + number as f64).exchange(venue)
        };
        con.liq_madd("k", &(0..600).map(event).collect::<Vec<_>>(), &BatchOptions::new()).unwrap();
        let day = StatsQuery::of(Scope::window(Duration::from_secs(86_400)));
        let venues = con.liq_stats_by_exchange("k", &day).unwrap();
        let binance = venues.get("binance").unwrap();
        assert_eq!((binance.count, binance.exact, binance.p80), (400, None, None));
        let okx = con.liq_stats("k", &day.exchange("okx")).unwrap();
        assert_eq!((okx.count, okx.exact), (200, None));
        let info = con.liq_info("k").unwrap();
        assert_eq!(info.tail_first_ms, Some(START_MS + (600 - info.tail_events) * MINUTE_MS));
    }
}

#[test]
fn events_are_judged_and_read_back() {
    let server = Server::start();
    let mut con = server.connect();
    con.liq_create("k", &replayed()).unwrap();
    let events = events();
    let first = con.liq_add("k", &events[0]).unwrap();
    assert_eq!(first.status, Status::Accepted);
    assert_eq!(
        (first.rank, first.threshold, first.vwap, first.deviation, first.signal),
        (None, None, None, None, None)
    );
    let second = con.liq_add("k", &events[1]).unwrap();
    assert_eq!((second.status, second.rank, second.threshold), (Status::Accepted, Some(100.0), Some(100.0)));
    assert_eq!((second.vwap, second.signal), (Some(1000.0), None));
    assert!((second.deviation.unwrap() - 0.1).abs() < 1e-9);
    assert_eq!(con.liq_add("k", &events[1]).unwrap().status, Status::Duplicate);

    let batch = con.liq_madd("k", &events[2..5], &BatchOptions::new().producer("p", 1)).unwrap();
    assert_eq!((batch.accepted, batch.total()), (3, 3));
    let again = con.liq_madd("k", &events[2..5], &BatchOptions::new().producer("p", 1)).unwrap();
    assert_eq!((again.duplicate, again.total()), (3, 3));
    let mixed = con.liq_madd("k", &events[5..], &BatchOptions::new().producer("p", 2)).unwrap();
    assert_eq!((mixed.stored(), mixed.total()), (5, 5));
    let packed = con.liq_maddpack("k", &events, &BatchOptions::new()).unwrap();
    assert_eq!((packed.duplicate, packed.total()), (10, 10));

    let stored = con.liq_range("k", &RangeQuery::default()).unwrap();
    let sent: Vec<_> = events.iter().map(|event| (event.side, event.price, event.size)).collect();
    let read: Vec<_> = stored.iter().map(|event| (event.side, event.price, event.size)).collect();
    assert_eq!(read, sent);
    assert_eq!(
        (stored[5].exchange.as_deref(), stored[6].exchange.as_deref()),
        (Some(&b"binance"[..]), Some(&b"okx"[..]))
    );
    let newest = RangeQuery::between_ms(START_MS, START_MS + 8 * MINUTE_MS).newest_first().count(1).exchange("okx");
    assert_eq!(con.liq_range("k", &newest).unwrap()[0].timestamp_ms, START_MS + 8 * MINUTE_MS);
    con.liq_reset("k").unwrap();
    assert_eq!(con.liq_info("k").unwrap().events, 0);
}

/// Everything that can be read of a series, by one connection.
#[derive(Debug, PartialEq)]
struct Everything {
    percentiles: Vec<Option<f64>>,
    ranks: Vec<Option<f64>>,
    vwap: Reply<Vwap>,
    stats: Reply<redis_liq::Stats>,
    by_exchange: Reply<redis_liq::StatsByExchange>,
    buckets: Reply<redis_liq::StatsBuckets>,
    rows: Reply<Vec<redis_liq::HistogramRow>>,
    range: Reply<Vec<StoredEvent<'static>>>,
    digest: Reply<redis_liq::Digest>,
    info: Reply<SeriesInfo>,
}

fn everything(con: &mut impl redis::ConnectionLike, key: &str) -> Everything {
    let mut info = con.liq_info(key).unwrap();
    // What a read remembers for the next one counts as memory.
    info.memory_bytes = 0;
    Everything {
        percentiles: con.liq_pctl(key, &[0.0, 50.0, 80.0, 99.9, 100.0], &Scope::default()).unwrap(),
        ranks: con.liq_rank(key, &[1.0, 500.0, 1e9], &Scope::default().side(Side::Buy)).unwrap(),
        vwap: con.liq_vwap(key, &VwapQuery::default().bands(2.0).price(1000.0)).unwrap(),
        stats: con.liq_stats(key, &StatsQuery::default()).unwrap(),
        by_exchange: con.liq_stats_by_exchange(key, &StatsQuery::default()).unwrap(),
        buckets: con.liq_stats_buckets(key, Duration::from_secs(300), &StatsQuery::default()).unwrap(),
        rows: con.liq_hist(key, &Scope::default()).unwrap(),
        range: con.liq_range(key, &RangeQuery::default()).unwrap(),
        digest: con.liq_digest(key, &DigestQuery::default().centroids(50)).unwrap(),
        info,
    }
}

#[test]
fn every_read_says_the_same_in_both_protocols() {
    let server = Server::start();
    let mut con = server.connect();
    con.liq_create("k", &replayed()).unwrap();
    con.liq_maddpack("k", &events(), &BatchOptions::new()).unwrap();
    let resp2 = everything(&mut con, "k");
    let resp3 = everything(&mut redis::Client::open(server.url_resp3()).unwrap().get_connection().unwrap(), "k");
    assert_eq!(resp2, resp3);

    let Everything { percentiles, ranks, vwap, stats, by_exchange, buckets, rows, range, digest, info } = resp2;
    assert_eq!(percentiles, [100.0, 500.0, 800.0, 1000.0, 1000.0].map(Some));
    assert_eq!(ranks, [Some(0.0), Some(40.0), Some(100.0)]);
    let quantity: f64 = (0..10).map(|number| 100.0 * f64::from(number + 1) / (1000.0 + f64::from(number))).sum();
    assert!((vwap.vwap.unwrap() / (5500.0 / quantity) - 1.0).abs() < 1e-12);
    assert_eq!((vwap.volume, vwap.count), (5500.0, 10));
    let spread = vwap.stddev.unwrap();
    assert!((vwap.upper.value().unwrap() - vwap.vwap.unwrap() - 2.0 * spread).abs() < 1e-9);
    assert!((vwap.vwap.unwrap() - vwap.lower.value().unwrap() - 2.0 * spread).abs() < 1e-9);
    assert!(vwap.deviation.value().unwrap() < 0.0 && vwap.long_entry < vwap.vwap && vwap.short_entry > vwap.vwap);
    assert_eq!((stats.count, stats.buy_count, stats.sell_count, stats.volume), (10, 5, 5, 5500.0));
    assert_eq!((stats.min, stats.max, stats.mean, stats.p80), (Some(100.0), Some(1000.0), Some(550.0), Some(800.0)));
    assert_eq!((stats.first_ms, stats.last_ms), (Some(START_MS), Some(START_MS + 9 * MINUTE_MS)));
    assert_eq!(stats.exact, Some(true));
    let venues: Vec<_> = by_exchange.0.iter().map(|venue| (venue.exchange.to_text(), venue.stats.count)).collect();
    assert_eq!(venues, [("binance".into(), 6), ("okx".into(), 4)]);
    assert_eq!(buckets.0.iter().map(|bucket| bucket.stats.count).sum::<u64>(), 10);
    assert!(buckets.0.windows(2).all(|pair| pair[0].start_ms + 300_000 == pair[1].start_ms));
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 10);
    assert!(rows.iter().all(|row| row.low < row.high));
    assert_eq!(range.len(), 10);
    assert_eq!((digest.count, digest.sum, digest.min, digest.max), (10, 5500.0, Some(100.0), Some(1000.0)));
    assert_eq!((info.events, info.total_accepted + info.total_filtered, info.exchanges.len()), (10, 10, 2));
}

#[test]
fn a_missing_series_is_empty_or_an_error_as_documented() {
    let server = Server::start();
    for url in [server.url(), server.url_resp3()] {
        let mut con = redis::Client::open(url).unwrap().get_connection().unwrap();
        assert_eq!(con.liq_pctl("none", &[50.0, 80.0], &Scope::default()).unwrap(), [None, None]);
        assert_eq!(con.liq_rank("none", &[1.0], &Scope::default()).unwrap(), [None]);
        let vwap = con.liq_vwap("none", &VwapQuery::default()).unwrap();
        assert_eq!((vwap.vwap, vwap.volume, vwap.count, vwap.long_entry), (None, 0.0, 0, None));
        let stats = con.liq_stats("none", &StatsQuery::default()).unwrap();
        assert_eq!((stats.count, stats.p50, stats.first_ms), (0, None, None));
        assert!(con.liq_stats_by_exchange("none", &StatsQuery::default()).unwrap().0.is_empty());
        assert!(con.liq_range("none", &RangeQuery::default()).unwrap().is_empty());
        assert!(con.liq_hist("none", &Scope::default()).unwrap().is_empty());
        assert_eq!(con.liq_info("none"), Err(Error::NoSuchKey));
        assert_eq!(con.liq_alter("none", &SeriesOptions::new()), Err(Error::NoSuchKey));
        assert_eq!(con.liq_reset("none"), Err(Error::NoSuchKey));
        assert_eq!(con.liq_digest("none", &DigestQuery::default()), Err(Error::NoSuchKey));
    }
}

#[test]
fn refusals_are_typed_and_name_the_argument() {
    let server = Server::start();
    let mut con = server.connect();
    let refused = |error: Error| match error {
        Error::Refused { argument, item, .. } => (argument, item),
        other => panic!("{other:?} is no refusal"),
    };
    let bad_price = Event::new(1, Side::Buy, -1.0, 1.0);
    assert_eq!(refused(con.liq_add("k", &bad_price).unwrap_err()), ("price".into(), None));
    let good = Event::new(1, Side::Buy, 1.0, 1.0);
    let error = con.liq_madd("k", &[good.clone(), bad_price.clone()], &BatchOptions::new()).unwrap_err();
    assert_eq!(refused(error), ("price".into(), Some(2)));
    let error = con.liq_maddpack("k", &[good, bad_price], &BatchOptions::new()).unwrap_err();
    assert_eq!(refused(error), ("price".into(), Some(2)));
    let error = con.liq_create("k", &SeriesOptions::new().percentile(101.0)).unwrap_err();
    assert_eq!(refused(error), ("PERCENTILE".into(), None));
    let error = con.liq_pctl("k", &[f64::NAN], &Scope::default()).unwrap_err();
    assert_eq!(refused(error).0, "p");
    redis::cmd("SET").arg("text").arg("1").exec(&mut con).unwrap();
    assert_eq!(con.liq_info("text"), Err(Error::WrongType));
    assert!(matches!(
        redis_liq::command::liq_info("k").arg("x").query::<()>(&mut con).map_err(Error::from),
        Err(Error::Redis(_))
    ));
    let exists: bool = redis::cmd("EXISTS").arg("k").query(&mut con).unwrap();
    assert!(!exists, "a refused command leaves no key");
}

#[tokio::test]
async fn the_asynchronous_connection_speaks_all_of_it() {
    let server = Server::start();
    let client = redis::Client::open(server.url_resp3()).unwrap();
    let mut con = client.get_multiplexed_async_connection().await.unwrap();
    con.liq_create("k", &replayed()).await.unwrap();
    let events = events();
    assert_eq!(con.liq_add("k", &events[0]).await.unwrap().status, Status::Accepted);
    assert_eq!(con.liq_maddpack("k", &events, &BatchOptions::new()).await.unwrap().duplicate, 1);
    // Tasks that outlive the caller's frame take the future along.
    let mut other = con.clone();
    let percentiles = tokio::spawn(async move { other.liq_pctl("k", &[50.0], &Scope::default()).await });
    assert_eq!(percentiles.await.unwrap().unwrap(), [Some(500.0)]);
    assert_eq!(con.liq_info("none").await, Err(Error::NoSuchKey));
    let (added, p50): (Reply<AddReply>, Vec<Option<f64>>) = redis::pipe()
        .liq_add("k", &events[9])
        .liq_pctl("k", &[50.0], &Scope::default())
        .query_async(&mut con)
        .await
        .unwrap();
    assert_eq!((added.status, p50), (Status::Duplicate, vec![Some(500.0)]));
}

#[test]
fn a_transaction_answers_in_order() {
    let server = Server::start();
    let mut con = server.connect();
    let (added, batch, vwap): (Reply<AddReply>, Reply<BatchReply>, Reply<Vwap>) = redis::pipe()
        .atomic()
        .liq_create("k", &replayed())
        .ignore()
        .liq_add("k", &events()[0])
        .liq_madd("k", &events(), &BatchOptions::new())
        .liq_vwap("k", &VwapQuery::default())
        .query(&mut con)
        .unwrap();
    assert_eq!((added.status, batch.duplicate, vwap.count), (Status::Accepted, 1, 10));
}
