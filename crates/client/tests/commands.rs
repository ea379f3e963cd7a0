//! Every command as it goes over the wire.
#![allow(clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use liq_core::grammar::Args;
use liq_core::liq::request::{Madd, MaddPack};
use redis::{Arg, Cmd};
use redis_liq::{
    BatchOptions, ClockMode, DigestQuery, Event, Limit, LimitKind, RangeQuery, Scope, SeriesOptions, Side, StatsQuery,
    Timestamp, Usage, VwapQuery, command,
};

const MINUTE: Duration = Duration::from_secs(60);

fn args(command: &Cmd) -> Vec<&[u8]> {
    let bytes = |arg| match arg {
        Arg::Simple(bytes) => bytes,
        _ => panic!("a plain argument"),
    };
    command.args_iter().map(bytes).collect()
}

fn line(command: &Cmd) -> String {
    let words: Vec<_> = args(command).iter().map(|arg| arg.escape_ascii().to_string()).collect();
    words.join(" ")
}

fn event() -> Event<'static> {
    Event::new(1_000, Side::Sell, 99_850.5, 12_500.0)
}

fn now() -> Event<'static> {
    Event::new(Timestamp::Server, Side::Sell, 99_850.5, 12_500.0)
}

#[test]
fn commands_of_a_series_go_out_as_documented() {
    let scope = Scope::window(MINUTE).side(Side::Buy).at_ms(9);
    let options = SeriesOptions::new().retention(MINUTE * 60).percentile(90.0).clock(ClockMode::Event);
    let cases = [
        (command::liq_create("k", &options), "LIQ.CREATE k RETENTION 1h CLOCK EVENT PERCENTILE 90"),
        (command::liq_create_nx("k", &options), "LIQ.CREATE k NX RETENTION 1h CLOCK EVENT PERCENTILE 90"),
        (command::liq_alter("k", &SeriesOptions::new().signals("")), "LIQ.ALTER k SIGNALS "),
        (command::liq_info("k"), "LIQ.INFO k"),
        (command::liq_reset("k"), "LIQ.RESET k"),
        (command::liq_add("k", &event()), "LIQ.ADD k 1000 sell 99850.5 12500.0"),
        (
            command::liq_add_at("k", &event().exchange("okx").id("7"), 2_000),
            "LIQ.ADD k 1000 sell 99850.5 12500.0 EXCHANGE okx ID 7 AT 2000",
        ),
        (command::liq_add("k", &now()), "LIQ.ADD k * sell 99850.5 12500.0"),
        (command::liq_pctl("k", &[80.0, 99.9, 1e-6], &Scope::default()), "LIQ.PCTL k 80 99.9 0.000001"),
        (command::liq_rank("k", &[0.5], &scope), "LIQ.RANK k 0.5 WINDOW 60000 SIDE buy AT 9"),
        (
            command::liq_vwap("k", &VwapQuery::since_ms(5).bands(2.0).price(1.5).side(Side::Sell).at_ms(9)),
            "LIQ.VWAP k SINCE 5 BANDS 2 PRICE 1.5 SIDE sell AT 9",
        ),
        (command::liq_vwap("k", &VwapQuery::of(scope)), "LIQ.VWAP k WINDOW 60000 SIDE buy AT 9"),
        (
            command::liq_stats("k", &StatsQuery::of(scope).exchange("okx")),
            "LIQ.STATS k WINDOW 60000 SIDE buy AT 9 EXCHANGE okx",
        ),
        (command::liq_stats_by_exchange("k", &StatsQuery::default()), "LIQ.STATS k BY EXCHANGE"),
        (command::liq_stats_buckets("k", MINUTE, &StatsQuery::default()), "LIQ.STATS k BUCKET 1m"),
        (command::liq_range("k", &RangeQuery::default().count(5)), "LIQ.RANGE k 0 9007199254740992 COUNT 5"),
        (
            command::liq_range(
                "k",
                &RangeQuery::between_ms(1, 2).newest_first().min_size(3.0).side(Side::Buy).exchange("okx"),
            ),
            "LIQ.RANGE k 1 2 REV MINSIZE 3 SIDE buy EXCHANGE okx",
        ),
        (command::liq_hist("k", &scope), "LIQ.HIST k WINDOW 60000 SIDE buy AT 9"),
        (
            command::liq_digest("k", &DigestQuery::of(scope).centroids(50)),
            "LIQ.DIGEST k SIZE 50 WINDOW 60000 SIDE buy AT 9",
        ),
    ];
    for (command, expected) in cases {
        assert_eq!(line(&command), expected);
    }
}

#[test]
fn commands_of_a_rate_limit_go_out_as_documented() {
    let limits = [Limit::smooth(10, MINUTE), Limit::smooth_with_burst(10, MINUTE, 3), Limit::sliding(5, MINUTE / 60)];
    let aligned = [Limit::aligned(2400, MINUTE)];
    let cases = [
        (
            command::rl_check("k", &limits, 2),
            "RL.CHECK k LIMIT 10 PERIOD 1m LIMIT 10 PERIOD 1m BURST 3 LIMIT 5 PERIOD 1s SLIDING COST 2",
        ),
        (command::rl_check("k", &[], -1), "RL.CHECK k COST -1"),
        (command::rl_create("k", &aligned), "RL.CREATE k LIMIT 2400 PERIOD 1m ALIGNED"),
        (command::rl_peek("k", 1), "RL.PEEK k COST 1"),
        (
            command::rl_sync("k", &Usage::aligned(MINUTE, 1200).at_ms(7).force()),
            "RL.SYNC k PERIOD 1m ALIGNED USED 1200 AT 7 FORCE",
        ),
        (command::rl_sync("k", &Usage::of(LimitKind::Sliding, MINUTE, 0)), "RL.SYNC k PERIOD 1m SLIDING USED 0"),
        (command::rl_sync("k", &Usage::of(LimitKind::Gcra, MINUTE, 0)), "RL.SYNC k PERIOD 1m USED 0"),
        (command::rl_ban("k", MINUTE), "RL.BAN k 1m"),
        (command::rl_ban("k", Duration::ZERO), "RL.BAN k 0"),
        (command::rl_info("k"), "RL.INFO k"),
        (command::rl_reset("k"), "RL.RESET k"),
    ];
    for (command, expected) in cases {
        assert_eq!(line(&command), expected);
    }
}

#[test]
fn a_batch_of_one_exchange_is_plain_text() {
    let events = [event().exchange("okx").id("7"), event().exchange("okx")];
    let options = BatchOptions::new().producer("p", 4).at_ms(5);
    assert_eq!(
        line(&command::liq_madd("k", &events, &options)),
        "LIQ.MADD k EXCHANGE okx BATCH p 4 AT 5 IDS EVENTS 1000 sell 99850.5 12500.0 7 1000 sell 99850.5 12500.0 "
    );
}

#[test]
fn a_batch_of_several_exchanges_is_packed() {
    let events = [event().exchange("okx").id("7"), now()];
    let options = BatchOptions::new().producer("p", 4).at_ms(5);
    let command = command::liq_madd("k", &events, &options);
    let args = args(&command);
    let (name, rest) = args.split_at(2);
    assert_eq!(name, [&b"LIQ.MADDPACK"[..], b"k"]);
    let packed = MaddPack::parse(Args::new(rest)).expect("the module's own grammar");
    let decoded: Madd<'_> = packed.decode(2).expect("the module's own payload");
    let plain = command::liq_madd("k", &events[..1], &options);
    let plain = self::args(&plain);
    let plain = Madd::parse(Args::new(plain.split_at(2).1), 2).expect("the module's own grammar");
    assert_eq!((decoded.batch, decoded.at_ms), (plain.batch, plain.at_ms));
    assert_eq!(decoded.events.first(), plain.events.first());
    assert_eq!(decoded.events.last().map(|event| (event.ts_ms, event.exchange, event.id)), Some((None, None, None)));
}
