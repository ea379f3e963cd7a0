//! The memory modes: entered and left in order, on every series whether it is written or not, without an event lost.

use std::collections::HashMap;
use std::ops::Range;

use liq_core::liq::request::{NewEvent, encode_events};
use liq_core::liq::series::Side;
use liq_core::memory::Mode;

use crate::persistence::assert_same;
use crate::support::server::wait_until;
use crate::support::{Client, Options, Reply, Server};
use crate::twin::T0;

/// A series keeps so many raw events, and tells sizes apart by so many bits.
pub fn detail(client: &mut Client, key: &str) -> (i64, i64) {
    let info = client.run(&format!("LIQ.INFO {key}"));
    (info.field("tail_now").int(), info.field("precision_now").int())
}

pub fn mode(client: &mut Client) -> String {
    client.run("LIQ.MEMORY").field("mode").text()
}

/// Sets the budget so that `percent` of it is used by now.
pub fn set_budget(client: &mut Client, percent: i64) {
    let used = client.run("LIQ.MEMORY").field("used").int();
    client.run(&format!("CONFIG SET liq.memory-budget {}", used * 100 / percent)).ok();
}

pub fn expecting_modes(mut server: Server) -> Server {
    server.expect_warning("liq: memory mode");
    server
}

/// What no mode takes anything from, so that the modes' own effect does not lead out of them while they are looked at.
#[track_caller]
pub fn put_ballast(client: &mut Client) {
    let limits: String = (1..9).map(|hours| format!(" LIMIT 5 PERIOD {hours}h SLIDING")).collect();
    let made = client.pipeline(&(0..4_000).map(|n| format!("RL.CREATE ballast:{n}{limits}")).collect::<Vec<_>>());
    assert!(made.iter().all(Reply::is_ok), "{:?}", made.first());
}

#[test]
fn every_mode_has_its_detail_and_is_left_again() {
    let server = expecting_modes(Server::with(&["notify-keyspace-events Ed", "hz 100"]));
    let mut client = server.connect();
    for series in 0..40 {
        let events: String = (1..200).map(|n| format!(" {} sell 100 {}", n * 1000, n)).collect();
        client.run(&format!("LIQ.CREATE quiet:{series} TAIL 8192 CLOCK EVENT")).ok();
        client.run(&format!("LIQ.MADD quiet:{series} EVENTS{events}"));
    }
    put_ballast(&mut client);
    // So few events that panes would take more room than they do.
    client.run("LIQ.CREATE sparse").ok();
    client.run("LIQ.ADD busy * sell 100 5");
    client.run("TICK.ADD market * buy 100 1");
    assert_eq!(client.run("TRIG.SET market old ABOVE 500").field("state").text(), "armed");
    assert_eq!(client.run("LIQ.MEMORY").field("budget").int(), 0);
    assert!(client.run("LIQ.MEMORY").field("ratio").is_null());
    let mut subscriber = server.connect();
    subscriber.run("SUBSCRIBE __keyevent@0__:liq.mode");
    let steps = [(75, "compact", (1024, 6)), (88, "aggregate", (256, 5)), (97, "critical", (256, 5))];
    for (percent, name, kept) in steps {
        set_budget(&mut client, percent);
        wait_until(name, || mode(&mut client) == name);
        assert_eq!(client.info("liq_mode"), name);
        assert_eq!(subscriber.receive().array()[2].text(), "liq");
        wait_until("a series that nobody writes is brought to it", || detail(&mut client, "quiet:7") == kept);
        assert_eq!(detail(&mut client, "sparse"), (4096, 7));
    }
    for line in [
        "LIQ.CREATE new",
        "LIQ.ADD new * sell 100 5",
        "LIQ.MADD new EVENTS * sell 100 5",
        "TICK.CREATE new",
        "TICK.ADD new * buy 100 1",
        "TRIG.SET market new ABOVE 500",
    ] {
        assert!(client.run(line).error().starts_with("OOM "), "{line}");
    }
    assert_eq!(client.run("EXISTS new").int(), 0);
    assert!(!client.run("TRIG.SET market old ABOVE 600").is_error(), "what is armed may be moved");
    assert_eq!(client.run("LIQ.ADD busy * buy 100 5").field("status").text(), "accepted", "what is there goes on");
    client.run("RL.CREATE limiter LIMIT 5 PERIOD 1s").ok();
    client.run("CONFIG SET liq.memory-budget 0").ok();
    wait_until("there is enough again", || mode(&mut client) == "normal");
    wait_until("a series has its own detail again", || detail(&mut client, "quiet:7") == (8192, 7));
    client.run("LIQ.CREATE new").ok();
}

#[test]
fn what_was_recorded_of_another_time_stays_in_every_mode() {
    let primary = expecting_modes(Options::default().tcp().line("hz 100").start());
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    put_ballast(&mut client);
    // By a clock in the place of the server's, long ago.
    for batch in 0..10 {
        let at = |number: u64| T0 + (batch * 200 + number) * 1_000;
        let events: String = (1..=200).map(|number| format!(" {} sell 100 {number}", at(number))).collect();
        client.run(&format!("LIQ.MADD past AT {} EVENTS{events}", at(200)));
    }
    let last = T0 + 2_000_000;
    let count = |client: &mut Client| client.run(&format!("LIQ.STATS past WINDOW 6h AT {last}")).field("count").int();
    assert_eq!(count(&mut client), 2_000);
    for (percent, name, kept) in [(75, "compact", (1024, 6)), (97, "critical", (256, 5))] {
        set_budget(&mut client, percent);
        wait_until(name, || mode(&mut client) == name);
        wait_until("the series is brought to it", || detail(&mut client, "past") == kept);
        assert_eq!(client.run("LIQ.INFO past").field("events").int(), 2_000, "{name}");
        assert_eq!(count(&mut client), 2_000, "{name}");
    }
    client.run("CONFIG SET liq.memory-budget 0").ok();
    wait_until("the series has its own detail again", || detail(&mut client, "past") == (4096, 7));
    assert_eq!(count(&mut client), 2_000);
    primary.wait_for_replica(&replica);
    assert_eq!(replica.connect().digest("past"), client.digest("past"));
}

#[test]
fn a_budget_is_an_amount_of_memory() {
    let server = Server::start();
    let mut client = server.connect();
    for (budget, shown) in [("240mb", "240mb"), ("1024", "1kb"), ("0", "0"), ("1GB", "1gb")] {
        client.run(&format!("CONFIG SET liq.memory-budget {budget}")).ok();
        assert_eq!(client.run("CONFIG GET liq.memory-budget").array()[1].text(), shown);
    }
    for budget in ["-1", "much", "1.5mb", "", "99999999999999999999", "-5mb"] {
        let reply = client.call(&["CONFIG", "SET", "liq.memory-budget", budget]);
        assert!(reply.is_error(), "{budget}: {reply:?}");
    }
    assert_eq!(client.run("CONFIG GET liq.memory-budget").array()[1].text(), "1gb", "what is refused changes nothing");
}

#[test]
fn a_policy_that_removes_series_is_warned_of() {
    let mut server = Server::with(&["maxmemory 100mb", "maxmemory-policy volatile-ttl"]);
    server.expect_warning("removes whole series");
    let mut client = server.connect();
    let warning = |client: &mut Client| client.run("LIQ.MEMORY").field("warning").clone();
    assert!(warning(&mut client).text().contains("volatile-ttl"));
    assert!(server.log().contains("maxmemory-policy volatile-ttl removes whole series"), "told at load");
    client.run("CONFIG SET maxmemory-policy allkeys-lru").ok();
    assert!(warning(&mut client).text().contains("allkeys-lru"));
    assert!(server.log().contains("maxmemory-policy allkeys-lru removes whole series"), "told at CONFIG SET");
    client.run("CONFIG SET maxmemory-policy noeviction").ok();
    assert!(warning(&mut client).is_null());
    client.run("CONFIG SET maxmemory-policy allkeys-lru maxmemory 0").ok();
    assert!(warning(&mut client).is_null(), "nothing is removed without a bound");
}

const SYMBOLS: usize = 2_000;
/// A crash: an event of every symbol each ten seconds.
const GAP: u64 = 10_000;
/// Events of a symbol that are sent at once: of each symbol another number, as series that grow by the same byte at the same
/// time cross a size class of the allocator together, some percent of all memory between two looks.
const fn batch_of(symbol: usize) -> u64 {
    16 + symbol as u64 % 9
}

/// What is sent: events of all symbols, with heavy-tailed sizes.
struct Flood {
    start_ms: u64,
    random: fastrand::Rng,
    rounds: u64,
    /// Sizes of some of the symbols.
    watched: HashMap<usize, Vec<f64>>,
}

impl Flood {
    fn new(start_ms: u64) -> Self {
        let watched = (0..SYMBOLS).step_by(400).map(|symbol| (symbol, Vec::new())).collect();
        Self { start_ms, random: fastrand::Rng::with_seed(64), rounds: 0, watched }
    }

    /// A batch of every symbol.
    fn send(&mut self, client: &mut Client) {
        self.send_of(client, 0..SYMBOLS);
    }

    fn send_of(&mut self, client: &mut Client, symbols: impl Iterator<Item = usize>) {
        for symbol in symbols {
            let first = self.sent_to(symbol);
            let events: Vec<NewEvent<'_>> =
                (first..first + batch_of(symbol)).map(|number| self.event(number)).collect();
            if let Some(sizes) = self.watched.get_mut(&symbol) {
                sizes.extend(events.iter().map(|event| event.size));
            }
            let key = format!("liq:{symbol}");
            let reply = client.call(&[b"LIQ.MADDPACK", key.as_bytes(), &encode_events(&events)]);
            assert_eq!(reply.field("accepted").int() as u64, batch_of(symbol), "{reply:?}");
        }
        self.rounds += 1;
    }

    fn event(&mut self, number: u64) -> NewEvent<'static> {
        let size = (100.0 * self.random.f64().max(1e-6).powf(-0.8)).min(1e9);
        let ts_ms = Some(self.start_ms + number * GAP);
        NewEvent { ts_ms, side: Side::Sell, price: 100.0, size, exchange: None, id: None }
    }

    const fn sent_to(&self, symbol: usize) -> u64 {
        self.rounds * batch_of(symbol)
    }

    /// Batches of every symbol until the server is in critical mode.
    fn send_until_critical(&mut self, client: &mut Client) {
        let mut passed = vec!["normal".to_owned()];
        while passed.last().is_some_and(|mode| mode != "critical") {
            self.send(client);
            let now = mode(client);
            if passed.last() != Some(&now) {
                passed.push(now);
            }
            assert!(self.rounds < 300, "critical is never reached: {passed:?}");
        }
        let first_of = |name: &str| passed.iter().position(|mode| mode == name);
        let order = ["normal", "compact", "aggregate", "critical"].map(first_of);
        assert!(order.is_sorted() && order.iter().all(Option::is_some), "modes are entered in order: {passed:?}");
    }
}

/// Percentiles within the promise of the coarsest precision that was in force.
fn assert_near(client: &mut Client, flood: &Flood) {
    for (symbol, sizes) in &flood.watched {
        let mut sorted = sizes.clone();
        sorted.sort_by(f64::total_cmp);
        let found = client.run(&format!("LIQ.PCTL liq:{symbol} 10 50 80 95 99 WINDOW 24h"));
        for (found, percent) in found.numbers().into_iter().zip([10, 50, 80, 95, 99]) {
            let exact = sorted[(sorted.len() * percent).div_ceil(100) - 1];
            let error = (found.unwrap() - exact).abs() / exact;
            assert!(error <= 2_f64.powi(-6), "p{percent} of {symbol}: {found:?} for {exact}");
        }
    }
}

#[test]
fn a_flood_takes_resolution_and_no_event() {
    let options = Options::default().tcp().lines(&[
        "maxmemory 64mb",
        "maxmemory-policy noeviction",
        "liq.clock event",
        "liq.percentile 0",
        "appendonly yes",
        "hz 100",
    ]);
    let mut server = expecting_modes(options.start());
    // It ends while it rewrites its file, or not.
    server.expect_warning("There is a child rewriting the AOF");
    let mut client = server.connect();
    fill_with_others(&mut client, 0..16);
    let mut flood = Flood::new(1_735_689_600_000);
    flood.send_until_critical(&mut client);
    // What waits for the append-only file is not counted by the server either.
    let number = |client: &mut Client, name: &str| client.info(name).parse::<u64>().unwrap();
    let used = number(&mut client, "used_memory") - number(&mut client, "mem_not_counted_for_evict");
    assert!(used <= 64 << 20, "{used} bytes are above the limit");
    for symbol in (0..SYMBOLS).step_by(13) {
        let stats = client.run(&format!("LIQ.STATS liq:{symbol} WINDOW 24h"));
        assert_eq!(stats.field("count").int() as u64, flood.sent_to(symbol), "no event is lost");
    }
    assert_eq!(
        client.info("liq_accepted").parse::<u64>().unwrap(),
        (0..SYMBOLS).map(|symbol| flood.sent_to(symbol)).sum::<u64>()
    );
    assert_near(&mut client, &flood);
    wait_until("all are brought to it", || watched_keys().all(|key| detail(&mut client, &key) == (256, 5)));
    let held = digests(&mut client);
    // As the file says it, before anybody writes on. Short of memory all the while: as much as is given back meanwhile, no
    // mode is left, which would widen tails anew.
    server.add_line("maxmemory 32mb");
    server.restart();
    let mut client = server.connect();
    assert_eq!(digests(&mut client), held, "the append-only file gives the same series");
    client.run("DEBUG RELOAD").ok();
    assert_eq!(digests(&mut client), held, "a snapshot gives the same series");
    client.run("CONFIG SET maxmemory 64mb").ok();
    let replica = expecting_modes(Server::replica_of(&server, &["maxmemory 32mb", "hz 100"]));
    server.wait_for_replica(&replica);
    let mut there = replica.connect();
    wait_until("the replica is short of memory", || mode(&mut there) == "critical");
    flood.send(&mut client);
    wait_until("the replica heard of it", || digests(&mut client) == digests(&mut there));
    drop(replica);
    leave_mode_after_mode(&mut client);
    wait_until("the others have their detail again", || detail(&mut client, "liq:1999") == (4096, 7));
}

/// The rest of a bot's server: keys of a megabyte that do not expire.
fn fill_with_others(client: &mut Client, megabytes: Range<usize>) {
    for megabyte in megabytes {
        client.call(&[b"SET", format!("other:{megabyte}").as_bytes(), &vec![b'x'; 1 << 20]]).ok();
    }
}

fn evicted(client: &mut Client) -> i64 {
    client.run("LIQ.MEMORY").field("evicted_keys").int()
}

/// All seven in a soak, one of each kind else.
#[test]
fn a_flood_is_taken_in_whole_by_the_modes_whatever_the_server_may_evict() {
    let all = [
        "volatile-ttl",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-lru",
        "volatile-lfu",
        "volatile-random",
    ];
    let is_soak = std::env::var_os("LIQ_SOAK").is_some();
    all[..if is_soak { all.len() } else { 2 }].iter().for_each(|policy| flood_under(policy));
}

fn flood_under(policy: &str) {
    let policy_line = format!("maxmemory-policy {policy}");
    let lines = ["maxmemory 64mb", policy_line.as_str(), "liq.percentile 0", "hz 100"];
    let mut server = expecting_modes(Server::with(&lines));
    server.expect_warning("removes whole series");
    let mut client = server.connect();
    client.run("LIQ.CREATE stays IDLE 0").ok();
    fill_with_others(&mut client, 0..16);
    // By the server's clock, as only such series are given an expiry by IDLE.
    let mut flood = Flood::new(client.time_ms() - 20 * 3_600_000);
    flood.send_until_critical(&mut client);
    assert_eq!(evicted(&mut client), 0, "{policy}: the modes come first");
    for symbol in (0..SYMBOLS).step_by(13) {
        let info = client.run(&format!("LIQ.INFO liq:{symbol}"));
        assert_eq!(info.field("events").int() as u64, flood.sent_to(symbol), "{policy}: no event is lost");
    }
    assert_near(&mut client, &flood);
    // Now the others take what room is left, and more.
    fill_with_others(&mut client, 16..24);
    let taken = evicted(&mut client);
    assert!(taken > 0, "{policy} evicts nothing");
    let mut gone = 0;
    for symbol in 0..SYMBOLS {
        let info = client.run(&format!("LIQ.INFO liq:{symbol}"));
        if info.is_error() {
            gone += 1;
        } else {
            let held = info.field("events").int() as u64;
            assert_eq!(held, flood.sent_to(symbol), "{policy}: what is kept is kept whole");
        }
    }
    if policy.starts_with("volatile-") {
        let left = client.run("EXISTS stays other:0 other:15 other:16 other:23").int();
        assert_eq!((left, gone), (5, taken), "{policy} takes series, and nothing that has no expiry");
    }
}

/// Series go, some at a time: each mode is left when the ratio says so, and none comes again.
fn leave_mode_after_mode(client: &mut Client) {
    let mut passed = Vec::new();
    for symbol in 0..SYMBOLS / 2 {
        client.run(&format!("UNLINK liq:{symbol}"));
        if symbol % 50 != 49 {
            continue;
        }
        let mut now = Mode::Normal;
        wait_until("the mode is that of the ratio", || {
            let info = client.run("LIQ.MEMORY");
            let name = info.field("mode").text();
            now = Mode::ALL.into_iter().find(|mode| mode.name() == name).unwrap();
            client.info("lazyfree_pending_objects") == "0" && now.at((info.field("ratio").f64() * 1e3) as u64) == now
        });
        if passed.last() != Some(&now) {
            passed.push(now);
        }
    }
    assert!(passed.is_sorted_by(|before, after| after < before), "modes are left in order: {passed:?}");
    assert!(passed.contains(&Mode::Compact) && passed.last() == Some(&Mode::Normal), "{passed:?}");
}

fn watched_keys() -> impl Iterator<Item = String> {
    (0..SYMBOLS).step_by(97).map(|symbol| format!("liq:{symbol}"))
}

fn digests(client: &mut Client) -> Vec<(String, String)> {
    watched_keys().map(|key| (client.digest(&key), key)).collect()
}

#[test]
fn a_replica_holds_what_its_primary_decided() {
    let primary = expecting_modes(Options::default().tcp().line("hz 100").start());
    let mut client = primary.connect();
    for series in 0..20 {
        let events: String =
            (1..600).map(|n| format!(" {} sell {} {}", n * 1000, 100 + n % 7, n * 31 % 977 + 1)).collect();
        client.run(&format!("LIQ.CREATE k:{series} CLOCK EVENT TAIL 300")).ok();
        client.run(&format!("LIQ.MADD k:{series} EVENTS{events}"));
    }
    let replica = expecting_modes(Server::replica_of(&primary, &["liq.memory-budget 1kb", "hz 100"]));
    primary.wait_for_replica(&replica);
    let mut there = replica.connect();
    wait_until("the replica is short of memory", || mode(&mut there) == "critical");
    let picture = |client: &mut Client| -> Vec<(String, String)> {
        let digests: Vec<_> = (0..20).map(|n| (format!("digest of k:{n}"), client.digest(&format!("k:{n}")))).collect();
        let lines = (0..20).flat_map(|n| [format!("LIQ.PCTL k:{n} 50 99"), format!("LIQ.STATS k:{n}")]);
        let answers = lines.map(|line| (line.clone(), format!("{:?}", client.run(&line)))).collect::<Vec<_>>();
        [digests, answers].concat()
    };
    assert_same(&picture(&mut client), &picture(&mut there), "a replica short of memory");
    client.run("CONFIG SET liq.memory-budget 1kb").ok();
    wait_until("all series are brought to it", || (0..20).all(|n| detail(&mut client, &format!("k:{n}")) == (256, 5)));
    // What was freed may give the detail back, so there may be more than one step.
    wait_until("the replica heard of every step", || picture(&mut client) == picture(&mut there));
    client.run("DEBUG RELOAD").ok();
    assert_same(&picture(&mut client), &picture(&mut there), "a reload");
}
