//! TICK.CREATE, TICK.ADD, TICK.MADD, TICK.QUOTE, TICK.LAST, TICK.RANGE, TICK.INFO: the example of the contract, and what
//! becomes of what.

use crate::support::{Client, Server};

const M: u64 = 1_723_161_300_000;

fn status(client: &mut Client, line: &str) -> String {
    client.run(line).array()[0].text()
}

#[test]
fn one_tick_moves_price_and_candles_and_closes_what_ended() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE tick:{BTCUSDT} ORDER ID").ok();
    assert_eq!(client.run("TICK.CREATE tick:{BTCUSDT}").error(), "ERR key already exists");
    let reply = client.run(&format!("TICK.ADD tick:{{BTCUSDT}} {} buy 61755.70 0.012 ID 5266585715", M + 123));
    assert_eq!(reply.array().len(), 3);
    assert_eq!((reply.array()[0].text(), reply.array()[1].array().len()), ("accepted".to_owned(), 0));
    let reply = client.run(&format!("TICK.ADD tick:{{BTCUSDT}} {} sell 60950.10 3 ID 5266585716", M + 60_001));
    let closed = &reply.array()[1].array()[0];
    assert_eq!((closed.array()[0].text(), closed.array()[1].int() as u64), ("1m".to_owned(), M));
    let rows = client.run("CANDLE.RANGE tick:{BTCUSDT} 1m COUNT 1 CLOSED");
    assert_eq!(rows.array().len(), 1, "by the clock the second minute has ended as well: {rows:?}");
    let first = client.run(&format!("CANDLE.RANGE tick:{{BTCUSDT}} 1m {M} {M}"));
    let row: Vec<String> = first.array()[0].array().iter().map(crate::candles::shown).collect();
    let start = M.to_string();
    let end = (M + 59_999).to_string();
    let price = "61755.7";
    assert_eq!(
        row,
        [&start, price, price, price, price, "0.012", &end, "741.0684", "1", "0.012", "741.0684", "partial"]
    );
    let last = client.run("TICK.LAST tick:{BTCUSDT}");
    assert_eq!((last.field("price").text(), last.field("ts").int() as u64), ("60950.1".to_owned(), M + 60_001));
    assert!(last.field("stale").bool());
    assert!(client.run("TICK.LAST tick:{BTCUSDT} MAXAGE 10s").field("price").is_null());
}

#[test]
fn replies_are_alike_in_both_protocols() {
    let server = Server::start();
    let (mut two, mut three) = (server.connect(), server.connect_resp3());
    for second in 0..200 {
        two.run(&format!(
            "TICK.ADD k {} {} {}.5 0.{second} ID t{second}",
            M + second * 1000,
            ["buy", "sell"][second as usize % 2],
            100 + second
        ));
    }
    two.run(&format!("TICK.QUOTE k {M} BID 99.5 1 ASK 100.25 2 MARK 100 INDEX 100.1"));
    for read in [
        "TICK.RANGE k - + COUNT 5 REV SIDE sell".to_owned(),
        "CANDLE.RANGE k 1m".to_owned(),
        "CANDLE.RANGE k 1m AS ohlcv".to_owned(),
        "CANDLE.RANGE k 1m AS pack".to_owned(),
        format!("CANDLE.RANGE k 3m FILL AT {}", M + 400_000),
    ] {
        assert_eq!(format!("{:?}", two.run(&read)), format!("{:?}", three.run(&read)), "{read}");
    }
    let full = two.run("TICK.LAST k FULL WINDOW 36500d");
    assert_eq!(full.field("mid").text(), "99.875");
    assert_eq!((full.field("trades").int(), full.field("id").text()), (200, "t199".to_owned()));
    assert_eq!(three.run("TICK.LAST k FULL WINDOW 36500d").field("vwap").f64(), full.field("vwap").f64());
}

#[test]
fn an_aggregated_trade_of_one_is_that_one() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE n ORDER ID CLOCK EVENT").ok();
    assert_eq!(status(&mut client, &format!("TICK.ADD n {M} buy 100 1 ID 5-5")), "accepted");
    assert_eq!(status(&mut client, &format!("TICK.ADD n {M} buy 100 1 ID 5")), "duplicate");
    let reply = client.run(&format!("TICK.MADD n IDS TICKS {M} buy 101 1 6-6 {M} buy 102 1 7-9"));
    assert_eq!(reply.field("accepted").int(), 2);
    let ids = client.run("TICK.RANGE n - +");
    let ids: Vec<String> = ids.array().iter().map(|row| row.array()[4].text()).collect();
    assert_eq!(ids, ["5", "6", "7-9"]);
    assert!(client.run(&format!("TICK.ADD n {M} buy 100 1 ID 9-5")).error().starts_with("ERR ID: must be an integer"));
    client.run("TICK.CREATE t CLOCK EVENT").ok();
    client.run(&format!("TICK.ADD t {M} buy 100 1 ID 5-5"));
    assert_eq!(client.run("TICK.RANGE t - +").array()[0].array()[4].text(), "5-5", "here it is a name");
}

#[test]
fn batches_count_once_and_packed_ticks_are_the_same() {
    let server = Server::start();
    let mut client = server.connect();
    let line = |key: &str| {
        format!(
            "TICK.MADD {key} BATCH me 7 IDS TICKS {M} buy 100 1 a {} sell 101 2 b {} - 102 3 \"\"",
            M + 1,
            M + 60_000
        )
    };
    let reply = client.run(&line("k"));
    assert_eq!((reply.field("accepted").int(), reply.field("closed").int()), (3, 1));
    let again = client.run(&line("k"));
    assert_eq!((again.field("accepted").int(), again.field("duplicate").int()), (0, 3));
    let payload = rmp_serde::to_vec(&(
        (M, "buy", "100", 1, "a"),
        (M + 1, 1, 101, 2.0, "b"),
        (M + 60_000, None::<u8>, "102", "3", None::<u8>),
    ))
    .unwrap();
    let reply = client.call(&[b"TICK.MADD".as_slice(), b"p", b"PACK", &payload]);
    assert_eq!(reply.field("accepted").int(), 3, "{reply:?}");
    for read in ["TICK.RANGE KEY - +", "CANDLE.RANGE KEY 1m"] {
        let [k, p] = ["k", "p"].map(|key| client.run(&read.replace("KEY", key)));
        assert_eq!(k, p, "{read}");
    }
}

#[test]
fn nothing_that_belongs_nowhere_makes_a_market() {
    let server = Server::start();
    let mut client = server.connect();
    let far = client.time_ms() + 3_600_000;
    assert_eq!(status(&mut client, &format!("TICK.ADD k {far} buy 1 1")), "future");
    assert_eq!(status(&mut client, &format!("TICK.QUOTE k {far} BID 1 1")), "future");
    assert_eq!(client.run("EXISTS k").int(), 0);
    assert_eq!(status(&mut client, "TICK.QUOTE k * MARK 5"), "accepted");
    assert_eq!(status(&mut client, "TICK.ADD k * buy 5 1"), "accepted");
    let info = client.run("TICK.INFO k");
    assert_eq!((info.field("total_accepted").int(), info.field("ticks").int()), (2, 1));
    assert!(info.field("memory").int() > 0);
    let gap = &info.field("gaps").array()[0];
    assert_eq!(gap.array()[0].int(), 0, "the feed began here");
    assert_eq!(client.info("liq_markets"), "1");
    assert_eq!(client.info("liq_ticks"), "4");
}

#[test]
fn a_market_nobody_feeds_expires() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.ADD k * buy 5 1");
    let ttl = client.run("TTL k").int();
    assert!((30 * 86_400..=32 * 86_400).contains(&ttl), "{ttl}");
    client.run("TICK.ALTER k IDLE 0").ok();
    assert_eq!(client.run("TTL k").int(), -1);
    client.run("TICK.CREATE e CLOCK EVENT").ok();
    client.run(&format!("TICK.ADD e {M} buy 5 1"));
    assert_eq!(client.run("TTL e").int(), -1);
    assert_eq!(client.run("TICK.LAST e").field("age").int(), 0, "now is the newest tick");
}

#[test]
fn memory_stays_within_what_is_promised() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE empty").ok();
    let empty = client.run("MEMORY USAGE empty").int();
    assert!(empty <= 2048, "an empty market takes {empty} bytes");
    client.run("TICK.CREATE k TAIL 0 CLOCK EVENT").ok();
    let lines: Vec<String> = (0..1500_u64)
        .flat_map(|minute| {
            (0..4).map(move |trade| {
                let (ts, price) =
                    (M + minute * 60_000 + trade * 13_000 + minute % 977, 60_000 + minute * 31 % 700 + trade * 7);
                format!(
                    "TICK.ADD k {ts} {} {price}.{} {}.{:03} ID {}",
                    ["buy", "sell"][trade as usize % 2],
                    trade,
                    minute % 9,
                    minute * 7 % 1000,
                    minute * 4 + trade
                )
            })
        })
        .collect();
    for reply in client.pipeline(&lines) {
        assert_eq!(reply.array()[0].text(), "accepted");
    }
    assert_eq!(client.run("CANDLE.RANGE k 1m - + COUNT 5000").array().len(), 1500);
    let taken = client.run("MEMORY USAGE k SAMPLES 0").int();
    assert!(taken <= 68 * 1024, "1,500 minutes take {taken} bytes");
    println!("an empty market takes {empty} bytes, 1,500 minutes of nine columns {taken}");
}
