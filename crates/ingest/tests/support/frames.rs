//! Liquidation frames as each venue words them, made up, and the recorded ones of `../shared/data` where they are.

use std::path::Path;

use super::exchange::{Script, Step};

/// How one venue speaks.
pub struct Dialect {
    pub venue: &'static str,
    pub expects: &'static [&'static str],
    pub greeting: &'static [&'static str],
    pub pulse: &'static str,
    pub keepalive: Option<(&'static str, &'static str)>,
    /// The n-th liquidation.
    pub frame: fn(u64) -> String,
    /// Whether a frame that comes again is recognised: not where the venue tells no time.
    pub knows_repeats: bool,
    /// Recorded frames that give an event.
    pub recorded: u64,
}

const START_MS: u64 = 1_790_000_000_000;

pub const DIALECTS: [Dialect; 7] = [
    Dialect {
        venue: "binance-um",
        expects: &["!forceOrder@arr", "btcusdt@markPrice@1s"],
        greeting: &[],
        pulse: r#"{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1"}}"#,
        keepalive: None,
        frame: |n| {
            format!(
                r#"{{"stream":"!forceOrder@arr","data":{{"e":"forceOrder","E":{0},"o":{{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.5","p":"100.5","ap":"{1}","X":"FILLED","l":"0.5","z":"0.5","T":{0},"st":1}}}}}}"#,
                START_MS + n,
                100 + n % 7
            )
        },
        knows_repeats: true,
        recorded: 3,
    },
    Dialect {
        venue: "binance-cm",
        expects: &["!forceOrder@arr", "btcusd_perp@markPrice@1s"],
        greeting: &[],
        pulse: r#"{"stream":"btcusd_perp@markPrice@1s","data":{"e":"markPriceUpdate","E":1,"s":"BTCUSD_PERP","p":"1"}}"#,
        keepalive: None,
        frame: |n| {
            format!(
                r#"{{"stream":"!forceOrder@arr","data":{{"e":"forceOrder","E":{0},"o":{{"s":"BTCUSD_PERP","ps":"BTCUSD","S":"BUY","o":"LIMIT","f":"IOC","q":"3","p":"100.5","ap":"101.5","X":"FILLED","l":"1","z":"3","T":{0}}}}}}}"#,
                START_MS + n
            )
        },
        knows_repeats: true,
        recorded: 1,
    },
    Dialect {
        venue: "bybit",
        expects: &["tickers.BTCUSDT", "allLiquidation.ICPUSDT", "allLiquidation.PIPPINUSDT"],
        greeting: &[],
        pulse: r#"{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{"symbol":"BTCUSDT"}}"#,
        keepalive: Some((r#"{"op":"ping"}"#, r#"{"success":true,"ret_msg":"pong","op":"ping"}"#)),
        frame: |n| {
            format!(
                r#"{{"topic":"allLiquidation.ICPUSDT","type":"snapshot","ts":{0},"data":[{{"T":{0},"s":"ICPUSDT","S":"Buy","v":"19.7","p":"2.5"}},{{"T":{0},"s":"ICPUSDT","S":"Buy","v":"19.7","p":"2.5"}}]}}"#,
                START_MS + n
            )
        },
        knows_repeats: true,
        recorded: 3,
    },
    Dialect {
        venue: "okx",
        expects: &["liquidation-orders", "mark-price"],
        greeting: &[],
        pulse: r#"{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[{"markPx":"1","ts":"1"}]}"#,
        keepalive: Some(("ping", "pong")),
        frame: |n| {
            format!(
                r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{{"bkLoss":"0","bkPx":"100","posSide":"net","side":"sell","sz":"7","ts":"{}"}}],"instFamily":"BTC-USDT","instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT"}}]}}"#,
                START_MS + n
            )
        },
        knows_repeats: true,
        recorded: 2,
    },
    Dialect {
        venue: "bitmex",
        expects: &["liquidation", "instrument:XBTUSD"],
        greeting: &[
            r#"{"info":"Welcome to the BitMEX Realtime API.","version":"2"}"#,
            r#"{"table":"liquidation","action":"partial","keys":["orderID"],"data":[]}"#,
        ],
        pulse: r#"{"table":"instrument","action":"update","data":[{"symbol":"XBTUSD","markPrice":1.5}]}"#,
        keepalive: Some(("ping", "pong")),
        frame: |n| {
            format!(
                r#"{{"table":"liquidation","action":"insert","data":[{{"orderID":"made-up-{n}","symbol":"XBTUSD","side":"Sell","price":10106.5,"leavesQty":{}}}]}}"#,
                100 + n
            )
        },
        knows_repeats: false,
        recorded: 1,
    },
    Dialect {
        venue: "deribit",
        expects: &["public/set_heartbeat", "trades.future.BTC.100ms"],
        greeting: &[],
        pulse: r#"{"jsonrpc":"2.0","method":"subscription","params":{"channel":"deribit_price_index.btc_usd","data":{"price":1}}}"#,
        keepalive: None,
        frame: |n| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"trades.future.BTC.100ms","data":[{{"trade_id":"{n}","timestamp":{0},"price":100.5,"liquidation":"MT","instrument_name":"BTC-PERPETUAL","direction":"sell","amount":1120}},{{"trade_id":"x{n}","timestamp":{0},"price":100.5,"instrument_name":"BTC-PERPETUAL","direction":"sell","amount":10}}]}}}}"#,
                START_MS + n
            )
        },
        knows_repeats: true,
        recorded: 2,
    },
    Dialect {
        venue: "bitfinex",
        expects: &["liq:global", "deriv:tBTCF0:USTF0"],
        greeting: &[r#"{"event":"info","version":2,"serverId":"x","platform":{"status":1}}"#, r#"[907,[]]"#],
        pulse: r#"[907,"hb"]"#,
        keepalive: None,
        frame: |n| {
            format!(r#"[907,[["pos",{n},{},null,"tBTCF0:USTF0",-0.5,9135.5,null,0,1,null,9080.5]]]"#, START_MS + n)
        },
        knows_repeats: true,
        recorded: 1,
    },
];

impl Dialect {
    /// Events in one made-up frame.
    pub fn per_frame(&self) -> u64 {
        if matches!(self.venue, "bybit" | "deribit") { 2 } else { 1 }
    }

    /// The recorded frames of this venue; none where the folder is absent.
    pub fn recorded_frames(&self) -> Vec<String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/wire/liquidation_frames.ndjson");
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("no recordings in ../shared/data: made-up frames only");
            return Vec::new();
        };
        let lines = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let own = lines.filter(|line| line["venue"].as_str().is_some_and(|venue| venue.starts_with(self.venue)));
        own.map(|line| line["frame"].to_string()).collect()
    }

    /// A day in the life of the venue: frames, garbage, pings, a cut, repeats, silence, and frames again. Also how
    /// many events are new and how many are repeated.
    pub fn script(&self) -> (Script, u64, u64) {
        let made_up = |range: std::ops::Range<u64>| range.map(|n| Step::Send((self.frame)(n))).collect::<Vec<_>>();
        let recorded = self.recorded_frames();
        let mut first: Vec<Step> = recorded.iter().cloned().map(Step::Send).collect();
        first.extend(made_up(0..40));
        first.push(Step::Ping);
        if self.venue == "deribit" {
            let request = r#"{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}"#;
            first.push(Step::Ask(request.into(), "public/test".into()));
        }
        for garbage in
            ["", "{", "[]", "{}", "nonsense", "[1,[[\"pos\"]]]", "{\"e\":\"forceOrder\"}", "null", "\"pong\""]
        {
            first.push(Step::Send(garbage.into()));
        }
        first.push(Step::Binary(vec![0xff, 0, 1, 2]));
        first.extend(made_up(40..60));
        // Once the pong is back all was read: a cut may destroy what is still on its way.
        first.extend([Step::Ping, Step::Cut]);
        let mut repeats = 0;
        let mut second = Vec::new();
        if self.knows_repeats {
            second.extend(made_up(50..60));
            repeats = 10 * self.per_frame();
        }
        second.extend(made_up(60..80));
        second.push(Step::Silence);
        let mut third = made_up(80..90);
        third.push(Step::Close);
        let fourth = made_up(90..100);
        let news = 100 * self.per_frame() + if recorded.is_empty() { 0 } else { self.recorded };
        let script = Script {
            expects: self.expects.to_vec(),
            greeting: self.greeting.to_vec(),
            pulse: self.pulse,
            keepalive: self.keepalive,
            sessions: vec![first, second, third, fourth],
        };
        (script, news, repeats)
    }
}
