//! The exact shape of every reply in RESP2 and RESP3: names, order and types.

use crate::support::{Reply, Server};
use crate::twin::T0;

/// A letter per type, as `shape` writes it.
fn shape(reply: &Reply) -> String {
    match reply {
        Reply::Nil => "_".into(),
        Reply::Int(_) => ":".into(),
        Reply::Bytes(_) => "$".into(),
        Reply::Status(_) => "+".into(),
        Reply::Double(_) => ",".into(),
        Reply::Bool(_) => "#".into(),
        Reply::Error(line) => panic!("no shape for an error: {line}"),
        Reply::Array(values) => format!("[{}]", values.iter().map(shape).collect::<Vec<_>>().join(" ")),
        Reply::Map(pairs) => {
            let pairs: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{} {}", name.text(), shape(value))).collect();
            format!("{{{}}}", pairs.join(" "))
        }
    }
}

/// Three events, the third of which gives a signal when repeated.
fn prepare(server: &Server) {
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 10").ok();
    client.run(&format!("LIQ.ADD s {T0} buy 100.5 10 EXCHANGE okx"));
    client.run(&format!("LIQ.ADD s {} sell 100 20.25", T0 + 1));
}

/// A command, its shape in RESP3, and in RESP2.
const CASES: &[(&str, &str, &str)] = &[
    ("LIQ.CREATE new", "+", "+"),
    ("LIQ.ALTER s PERCENTILE 10", "+", "+"),
    (
        "LIQ.ADD first 5 buy 100 10 AT 5",
        "{status $ rank _ threshold _ vwap _ deviation _ signal _}",
        "[$ $ $ _ $ _ $ _ $ _ $ _]",
    ),
    (
        "LIQ.ADD s 1700000000002 sell 90 30",
        "{status $ rank , threshold , vwap , deviation , signal $}",
        "[$ $ $ $ $ $ $ $ $ $ $ $]",
    ),
    (
        "LIQ.MADD s EVENTS 1700000000003 sell 90 30",
        "{future : late : small : duplicate : filtered : accepted : signals :}",
        "[$ : $ : $ : $ : $ : $ : $ :]",
    ),
    ("LIQ.PCTL s 50 80", "[, ,]", "[$ $]"),
    ("LIQ.PCTL missing 50 80", "[_ _]", "[_ _]"),
    ("LIQ.RANK s 50", "[,]", "[$]"),
    (
        "LIQ.VWAP s",
        "{vwap , volume , quantity , count : stddev , long_entry , short_entry ,}",
        "[$ $ $ $ $ $ $ : $ $ $ $ $ $]",
    ),
    (
        "LIQ.VWAP s BANDS 2 PRICE 100",
        "{vwap , volume , quantity , count : stddev , upper , lower , deviation , long_entry , short_entry ,}",
        "[$ $ $ $ $ $ $ : $ $ $ $ $ $ $ $ $ $ $ $]",
    ),
    (
        "LIQ.STATS s",
        "{count : volume , buy_count : sell_count : buy_volume , sell_volume , imbalance , min , max , mean , stddev , \
         vwap , p50 , p80 , p95 , p99 , first : last : per_minute , rate_ratio _ exact #}",
        "[$ : $ $ $ : $ : $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ $ : $ : $ $ $ _ $ :]",
    ),
    ("LIQ.RANGE s - + COUNT 1", "[[: $ , , $]]", "[[: $ $ $ $]]"),
    ("LIQ.HIST first WINDOW 1h AT 6", "[[, , :]]", "[[$ $ :]]"),
    ("LIQ.DIGEST s", "$", "$"),
    ("LIQ.RESET s", "+", "+"),
];

#[test]
fn every_reply_has_its_documented_shape_in_resp3() {
    let server = Server::start();
    prepare(&server);
    let mut client = server.connect_resp3();
    for (command, expected, _) in CASES {
        assert_shape(command, &client.run(command), expected);
    }
}

#[test]
fn every_reply_has_its_documented_shape_in_resp2() {
    let server = Server::start();
    prepare(&server);
    let mut client = server.connect();
    for (command, _, expected) in CASES {
        assert_shape(command, &client.run(command), expected);
    }
}

/// Fields may stand in another order than the contract lists them, which no client that reads names would notice.
#[track_caller]
fn assert_shape(command: &str, reply: &Reply, expected: &str) {
    let got = shape(reply);
    let sorted = |text: &str| {
        let inner = text.trim_matches(['{', '}', '[', ']']).split(' ').collect::<Vec<_>>();
        let mut pairs: Vec<String> = inner.chunks(2).map(|pair| pair.join(" ")).collect();
        pairs.sort();
        pairs.join(" ")
    };
    assert_eq!(sorted(&got), sorted(expected), "{command}: {reply:?}");
}

#[test]
fn info_is_a_map_of_typed_values_in_both_protocols() {
    let server = Server::start();
    prepare(&server);
    let info3 = server.connect_resp3().run("LIQ.INFO s");
    let info2 = server.connect().run("LIQ.INFO s");
    assert!(matches!(info3, Reply::Map(_)) && matches!(info2, Reply::Array(_)));
    assert_eq!(info3.field_names(), info2.field_names());
    let documented = [
        "events",
        "tail_events",
        "panes",
        "pane_ms",
        "first",
        "last",
        "memory",
        "total_accepted",
        "total_filtered",
        "total_small",
        "total_duplicate",
        "total_late",
        "total_future",
        "total_signals",
        "total_stale_signals",
        "exchanges",
    ];
    for field in documented {
        assert!(info3.has_field(field), "{field} is missing in {:?}", info3.field_names());
    }
    assert_eq!(info3.field("exchanges"), &Reply::Array(vec![Reply::Bytes(b"okx".to_vec())]));
}

#[test]
fn nested_statistics_are_maps_of_maps() {
    let server = Server::start();
    prepare(&server);
    let by3 = server.connect_resp3().run("LIQ.STATS s BY EXCHANGE");
    assert!(matches!(by3, Reply::Map(_)) && matches!(by3.field("okx"), Reply::Map(_)), "{by3:?}");
    let by2 = server.connect().run("LIQ.STATS s BY EXCHANGE");
    assert_eq!(by2.field("okx").field("count").int(), 1, "{by2:?}");
    let buckets3 = server.connect_resp3().run("LIQ.STATS s WINDOW 1h BUCKET 30m");
    assert!(buckets3.array().iter().all(|row| matches!(row, Reply::Map(_)) && row.has_field("start")), "{buckets3:?}");
    let buckets2 = server.connect().run("LIQ.STATS s WINDOW 1h BUCKET 30m");
    assert_eq!(buckets2.array().len(), buckets3.array().len());
}

#[test]
fn doubles_of_resp2_are_the_shortest_text_that_reads_back() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT").ok();
    for (at, text) in ["0.1", "100", "1e15", "123456.789012345", "1e-9", "0.30000000000000004", "33.333333333333336"]
        .iter()
        .enumerate()
    {
        client.run(&format!("LIQ.ADD s {} buy 100 {text}", T0 + at as u64));
        let row = client.run(&format!("LIQ.RANGE s {} +", T0 + at as u64));
        let got = row.array()[0].array()[3].text();
        assert_eq!(got.parse::<f64>().unwrap(), text.parse::<f64>().unwrap(), "{text}");
        assert!(
            got.len() <= format!("{:e}", text.parse::<f64>().unwrap()).len().max(text.len()).max(18),
            "{got} for {text}"
        );
        assert!(!got.ends_with(".0"), "{got}");
    }
    let row = client.run("LIQ.RANGE s - + COUNT 2");
    assert_eq!(row.array()[0].array()[3].text(), "0.1");
    assert_eq!(row.array()[1].array()[3].text(), "100");
}

#[test]
fn the_same_values_come_in_both_protocols() {
    let server = Server::start();
    prepare(&server);
    let (mut two, mut three) = (server.connect(), server.connect_resp3());
    for read in ["LIQ.PCTL s 50", "LIQ.RANK s 15"] {
        assert_eq!(two.run(read).numbers(), three.run(read).numbers(), "{read}");
    }
    for read in ["LIQ.VWAP s BANDS 1", "LIQ.STATS s"] {
        let (two, three) = (two.run(read), three.run(read));
        for (name, value) in three.fields() {
            if name == "exact" {
                assert_eq!(two.field(&name).bool(), value.bool());
            } else {
                assert_eq!(two.field(&name).number(), value.number(), "{read} {name}");
            }
        }
    }
}
