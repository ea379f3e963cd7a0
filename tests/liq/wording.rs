//! The words of refusals: each names the argument that is wrong and shows what came, as it was written.

use rmp_serde::encode::to_vec;

use crate::support::{Client, Server};
use crate::twin::T0;

#[track_caller]
fn check(client: &mut Client, line: &str, expected: &str) {
    assert_eq!(client.run(line).error(), expected, "{line}");
}

#[test]
fn an_option_out_of_place_is_named() {
    let server = Server::start();
    let mut client = server.connect();
    for (line, expected) in [
        ("LIQ.MADD s EXCHANGE okx AT 5 IDS", "ERR EVENTS: missing, got ''"),
        ("LIQ.MADD s BATCH p 1 AT 5 IDS", "ERR EVENTS: missing, got ''"),
        ("LIQ.MADD s EVENTS * buy 100 10 AT 5", "ERR option: must stand before EVENTS, got 'AT'"),
        ("LIQ.MADD s EVENTS * buy 100 10 exchange okx", "ERR option: must stand before EVENTS, got 'exchange'"),
        ("LIQ.MADD s EVENTS * buy 100 10 *", "ERR wrong number of arguments for 'liq.madd' command"),
        ("LIQ.MADD s EXCHANGE EVENTS * buy 100 10", "ERR EXCHANGE: needs a value, got 'EVENTS'"),
        ("LIQ.ADD s * buy 100 10 EXCHANGE ID 5", "ERR EXCHANGE: needs a value, got 'ID'"),
        ("LIQ.ADD s * buy 100 10 EXCHANGE", "ERR EXCHANGE: needs a value, got ''"),
        ("LIQ.STATS s EXCHANGE WINDOW 1h", "ERR EXCHANGE: needs a value, got 'WINDOW'"),
        ("LIQ.RANGE s - + EXCHANGE COUNT 5", "ERR EXCHANGE: needs a value, got 'COUNT'"),
        ("LIQ.CREATE s MAXLEN 10", "ERR MAXLEN: must stand behind SIGNALS or ACCEPTED stream, got '10'"),
        (
            "LIQ.CREATE s SIGNALS out TAIL 300 MAXLEN 10",
            "ERR MAXLEN: must stand behind SIGNALS or ACCEPTED stream, got '10'",
        ),
        ("LIQ.VWAP s SINCE 77 WINDOW 1h", "ERR SINCE: excludes WINDOW, got '77'"),
        ("LIQ.VWAP s WINDOW 1h SINCE 77", "ERR SINCE: excludes WINDOW, got '77'"),
        ("LIQ.STATS s BUCKET 1m BY EXCHANGE", "ERR BY: excludes BUCKET, got 'EXCHANGE'"),
        ("LIQ.STATS s BY EXCHANGE BUCKET 1m", "ERR BUCKET: excludes BY EXCHANGE, got '1m'"),
    ] {
        check(&mut client, line, expected);
    }
    assert_eq!(client.run("EXISTS s").int(), 0);
    // Where it is an exchange's name all the same, it is taken for one.
    let added = client.run("LIQ.ADD s * buy 100 10 EXCHANGE ID ID 5");
    assert_eq!(added.field("status").text(), "accepted");
    assert_eq!(client.run("LIQ.INFO s").field("exchanges").array()[0].text(), "ID");
}

#[test]
fn too_many_questions_are_named_for_what_they_ask() {
    let server = Server::start();
    let mut client = server.connect();
    let many = " 5".repeat(1001);
    check(&mut client, &format!("LIQ.RANK s{many}"), "ERR size: more than 1000 values, got '5'");
    check(&mut client, &format!("LIQ.PCTL s{many}"), "ERR p: more than 1000 values, got '5'");
}

#[test]
fn what_cannot_be_altered_is_shown() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PRECISION 6").ok();
    client.run("LIQ.ADD s * buy 100 10");
    check(&mut client, "LIQ.ALTER s CLOCK EVENT", "ERR CLOCK: cannot be changed while events are held, got 'EVENT'");
    check(&mut client, "LIQ.ALTER s PRECISION 8", "ERR PRECISION: cannot be raised while events are held, got '8'");
}

#[test]
fn numbers_of_a_payload_are_shown_as_numbers() {
    let server = Server::start();
    let mut client = server.connect();
    let mut refused = |payload: Vec<u8>, expected: &str| {
        let reply = client.call(&[b"LIQ.MADDPACK".as_slice(), b"s", &payload]);
        assert_eq!(reply.error(), expected);
    };
    let bounds = "ERR item 1: price: must be 0.000000000001 to 1000000000000000";
    refused(to_vec(&[(T0, "buy", 0.0, 5.0)]).unwrap(), &format!("{bounds}, got '0'"));
    refused(to_vec(&[(T0, "buy", -2.5, 5.0)]).unwrap(), &format!("{bounds}, got '-2.5'"));
    refused(to_vec(&[(T0, "buy", 2e15 as u64, 5.0)]).unwrap(), &format!("{bounds}, got '2000000000000000'"));
    refused(to_vec(&[(T0, "buy", f64::NAN, 5.0)]).unwrap(), &format!("{bounds}, got 'NaN'"));
    refused(to_vec(&[(T0, "buy", "x", 5.0)]).unwrap(), "ERR item 1: price: not a number, got 'x'");
    refused(to_vec(&[(T0, 7, 1.0, 5.0)]).unwrap(), "ERR item 1: side: must be buy, sell, 0 or 1, got '7'");
    let ts = "ERR item 1: ts: not an integer from 0 to 2^53 or nil";
    refused(to_vec(&[(-1, "buy", 1.0, 5.0)]).unwrap(), &format!("{ts}, got '-1'"));
    refused(to_vec(&[(1.5, "buy", 1.0, 5.0)]).unwrap(), &format!("{ts}, got '1.5'"));
    refused(to_vec(&[(u64::MAX, "buy", 1.0, 5.0)]).unwrap(), &format!("{ts}, got '18446744073709551615'"));
}

#[test]
fn what_clients_may_not_call_says_so_in_its_summary() {
    let server = Server::start();
    let mut client = server.connect();
    let listed = client.run("COMMAND LIST FILTERBY MODULE liq");
    let names: Vec<String> = listed.array().iter().map(|name| name.text()).collect();
    assert!(names.len() > 20, "{names:?}");
    let mut internal = Vec::new();
    for name in names.iter().filter(|name| !name.contains("._")) {
        let docs = client.run(&format!("COMMAND DOCS {name}"));
        let says = docs.array()[1].field("summary").text().starts_with("Internal: ");
        // Enough words for any of them, none of which mean anything.
        let refused = client.run(&format!("{name} k \u{7f} \u{7f} \u{7f} \u{7f} \u{7f}"));
        let refused_short = client.run(&format!("{name} k \u{7f}"));
        let is_refused = |reply: &crate::support::Reply| reply.is_error() && reply.error().contains("replication only");
        assert_eq!(says, is_refused(&refused) || is_refused(&refused_short), "{name}");
        internal.extend(says.then_some(name));
    }
    // Two for each data type. Servers since Redis 8 do not list them at all.
    assert!(internal.is_empty() || internal.len() == 6, "{internal:?}");
}
