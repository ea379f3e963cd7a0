//! Markets while memory is short: raw ticks and old minutes go, on every market whether it is fed or not, and no tick that
//! comes does. What went is the same on replicas and in files.

use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

const M: u64 = 1_735_689_600_000;
const MARKETS: usize = 12;
/// Ticks of a market that nobody feeds any more, 15 seconds apart: ten hours.
const TICKS: u64 = 2_400;
const SIX_HOURS: i64 = 6 * 3_600_000;

/// Markets that hold more than memory modes leave.
fn fill(client: &mut Client) {
    for market in 0..MARKETS {
        client.run(&format!("TICK.CREATE quiet:{market} CLOCK EVENT TAIL 3000")).ok();
        feed(client, &format!("quiet:{market}"), 0, TICKS);
    }
}

fn feed(client: &mut Client, key: &str, from: u64, count: u64) {
    let tick = |n: u64| format!(" {} buy {}.5 0.{}", M + n * 15_000, 100 + n * 37 % 90, 1 + n % 9);
    for first in (from..from + count).step_by(800) {
        let ticks: String = (first..(first + 800).min(from + count)).map(tick).collect();
        let reply = client.run(&format!("TICK.MADD {key} TICKS{ticks}"));
        assert_eq!(reply.field("accepted").int() as u64, 800.min(from + count - first), "{reply:?}");
    }
}

/// Ticks kept raw and held raw, how far back minutes reach, how many minutes are held.
fn held(client: &mut Client, key: &str) -> (i64, i64, Option<i64>, i64) {
    let info = client.run(&format!("TICK.INFO {key}"));
    let fine = info.field("fine_now");
    let fine = if fine.is_null() { None } else { Some(fine.int()) };
    (info.field("tail_now").int(), info.field("ticks").int(), fine, info.field("candles").field("1m").array()[0].int())
}

fn mode(client: &mut Client) -> String {
    client.run("LIQ.MEMORY").field("mode").text()
}

fn expecting_modes(mut server: Server) -> Server {
    server.expect_warning("liq: memory mode");
    server
}

/// What no mode takes: candles from five minutes on, prices, triggers.
fn kept(client: &mut Client) -> Vec<String> {
    let keys = (0..MARKETS).map(|market| format!("quiet:{market}"));
    let reads = ["CANDLE.RANGE KEY 5m - + COUNT 5000 AS pack", "CANDLE.RANGE KEY 1h - +", "TICK.LAST KEY FULL"];
    let lines = keys.flat_map(|key| reads.map(|read| read.replace("KEY", &key)));
    lines.map(|line| format!("{line}: {:?}", client.run(&line))).collect()
}

fn digests(client: &mut Client) -> Vec<String> {
    (0..MARKETS).map(|market| client.digest(&format!("quiet:{market}"))).collect()
}

#[test]
fn every_mode_has_its_cut_and_is_left_again() {
    let server = expecting_modes(Server::with(&["hz 100"]));
    let mut client = server.connect();
    fill(&mut client);
    feed(&mut client, "busy", 0, 10);
    // What no mode can take, so that a mode stays while it is looked at.
    let payload = "x".repeat(1_000);
    let stops: Vec<String> = (0..3_000).map(|n| format!("TRIG.SET busy {n} ABOVE 900000 PAYLOAD {payload}")).collect();
    assert!(client.pipeline(&stops).iter().all(|reply| !reply.is_error()));
    let before = kept(&mut client);
    assert_eq!(held(&mut client, "quiet:3"), (3_000, 2_400, None, 600));
    let mut watcher = server.connect();
    watcher.run("WATCH quiet:5").ok();
    let steps = [
        (75, "compact", (1_024, 1_024, None, 600)),
        (88, "aggregate", (256, 256, Some(SIX_HOURS), 361)),
        (97, "critical", (256, 256, Some(SIX_HOURS), 361)),
    ];
    for (percent, name, due) in steps {
        let used = client.run("LIQ.MEMORY").field("used").int();
        client.run(&format!("CONFIG SET liq.memory-budget {}", used * 100 / percent)).ok();
        wait_until(name, || mode(&mut client) == name);
        for market in 0..MARKETS {
            wait_until("a market that nobody feeds is brought to it", || {
                held(&mut client, &format!("quiet:{market}")) == due
            });
        }
        assert!(kept(&mut client) == before, "{name}: prices or candles are others");
    }
    watcher.run("MULTI").ok();
    watcher.run("PING");
    assert!(watcher.run("EXEC").is_null(), "watchers are told");
    for line in [
        "TICK.CREATE new",
        "TICK.ADD new * buy 100 1",
        "TICK.QUOTE new * BID 100 1",
        "CANDLE.PUT new 1m OHLCV 1735689600000 1 1 1 1 1",
        "TRIG.SET busy new ABOVE 500",
    ] {
        assert!(client.run(line).error().starts_with("OOM "), "{line}");
    }
    assert_eq!(client.run("EXISTS new").int(), 0);
    feed(&mut client, "quiet:3", TICKS, 1_000);
    let info = client.run("TICK.INFO quiet:3");
    assert_eq!(info.field("total_accepted").int(), 3_400, "every tick of a market there is is recorded");
    assert_eq!(held(&mut client, "quiet:3"), (256, 256, Some(SIX_HOURS), 361), "a minute comes, a minute goes");
    client.run("CONFIG SET liq.memory-budget 0").ok();
    wait_until("there is enough again", || held(&mut client, "quiet:7") == (3_000, 256, None, 361));
    feed(&mut client, "quiet:7", TICKS, 1_000);
    assert_eq!(held(&mut client, "quiet:7"), (3_000, 1_256, None, 611), "what comes is kept by the settings again");
    client.run("TICK.CREATE new").ok();
}

#[test]
fn a_replica_and_the_files_hold_what_the_primary_decided() {
    let options = Options::default().tcp().lines(&["hz 100", "appendonly yes"]);
    let mut primary = expecting_modes(options.start());
    let mut client = primary.connect();
    fill(&mut client);
    let replica = expecting_modes(Server::replica_of(&primary, &["liq.memory-budget 1kb", "hz 100"]));
    primary.wait_for_replica(&replica);
    let mut there = replica.connect();
    wait_until("the replica is short of memory", || mode(&mut there) == "critical");
    assert_eq!(digests(&mut client), digests(&mut there), "a replica short of memory gives up nothing by itself");
    assert_eq!(held(&mut there, "quiet:3").1, 2_400);
    client.run("CONFIG SET liq.memory-budget 1kb").ok();
    // The step is taken by whoever comes first: a tick, or the walk.
    feed(&mut client, "quiet:1", TICKS, 100);
    let is_brought = |client: &mut Client| (0..MARKETS).all(|n| held(client, &format!("quiet:{n}")).1 == 256);
    wait_until("all markets are brought to it", || is_brought(&mut client));
    wait_until("the replica heard of every step", || digests(&mut client) == digests(&mut there));
    let decided = digests(&mut client);
    client.run("DEBUG RELOAD").ok();
    assert_eq!(digests(&mut client), decided, "a file");
    drop(client);
    primary.restart();
    assert_eq!(digests(&mut primary.connect()), decided, "the append-only file");
}

#[test]
fn trimming_frees_what_markets_can_do_without() {
    let primary = Options::default().tcp().start();
    let mut client = primary.connect();
    fill(&mut client);
    let replica = Server::replica_of(&primary, &[]);
    primary.wait_for_replica(&replica);
    let mut there = replica.connect();
    let (before, saved) = (kept(&mut client), digests(&mut client));
    let used = client.run("LIQ.MEMORY").field("used").int();
    let freed = client.run("LIQ.TRIM").int();
    assert!(freed > 0, "room for ticks and candles that have not come");
    assert!(client.run("LIQ.MEMORY").field("used").int() <= used - freed / 2);
    assert!((kept(&mut client), digests(&mut client)) == (before.clone(), saved), "nothing that is held goes");
    assert_eq!(client.run("LIQ.TRIM").int(), 0, "nothing is left that nobody would miss");
    assert!(client.run("LIQ.TRIM AGGRESSIVE").int() > 0);
    assert_eq!(held(&mut client, "quiet:3"), (1_024, 1_024, None, 600));
    assert!(kept(&mut client) == before, "prices or candles are others");
    wait_until("the replica heard of it", || digests(&mut client) == digests(&mut there));
    feed(&mut client, "quiet:3", TICKS, 10);
    assert_eq!(
        held(&mut client, "quiet:3"),
        (3_000, 1_034, None, 603),
        "what comes next is kept by the settings again"
    );
}
