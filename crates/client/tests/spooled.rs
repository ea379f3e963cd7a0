//! The batcher with a spool: what it has taken is counted once, whoever is killed, forgets or is full.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use liq_core::liq::request::{EventId, NewEvent, encode_events};
use liq_harness::child::{self, say};
use liq_harness::{Child, Fault, Options, Proxy, Server, UnreadableLog, wait_until};
use liq_spool::{Entry, Labels, Spool};
use redis_liq::{ClockMode, Event, LiqCommands, SeriesOptions, Side, SpooledBatcher};

const START_MS: u64 = 1_737_910_800_000;
const KEYS: [&str; 3] = ["liq:{A}", "liq:{B}", "liq:{C}"];

fn event(number: u64) -> Event<'static> {
    Event::new(START_MS + number, Side::Sell, 1000.0, 1.0 + number as f64)
}

fn client(url: &str) -> redis::Client {
    redis::Client::open(url).unwrap()
}

fn connect(server: &Server) -> redis::Connection {
    redis::Client::open(server.url()).unwrap().get_connection().unwrap()
}

fn create(server: &Server) {
    // A short tail: what is known again is known by its number, not by its content.
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(256);
    KEYS.iter().for_each(|key| connect(server).liq_create(*key, &options).unwrap());
}

/// Events that the server has of all keys.
fn held(server: &Server) -> u64 {
    let mut connection = connect(server);
    KEYS.iter().map(|key| connection.liq_info(*key).map_or(0, |info| info.events)).sum()
}

async fn add(batcher: &SpooledBatcher, numbers: std::ops::Range<u64>) {
    for number in numbers {
        batcher.add(KEYS[number as usize % 3], event(number)).await.unwrap();
    }
}

/// Waits without holding up the batcher's tasks.
fn wait(what: &str, condition: impl FnMut() -> bool) {
    tokio::task::block_in_place(|| wait_until(what, condition));
}

/// Takes events and says each number once it is taken, until it is killed.
#[test]
fn feeding_process() {
    let Some(args) = child::args("feeding_process") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let batcher = SpooledBatcher::builder(&args[1]).max_events(7).spawn(client(&args[0])).unwrap();
        for number in args[2].parse::<u64>().unwrap().. {
            batcher.add(KEYS[number as usize % 3], event(number)).await.unwrap();
            say(&number.to_string());
        }
    });
}

#[test]
fn kills_of_process_and_server_lose_nothing_that_was_taken_and_double_nothing() {
    let mut server = Options::default().durable().start();
    // All of it raw, to be looked at one by one.
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(65_536);
    KEYS.iter().for_each(|key| connect(&server).liq_create(*key, &options).unwrap());
    let (proxy, folder) = (Proxy::before(&server), tempfile::tempdir().unwrap());
    let spool = folder.path().join("spool").display().to_string();
    let kills = if std::env::var_os("LIQ_SOAK").is_some() { 60 } else { 6 };
    let mut taken = 0;
    for kill in 0..kills {
        proxy.set(if kill % 2 == 0 { Fault::Delay(Duration::from_millis(5)) } else { Fault::Refuse });
        let mut feeder = Child::start("feeding_process", &[&proxy.url(), &spool, &taken.to_string()]);
        for _ in 0..100 {
            taken = feeder.hear().parse::<u64>().unwrap() + 1;
        }
        if kill % 3 == 2 {
            server.kill_and_restart();
        }
        // What it had taken and not said yet is taken all the same, and is sent again under other numbers: never said
        // means that the caller would hand it over again. Here it would be there twice, so those go on behind it.
        taken += 500_000;
        feeder.kill();
    }
    proxy.set(Fault::None);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let totals = runtime.block_on(async {
        let batcher = SpooledBatcher::builder(&spool).spawn(client(&proxy.url())).unwrap();
        let _ = batcher.flush().await.unwrap();
        batcher.close().await
    });
    assert_eq!((totals.waiting, totals.dropped, totals.refused), (0, 0, 0), "{totals:?}");
    let mut times = std::collections::BTreeSet::new();
    let mut client = server.connect();
    for key in KEYS {
        for event in client.call(&["LIQ.RANGE", key, "-", "+", "COUNT", "100000"]).array() {
            assert!(times.insert(event.array()[0].int() as u64 - START_MS), "an event is there twice");
        }
    }
    // Of each round the first hundred were said to be taken, from where it began.
    for round in 0..kills {
        let first = round * 500_100;
        assert!((first..first + 100).all(|number| times.contains(&number)), "of round {round} some are missing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_and_a_restart_of_the_batcher_change_nothing() {
    let server = Server::start();
    create(&server);
    let (proxy, folder) = (Proxy::before(&server), tempfile::tempdir().unwrap());
    proxy.set(Fault::Refuse);
    let start = |url: &str| {
        let quick = SpooledBatcher::builder(folder.path()).close_within(Duration::from_millis(100));
        quick.spawn(client(url)).unwrap()
    };
    let batcher = start(&proxy.url());
    add(&batcher, 0..300).await;
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.waiting), (0, 300), "{totals:?}");
    assert!(folder.path().join("spool.sqlite").is_file());
    assert!(!folder.path().join("spool.sqlite-wal").exists(), "somebody has it still");
    // The folder is one batcher's at a time.
    let batcher = start(&proxy.url());
    let second = SpooledBatcher::builder(folder.path()).spawn(client(&proxy.url()));
    assert!(second.is_err());
    add(&batcher, 300..400).await;
    proxy.set(Fault::None);
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.delivered, totals.waiting, held(&server)), (400, 0, 400), "{totals:?}");
    for error in ["READONLY You can't write", "LOADING Redis is loading", "NOAUTH Authentication required."] {
        tokio::task::block_in_place(|| proxy.set(Fault::Answer(error)));
        let before = held(&server);
        add(&batcher, before..before + 30).await;
        let seen = proxy.commands();
        wait("it was answered", || proxy.commands() > seen + 1);
        tokio::task::block_in_place(|| proxy.set(Fault::None));
        let _ = batcher.flush().await.unwrap();
        assert_eq!(held(&server), before + 30, "{error}");
    }
    let totals = batcher.close().await;
    assert_eq!((totals.waiting, totals.rewinds), (0, 0), "{totals:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_forgets_is_told_again_also_when_it_was_away_for_longer_than_the_grace() {
    for (grace_s, away_s) in [(600, 0), (5, 7)] {
        let mut server = Server::start();
        create(&server);
        let (proxy, folder) = (Proxy::before(&server), tempfile::tempdir().unwrap());
        let builder = SpooledBatcher::builder(folder.path()).grace(Duration::from_secs(grace_s));
        let batcher = builder.spawn(client(&proxy.url())).unwrap();
        add(&batcher, 0..200).await;
        assert_eq!(batcher.flush().await.unwrap().delivered, 200);
        // Without its data, as a replica would be that had heard of none of it.
        tokio::task::block_in_place(|| {
            server.kill();
            std::thread::sleep(Duration::from_secs(away_s));
            server.start_again();
        });
        create(&server);
        add(&batcher, 200..210).await;
        wait("it has all of it again", || held(&server) == 210);
        let totals = batcher.close().await;
        assert_eq!((totals.rewinds, totals.waiting, held(&server)), (1, 0, 210), "{totals:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_key_waits_and_holds_up_no_other() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    create(&server);
    server.connect().run("SET taken x").ok();
    let start = |folder: &Path| SpooledBatcher::builder(folder).spawn(client(&server.url())).unwrap();
    let batcher = start(folder.path());
    for number in 0..30 {
        batcher.add("taken", event(number)).await.unwrap();
    }
    add(&batcher, 0..60).await;
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.delivered, totals.waiting, held(&server)), (60, 30, 60), "{totals:?}");
    assert_eq!(totals.last_error, Some(redis_liq::Error::WrongType));
    assert!(batcher.add("x", Event::new(1, Side::Buy, -1.0, 1.0)).await.is_err());
    assert_eq!(batcher.close().await.waiting, 30);
    server.connect().run("DEL taken");
    let options = SeriesOptions::new().clock(ClockMode::Event);
    connect(&server).liq_create("taken", &options).unwrap();
    let batcher = start(folder.path());
    let totals = batcher.flush().await.unwrap();
    // The others were delivered a moment ago, and are known again.
    assert_eq!((totals.replies.total(), totals.waiting, held(&server)), (30, 0, 60), "{totals:?}");
    assert_eq!(connect(&server).liq_info("taken").unwrap().events, 30);
    let _ = batcher.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_spool_is_the_one_of_the_ingest() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let proxy = Proxy::before(&server);
    proxy.set(Fault::Refuse);
    let quick = SpooledBatcher::builder(folder.path()).close_within(Duration::ZERO);
    let batcher = quick.spawn(client(&proxy.url())).unwrap();
    add(&batcher, 0..10).await;
    assert_eq!(batcher.close().await.waiting, 10);
    // Whoever opens it finds the events by key, as they travel.
    let mut spool = Spool::open(folder.path(), 1_000, Duration::ZERO, |_, _| true).unwrap();
    let found = spool.next(9, 9, |_| false).unwrap();
    let count: usize = found.iter().map(|(_, one)| one.rows.len()).sum();
    assert_eq!((found.len(), count), (3, 10));
    assert!(KEYS.contains(&&*found[0].1.series.key));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_gone_is_made_with_its_options() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(512).percentile(75.0);
    let batcher = SpooledBatcher::builder(folder.path()).series(options).spawn(client(&server.url())).unwrap();
    let made = || KEYS.map(|key| connect(&server).liq_info(key).map(|info| (info.clock, info.tail, info.percentile)));
    let mut begin = 0;
    for command in ["PING", "FLUSHALL", "DEL liq:{A} liq:{C}"] {
        tokio::task::block_in_place(|| server.connect().run(command));
        add(&batcher, begin..begin + 30).await;
        begin += 30;
        let _ = batcher.flush().await.unwrap();
        assert_eq!(made(), [(); 3].map(|()| Ok((ClockMode::Event, 512, 75.0))), "{command}");
    }
    // One that the server refuses makes no key at all: its events wait.
    let _ = batcher.close().await;
    let wrong = SeriesOptions::new().percentile(175.0);
    let batcher = SpooledBatcher::builder(folder.path()).series(wrong).spawn(client(&server.url())).unwrap();
    batcher.add("liq:{D}", event(0)).await.unwrap();
    let totals = batcher.flush().await.unwrap();
    assert!(matches!(totals.last_error, Some(redis_liq::Error::Refused { .. })), "{totals:?}");
    assert!(connect(&server).liq_info("liq:{D}").is_err());
    assert!(batcher.close().await.waiting >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_replicas_must_have_waits_until_they_have_it() {
    let (server, folder) = (Options::default().tcp().start(), tempfile::tempdir().unwrap());
    create(&server);
    let builder = SpooledBatcher::builder(folder.path()).wait_replicas(1, Duration::from_millis(50));
    let batcher = builder.close_within(Duration::from_millis(500)).spawn(client(&server.url())).unwrap();
    add(&batcher, 0..60).await;
    // At most once for each key, and then once more: the first answer told that it is not enough.
    let waits = || {
        let stats = server.connect().run("INFO commandstats").text();
        let calls =
            stats.lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls=")?.split(',').next()?.parse().ok());
        calls.unwrap_or(0_usize)
    };
    wait("it is asked again whether replicas have it", || waits() > KEYS.len());
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.waiting), (0, 60), "{totals:?}");
    assert!(totals.last_error.unwrap().to_string().contains("0 of 1 replicas"));

    let master = format!("replicaof 127.0.0.1 {}", server.port());
    let replica = Options::default().tcp().line(master).expect_warning("Failed to resolve").start();
    replica.wait_for_link();
    let builder = SpooledBatcher::builder(folder.path()).wait_replicas(1, Duration::from_secs(1));
    let batcher = builder.spawn(client(&server.url())).unwrap();
    add(&batcher, 60..90).await;
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.waiting, held(&server), held(&replica)), (0, 90, 90), "{totals:?}");
    let _ = batcher.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_waits_no_longer_than_it_may_for_a_server_that_hangs() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    create(&server);
    let builder = SpooledBatcher::builder(folder.path()).close_within(Duration::from_millis(300));
    let batcher = builder.spawn(client(&server.url())).unwrap();
    add(&batcher, 0..30).await;
    let _ = batcher.flush().await.unwrap();
    server.stall();
    add(&batcher, 30..60).await;
    let begun = std::time::Instant::now();
    let totals = batcher.close().await;
    // An answer is given up after 10 s, and the next attempt another 5 s later.
    assert!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
    assert_eq!((totals.delivered, totals.waiting), (30, 30), "{totals:?}");
    server.resume();
    let batcher = SpooledBatcher::builder(folder.path()).spawn(client(&server.url())).unwrap();
    let _ = batcher.flush().await.unwrap();
    assert_eq!((batcher.close().await.waiting, held(&server)), (0, 60));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_event_goes_also_where_nobody_knows_what_was_delivered() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    create(&server);
    let proxy = Proxy::before(&server);
    proxy.set(Fault::Refuse);
    let quick = SpooledBatcher::builder(folder.path()).close_within(Duration::from_millis(100));
    let batcher = quick.spawn(client(&proxy.url())).unwrap();
    add(&batcher, 0..9).await;
    assert_eq!(batcher.close().await.waiting, 9);
    // As a server would that is stricter than the one who took them.
    proxy.set(Fault::Answer("ERR item 1: price: must be 1e-12 to 1e15, got '0'"));
    let batcher = SpooledBatcher::builder(folder.path()).spawn(client(&proxy.url())).unwrap();
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.refused, totals.waiting), (9, 0), "{totals:?}");
    proxy.set(Fault::None);
    add(&batcher, 9..12).await;
    let _ = batcher.flush().await.unwrap();
    assert_eq!((batcher.close().await.waiting, held(&server)), (0, 3));
}

/// A spool of so many events as a process leaves it that is killed: all in the log, by one write.
fn spool_left(folder: &Path, events: u64) {
    let first = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(first.path(), events, Duration::ZERO, |_, _| true).unwrap();
    let entry = |number: u64| {
        let (key, id): (Arc<str>, _) = (KEYS[number as usize % 3].into(), format!("{number:064}"));
        let (size, id) = (1.0 + number as f64, Some(EventId::Text(id.as_bytes())));
        let event = NewEvent { ts_ms: Some(START_MS + number), side: Side::Sell, price: 1.0, size, exchange: None, id };
        let labels = Labels { symbol: Arc::clone(&key), ..Labels::default() };
        Entry { key, labels, at_us: number as i64, body: encode_events(&[event]), size, floor: None }
    };
    spool.append((0..events).map(entry).collect()).unwrap();
    for name in ["spool.sqlite", "spool.sqlite-wal"] {
        std::fs::copy(first.path().join(name), folder.join(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_read_loses_nothing_and_no_server_that_has_to_be_told_again() {
    // More than SQLite holds in memory.
    const MANY: u64 = 50_000;
    let (mut server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    create(&server);
    let (proxy, file) = (Proxy::before(&server), folder.path().join("spool.sqlite"));
    proxy.set(Fault::Refuse);
    spool_left(folder.path(), MANY);
    let builder = SpooledBatcher::builder(folder.path()).grace(Duration::from_secs(3_600));
    let batcher = builder.spawn(client(&proxy.url())).unwrap();
    let unreadable = UnreadableLog::begin(&file);
    let seen = proxy.commands();
    proxy.set(Fault::None);
    // Who answers is asked every second, and in between the disk.
    wait("it is tried", || proxy.commands() > seen + 8);
    assert_eq!(held(&server), 0);
    unreadable.end();
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.delivered, totals.waiting, held(&server)), (MANY, 0, MANY), "{totals:?}");
    assert!(matches!(totals.last_error, Some(redis_liq::Error::Spool(_))), "{totals:?}");

    let unreadable = UnreadableLog::begin(&file);
    tokio::task::block_in_place(|| {
        server.kill();
        server.start_again();
    });
    create(&server);
    let seen = proxy.commands();
    wait("it is tried", || proxy.commands() > seen + 8);
    assert_eq!(held(&server), 0);
    unreadable.end();
    wait("it is told again", || held(&server) > 0);
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.rewinds, totals.waiting, held(&server)), (1, 0, MANY), "{totals:?}");
    let _ = batcher.close().await;
}
