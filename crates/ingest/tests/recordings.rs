//! Every line of the recorded liquidations and every recorded frame gives the right events or a named reject.
//!
//! The recordings lie outside the project, in `../shared/data`; where the folder is absent these tests say so and pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use liq_ingest::contract::{Contract, Contracts};
use liq_ingest::event::{Event, Reject};
use liq_ingest::replay::{records, source::Source};
use liq_ingest::venue::{Decoder, Venue};

fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(folder);
    if !path.is_dir() {
        println!("skipped: no recordings in ../shared/data/{folder}");
        return None;
    }
    Some(path)
}

#[derive(Default)]
struct Outcome {
    records: u64,
    control: u64,
    events: Vec<Event>,
    rejects: BTreeMap<&'static str, usize>,
}

fn read(path: &Path, contracts: Contracts) -> Outcome {
    let mut outcome = Outcome::default();
    let mut decoder = Decoder::new(contracts);
    let source = Source::open(path, None).unwrap();
    records::read(source, None, &mut decoder, |record| {
        outcome.records += 1;
        outcome.control += u64::from(record.is_control);
        let items = record.batch.events.len() + record.batch.rejects.len();
        assert!(items > 0 || record.is_control, "record {} came to nothing: {}", record.number, record.text());
        outcome.events.append(&mut record.batch.events);
        for reject in &record.batch.rejects {
            *outcome.rejects.entry(reject.name()).or_default() += 1;
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    outcome
}

/// The capture format, read in the plainest way.
fn expected_of_capture(line: &str) -> Option<Event> {
    let fields: Vec<&str> = line.trim_end().split(',').collect();
    if fields.len() < 12 {
        return None;
    }
    let instrument = fields[0].rsplit("Trading Bot").next().unwrap();
    // `BTC_250627` is a delivery contract of the same pair, with a series of its own.
    let (base, date) =
        instrument.split_once('_').map_or((instrument, String::new()), |(base, date)| (base, format!("_{date}")));
    let quoted = base.len() > 4 && (base.ends_with("USDT") || base.ends_with("USDC"));
    let symbol = format!("{base}{}{date}", if quoted { "" } else { "USDT" });
    let price_text = if fields[6] == "None" { fields[5] } else { fields[6] };
    let price: f64 = price_text.parse().unwrap();
    let quantity: f64 = fields[9].parse().unwrap();
    Some(Event {
        exchange: "binance".into(),
        symbol: symbol.as_str().into(),
        ts_ms: fields[10].parse().unwrap(),
        side: if fields[1] == "SELL" { liq_ingest::event::Side::Sell } else { liq_ingest::event::Side::Buy },
        price,
        size: quantity * price,
        id: "".into(),
    })
}

#[test]
fn every_line_of_every_capture_is_stored_or_rejected_by_name() {
    let Some(folder) = shared("liquidations") else { return };
    let rows_of = [
        ("binance_um_forceorder_20240620_alejandro", 101),
        ("binance_um_forceorder_20240620_alejandro_big", 162),
        ("binance_um_forceorder_20240817_bands", 456),
        ("binance_um_forceorder_20240818_bands_big", 385),
        ("binance_um_forceorder_20250126_paulius", 3510),
        ("binance_um_forceorder_20250623_neoparth_early", 446),
        ("binance_um_forceorder_20250623_neoparth_early_big", 454),
    ];
    let files = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(files, rows_of.len(), "a new recording needs its line here");
    for (name, rows) in rows_of {
        let path = folder.join(format!("{name}.csv.gz"));
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
        let expected: Vec<Event> = text.lines().filter_map(expected_of_capture).collect();
        let outcome = read(&path, Contracts::default());
        assert_eq!(outcome.events.len(), rows, "{name}");
        for (event, expected) in outcome.events.iter().zip(&expected) {
            assert_eq!(event, expected, "{name}");
        }
        let headless = text.lines().count() - rows;
        let malformed = outcome.rejects.get("malformed_row").copied().unwrap_or_default();
        assert_eq!((malformed, outcome.rejects.len()), (headless, usize::from(headless > 0)), "{name}");
        assert!(outcome.events.iter().all(|event| !event.symbol.contains(' ')), "{name}");
    }
}

/// `exchange symbol side price size time id`, or the name of the reject, for each line of the frames.
const FRAMES: [&str; 20] = [
    "binance STGUSDT sell 0.1355 0.6775 1786172556607",
    "binance ETHUSDT sell 2704.51 97.36236 1738661434384",
    "binance IOTXUSDT sell 0.06669 244.15209 1634653599180",
    "binance BTCUSD_200925 sell 9352.7 300 1594622954021",
    "bybit ICPUSDT sell 2.585 50.9245 1789670094099 1789670094412.0",
    "bybit MARSCOINUSDT buy 0.12734 303.0692 1789670278053 1789670278264.0",
    "bybit PIPPINUSDT buy 0.02456 69.89776 1740480207110 1740480207578.0",
    "withdrawn_topic",
    "okx CNPYUSDT buy 0.4162 8894.194 1789669898955",
    "unknown_multiplier",
    "no_time",
    "table_change",
    "unknown_multiplier",
    "deribit BTCUSD sell 4469.5 1120 1584058044032 66460463",
    "deribit BTCUSD sell 4458.5 2500 1584058067675 66460626",
    "bitfinex BTCUSDT sell 9080 24.3940556 1593522802742 143683674",
    "execution",
    "aster PAIRUSDT sell 0.0044461 126.4826528 1789672621550",
    "unsupported_venue",
    "table_change",
];

fn shown(event: &Event) -> String {
    let Event { exchange, symbol, ts_ms, side, price, size, id } = event;
    // Sizes are products of decimals: shown without the last bits of the double.
    let size = (size * 1e9).round() / 1e9;
    format!("{exchange} {symbol} {} {price} {size} {ts_ms} {id}", side.name()).trim_end().to_owned()
}

#[test]
fn every_recorded_liquidation_frame_is_read_right() {
    let Some(folder) = shared("wire") else { return };
    let file = std::fs::File::open(folder.join("liquidation_frames.ndjson")).unwrap();
    let mut contracts = Contracts::default();
    contracts.set(Venue::Okx, "CNPY-USDT-SWAP", Contract::Base(10.0));
    let mut decoder = Decoder::new(contracts);
    let mut seen = 0;
    for (line, expected) in BufReader::new(file).lines().zip(FRAMES) {
        let line = line.unwrap();
        let mut batch = liq_ingest::event::Batch::default();
        let kind = liq_ingest::replay::lines::decode(&mut decoder, None, line.as_bytes(), &mut batch);
        let mut got: Vec<String> = batch.events.iter().map(shown).collect();
        // BitMEX's unknown multiplier is found before its missing time only when a receive time is known.
        got.extend(batch.rejects.iter().map(|reject| reject.name().to_owned()));
        let expected = if line.contains("TRXZ19") { "no_time" } else { expected };
        assert_eq!((got, kind), (vec![expected.to_owned()], liq_ingest::replay::lines::Line::Items), "{line}");
        seen += 1;
    }
    assert_eq!(seen, FRAMES.len());
}

#[test]
fn bitmex_takes_the_receive_time_and_unknown_contracts_are_no_dollars() {
    let rows = [
        (r#"[{"orderID":"a","symbol":"XBTUSD","side":"Buy","price":10106,"leavesQty":9214}]"#, Ok(9214.0)),
        (
            r#"[{"orderID":"b","symbol":"TRXZ19","side":"Buy","price":2.17e-06,"leavesQty":5000}]"#,
            Err(Reject::UnknownMultiplier),
        ),
    ];
    let mut decoder = Decoder::new(Contracts::default());
    for (data, expected) in rows {
        let frame = format!(r#"1600000000.5: {{"table":"liquidation","action":"insert","data":{data}}}"#);
        let mut batch = liq_ingest::event::Batch::default();
        liq_ingest::replay::lines::decode(&mut decoder, None, frame.as_bytes(), &mut batch);
        let got = batch.events.first().map(|event| (event.size, event.ts_ms, event.side.name()));
        match expected {
            Ok(size) => assert_eq!(got, Some((size, 1_600_000_000_500, "buy"))),
            Err(reject) => assert_eq!(batch.rejects, vec![reject]),
        }
    }
}

#[test]
fn recorded_sessions_of_other_channels_are_counted_by_name() {
    let Some(folder) = shared("wire") else { return };
    let cases = [
        ("cryptofeed_BINANCE_DELIVERY_ws_20210722.gz", 4372, 1),
        ("cryptofeed_BINANCE_FUTURES_ws_20210722.gz", 1536, 1),
    ];
    for (name, lines, control) in cases {
        let outcome = read(&folder.join(name), Contracts::default());
        assert!(outcome.events.is_empty(), "{name}");
        assert_eq!((outcome.records, outcome.control), (lines, control), "{name}");
        assert_eq!(outcome.rejects, BTreeMap::from([("not_liquidation", (lines - control) as usize)]), "{name}");
    }
    for name in ["cryptofeed_OKX_ws.gz", "hyperliquid_btc_l2_trades_20250126_hftbt.gz"] {
        let outcome = read(&folder.join(name), Contracts::default());
        let rejected: usize = outcome.rejects.values().sum();
        assert!(outcome.events.is_empty(), "{name}");
        assert_eq!(outcome.rejects.keys().copied().collect::<Vec<_>>(), ["not_liquidation"], "{name}");
        assert_eq!(outcome.records, outcome.control + rejected as u64, "{name}");
    }
}

#[test]
fn garbage_in_any_place_is_a_reject_and_never_fatal() {
    let frames = [
        r#"{"e":"forceOrder","E":1,"o":{"s":"ETHUSDT","S":"SELL","q":"0.036","p":"2694.06","ap":"2704.51","X":"FILLED","z":"0.036","T":1738661434384}}"#,
        r#"{"topic":"allLiquidation.A","type":"snapshot","ts":1789670094412,"data":[{"T":1789670094099,"s":"ICPUSDT","S":"Buy","v":"19.7","p":"2.585"}]}"#,
        r#"{"arg":{"channel":"liquidation-orders"},"data":[{"details":[{"bkPx":"0.4162","posSide":"short","side":"buy","sz":"2137","ts":"1789669898955"}],"instId":"BTC-USDT-SWAP"}]}"#,
        r#"{"table":"liquidation","action":"insert","data":[{"orderID":"a","symbol":"XBTUSD","side":"Buy","price":10106,"leavesQty":9214}]}"#,
        r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"trades.BTC-PERPETUAL.raw","data":[{"trade_id":"66460463","timestamp":1584058044032,"price":4469.5,"liquidation":"T","instrument_name":"BTC-PERPETUAL","direction":"sell","amount":1120}]}}"#,
        r#"[386841,[["pos",143683674,1593522802742,null,"tBTCF0:USTF0",0.00268657,9135.97,null,0,1,null,9080]]]"#,
    ];
    let odd = ["null", "{}", "[]", "\"\"", "\"nan\"", "1e400", "-1", "\"\\u0000\"", "[[[[]]]]", "true"];
    let mut decoder = Decoder::new(Contracts::default());
    let mut batch = liq_ingest::event::Batch::default();
    let mut decode = |line: &[u8]| {
        batch.clear();
        liq_ingest::replay::lines::decode(&mut decoder, None, line, &mut batch);
        batch.events.len()
    };
    for frame in frames {
        assert_eq!(decode(format!("1600000000.5: {frame}").as_bytes()), 1, "{frame}");
        for end in 0..frame.len() {
            decode(&frame.as_bytes()[..end]);
        }
        let value: serde_json::Value = serde_json::from_str(frame).unwrap();
        let text = value.to_string();
        // Every value of the frame in turn is replaced by something odd.
        for (at, _) in text.match_indices([':', ',', '[']) {
            let rest = &text[at + 1..];
            let end = at + 1 + rest.find([',', '}', ']']).unwrap_or(rest.len());
            for value in odd {
                decode(format!("1600000000.5: {}{value}{}", &text[..=at], &text[end..]).as_bytes());
            }
        }
    }
}

#[test]
fn tardis_and_snapshot_files_are_read_by_their_own_units() {
    let folder = tempfile::tempdir().unwrap();
    let tardis = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
        binance-futures,BTCUSDT,1700000000123456,1700000000200000,,sell,35000.5,0.5\n\
        bybit,BTCUSD,1700000000123456,1700000000200000,,buy,35000,700\n\
        okex-swap,BTC-USDT-SWAP,1700000000123456,1700000000200000,,buy,35000,10\n\
        bitmex,XBTUSD,1700000000123456,1700000000200000,abc,sell,35000,900\n\
        deribit,BTC-PERPETUAL,1700000000123456,1700000000200000,77,sell,35000,1000\n\
        ftx,BTC-PERP,1700000000123456,1700000000200000,,sell,35000,1\n\
        okex-swap,DOGE-USDT-SWAP,1700000000123456,1700000000200000,,sell,0.07,3\n";
    let path = folder.path().join("liquidations.csv");
    std::fs::write(&path, tardis).unwrap();
    let outcome = read(&path, Contracts::default());
    let sizes: Vec<f64> = outcome.events.iter().map(|event| event.size).collect();
    assert_eq!(sizes, [17500.25, 700.0, 3500.0, 900.0, 1000.0]);
    assert!(outcome.events.iter().all(|event| event.ts_ms == 1_700_000_000_123));
    assert_eq!(outcome.control, 1);
    assert_eq!(outcome.rejects, BTreeMap::from([("unsupported_venue", 1), ("unknown_multiplier", 1)]));

    let snapshot = "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,\
        last_fill_quantity,accumulated_fill_quantity\n1687651200000,SELL,LIMIT,IOC,3,30000.1,30100.0,FILLED,1,3\n";
    let path = folder.path().join("BTCUSD_PERP-liquidationSnapshot-2023-06-25.csv.zst");
    std::fs::write(&path, zstd::encode_all(snapshot.as_bytes(), 1).unwrap()).unwrap();
    let outcome = read(&path, Contracts::default());
    assert_eq!(outcome.events.iter().map(shown).collect::<Vec<_>>(), ["binance BTCUSD sell 30100 300 1687651200000"]);
}
