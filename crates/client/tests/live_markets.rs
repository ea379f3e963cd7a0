//! Markets and their triggers against a real server, in both protocols.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use liq_harness::Server;
use redis_liq::ticks::{
    Add, Candles, Cause, Decimal, DeleteTriggers, Id, Interval, Last, ListTriggers, Madd, NewTick, OptionsPatch, Order,
    Put, Quote, QuoteRequest, Range, Side, Source, State, Status, TriggerState, Unit, VenueRow, Which,
};
use redis_liq::{Error, Event, LiqCommands, LiqPipeline, Reply, SeriesOptions, Trigger, ticks};

const START_MS: u64 = 1_735_689_600_000;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn tick(ts_ms: u64, price: &str, id: u64) -> NewTick<'static> {
    let id = Id::Numbers { first: id, last: id };
    NewTick { ts_ms: Some(ts_ms), side: Side::Buy, price: Some(decimal(price)), qty: decimal("0.5"), id }
}

fn add(ts_ms: u64, price: &str, id: u64) -> Add<'static> {
    Add { tick: tick(ts_ms, price, id), gap: false, at_ms: None }
}

fn minute() -> Interval {
    Interval::parse("interval", b"1m").unwrap()
}

/// Connections in RESP2 and RESP3, each with a key of its own.
fn connections(server: &Server) -> [(&'static str, redis::Connection); 2] {
    [("{m}2", server.url()), ("{m}3", server.url_resp3())]
        .map(|(key, url)| (key, redis::Client::open(url).unwrap().get_connection().unwrap()))
}

#[test]
fn a_market_is_fed_and_read() {
    let server = Server::start();
    for (key, mut con) in connections(&server) {
        let options =
            OptionsPatch { order: Some(Order::Id), clock: Some(ticks::ClockMode::Event), ..Default::default() };
        con.tick_create(key, &options).unwrap();
        assert_eq!(con.tick_create(key, &options), Err(Error::KeyExists));
        con.tick_alter(key, &OptionsPatch { tail: Some(7), ..Default::default() }).unwrap();
        assert_eq!(con.tick_add(key, &add(START_MS, "100.10", 1)).unwrap().status, Status::Accepted);
        assert_eq!(con.tick_add(key, &add(START_MS, "100.10", 1)).unwrap().status, Status::Duplicate);
        let closing = con.tick_add(key, &add(START_MS + 60_000, "101", 2)).unwrap();
        assert_eq!((closing.closed.len(), closing.closed[0].start_ms, closing.fired.len()), (1, START_MS, 0));
        let ticks = vec![tick(START_MS + 60_001, "99.5", 3), tick(START_MS + 60_002, "102", 4)];
        let batch = con.tick_madd(key, &Madd { batch: None, gap: false, at_ms: None, ticks }).unwrap();
        assert_eq!((batch.accepted, batch.closed), (2, 0));
        let mut quote = QuoteRequest { ts_ms: Some(START_MS + 60_003), ..Default::default() };
        quote.quote = Quote { bid: Some((decimal("101"), decimal("3"))), mark: Some(decimal("101.75")), ..quote.quote };
        assert_eq!(con.tick_quote(key, &quote).unwrap().status, Status::Accepted);

        let last = con.tick_last(key, &Last { is_full: true, window_ms: Some(3_600_000), ..Last::default() }).unwrap();
        assert_eq!((last.price, last.age_ms, last.stale), (Some(decimal("102")), Some(1), Some(false)));
        assert_eq!((last.mark.value(), last.trades.value()), (Some(decimal("101.75")), Some(4)));
        let mark = con.tick_last(key, &Last { by: Some(Source::Mark), ..Last::default() }).unwrap();
        assert_eq!(mark.price, Some(decimal("101.75")));
        let range = Range { from_ms: 0, to_ms: START_MS * 2, is_reversed: true, count: Some(2), side: None };
        let newest: Vec<Decimal> = con.tick_range(key, &range).unwrap().iter().map(|row| row.price).collect();
        assert_eq!(newest, [decimal("102"), decimal("99.5")]);
        let rows = con.candle_range(key, &Candles::newest(minute())).unwrap();
        assert_eq!(
            (rows.len(), rows[1].high, rows[1].low, rows[1].state),
            (2, decimal("102"), decimal("99.5"), State::Open)
        );
        // What is summed up here by the crate that callers calculate with is what the server has summed up.
        let calculated = |text| rust_decimal::Decimal::from(decimal(text));
        let turnover =
            ["101", "99.5", "102"].map(calculated).into_iter().sum::<rust_decimal::Decimal>() * calculated("0.5");
        assert_eq!(rows[1].quote_volume.map(rust_decimal::Decimal::try_from), Some(Ok(turnover)));
        let row = VenueRow {
            start_ms: START_MS - 60_000,
            prices: ["98", "99", "97", "98.5"].map(decimal),
            volume: decimal("12.25"),
            quote: None,
            trades: None,
            taker_volume: None,
            taker_quote: None,
        };
        let unit = ticks_unit("1m");
        let put = con.candle_put(key, &Put { unit, is_whole: false, rows: vec![row] }).unwrap();
        assert_eq!((put.inserted, put.covered), (1, 0));
        let info = con.tick_info(key).unwrap();
        assert_eq!(
            (info.order, info.tail, info.total_accepted, info.total_duplicate),
            (Order::Id, 7, 5, 1),
            "a quote is accepted too"
        );
        assert_eq!(con.tick_info("{m}none"), Err(Error::NoSuchKey));
    }
}

fn ticks_unit(name: &str) -> Unit {
    ticks::UNITS.into_iter().find(|unit| unit.name == name).unwrap()
}

#[test]
fn triggers_are_set_listed_fired_and_gone() {
    let server = Server::start();
    for (key, mut con) in connections(&server) {
        let stop = Trigger::long("pos7").stop_loss(decimal("95.5")).take_profit(decimal("120")).payload("qty=1");
        assert_eq!(con.trig_set(key, &stop), Err(Error::NoSuchKey), "nobody feeds that market");
        let fresh = |price: &str| Add {
            tick: NewTick { ts_ms: None, id: Id::None, ..tick(0, price, 0) },
            gap: false,
            at_ms: None,
        };
        con.tick_add(key, &fresh("100")).unwrap();
        let set = con.trig_set(key, &stop).unwrap().expect("nothing holds it back");
        assert_eq!((set.state, set.price), (TriggerState::Armed, Some(decimal("100"))));
        assert!(con.trig_set(key, &stop.clone().only_new()).unwrap().is_none(), "it is there");
        let replies: (Option<Reply<ticks::SetReply>>, u64) = redis::pipe()
            .trig_set(key, &Trigger::alert("other").above(decimal("500")).only_known())
            .trig_del(key, &DeleteTriggers::Prefix(b"none"))
            .query(&mut con)
            .unwrap();
        assert_eq!((replies.0, replies.1), (None, 0));
        con.trig_set(key, &Trigger::short("trailing").trail_pct(5.0).by(Source::Mark)).unwrap();
        let all = ListTriggers { which: Which::All, after: None, count: None };
        let listed = con.trig_list(key, &all).unwrap();
        let told: Vec<_> = listed.iter().map(|row| (row.id.to_text().into_owned(), row.state)).collect();
        assert_eq!(told, [("pos7".into(), TriggerState::Armed), ("trailing".into(), TriggerState::Waiting)]);
        assert_eq!(listed[0].sl.map(|sl| sl.to_string()), Some("95.5".into()));
        assert_eq!((listed[1].trail_by, listed[1].sl), (Some(Source::Mark), None));
        let hit = con.tick_add(key, &fresh("95")).unwrap();
        assert_eq!(hit.fired.len(), 1);
        assert_eq!(
            (hit.fired[0].cause, hit.fired[0].fire.to_text().into_owned()),
            (Cause::Sl, format!("pos7:{}", set.arming))
        );
        assert_eq!(
            con.trig_del(key, &DeleteTriggers::Ids(vec![b"pos7", b"trailing"])).unwrap(),
            1,
            "the other has fired"
        );
        let refused = con.trig_set(key, &Trigger::long("x").stop_loss(decimal("5")).take_profit(decimal("4")));
        assert!(refused.is_err_and(|error| error.to_string().contains("SL: must be below TP")));
    }
}

#[test]
fn a_series_beside_a_market_tells_what_it_accepts() {
    let server = Server::start();
    for (key, mut con) in connections(&server) {
        let series = format!("liq:{key}");
        con.tick_add(key, &add(START_MS, "100", 1)).unwrap();
        let options =
            SeriesOptions::new().clock(redis_liq::ClockMode::Event).market(key).accepted_capped("out:{m}", 50);
        con.liq_create(&series, &options).unwrap();
        let judged = con.liq_add(&series, &Event::new(START_MS, redis_liq::Side::Sell, 90.0, 5.0)).unwrap();
        assert_eq!((judged.vwap, judged.signal), (Some(100.0), Some(redis_liq::Side::Buy)));
        let info = con.liq_info(&series).unwrap();
        assert_eq!((info.market.to_text(), info.accepted.to_text()), (key.into(), "out:{m}".into()));
        assert_eq!(info.accepted_max_len, 50);
        con.liq_alter(&series, &SeriesOptions::new().market("").accepted("")).unwrap();
        let info = con.liq_info(&series).unwrap();
        assert!(info.market.is_empty() && info.accepted.is_empty());
    }
    let told: usize = redis::cmd("XLEN").arg("out:{m}").query(&mut server.connect()).unwrap();
    assert_eq!(told, 2);
}
