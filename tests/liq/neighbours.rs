//! Others beside our clients: commands that no user sent (from a primary, from another module, through a script), and
//! modules that hear of a key and do to it what they like. Who has no user has every permission; who has one is asked
//! for it on every way.

use crate::support::primary::Primary;
use crate::support::{Client, Options, Server, neighbour};
use crate::twin::T0;

/// A server with another module beside ours.
fn start_with_neighbour(folder: &tempfile::TempDir, lines: &[&str]) -> Server {
    let options = Options::default().line(neighbour::line(folder.path()));
    lines.iter().fold(options, |options, line| options.line(*line)).start()
}

#[test]
fn a_primary_may_send_what_names_a_stream() {
    let primary = Primary::start();
    let mut replica = Options::default().line(primary.line()).start();
    let mut feed = primary.accept();
    feed.send("SELECT 0");
    feed.send("LIQ.CREATE s SIGNALS out PERCENTILE 0");
    feed.send("LIQ.ALTER s SIGNALS out2");
    feed.send(&format!("LIQ.ADD s {T0} buy 100 1000 AT {T0}"));
    feed.send(&format!("LIQ.ADD s {T0} sell 50 10 AT {T0}"));
    feed.wait_for_acknowledgement();
    replica.assert_alive();
    let mut client = replica.connect();
    assert_eq!(client.run("LIQ.INFO s").field("total_signals").int(), 1);
    replica.expect_warning("MASTER");
    replica.expect_warning("master");
}

#[test]
fn another_module_may_name_a_stream_and_its_signals_are_appended() {
    let folder = tempfile::tempdir().unwrap();
    let server = start_with_neighbour(&folder, &[]);
    let mut client = server.connect();
    client.run("NEIGHBOUR.RUN LIQ.CREATE s SIGNALS out PERCENTILE 0").ok();
    client.run("NEIGHBOUR.RUN LIQ.ALTER s SIGNALS out2 MAXLEN 10").ok();
    client.run(&format!("NEIGHBOUR.RUN LIQ.ADD s {T0} buy 100 1000 AT {T0}"));
    let judged = client.run(&format!("NEIGHBOUR.RUN LIQ.ADD s {T0} sell 50 10 AT {T0}"));
    assert_eq!(judged.field("signal").text(), "buy");
    assert_eq!(client.run("XLEN out2").int(), 1, "{}", server.log());
    // A script that another module runs has no user either.
    let script = "return redis.call('LIQ.CREATE', KEYS[1], 'SIGNALS', 'out')";
    client.call(&["NEIGHBOUR.RUN", "EVAL", script, "1", "t"]).ok();
}

fn eval(client: &mut Client, words: &str, key: &str) -> crate::support::Reply {
    let quoted: Vec<String> = words.split(' ').map(|word| format!("'{word}'")).collect();
    client.call(&["EVAL", &format!("return redis.pcall({})", quoted.join(",")), "1", key])
}

#[test]
fn a_script_lends_nobody_more_than_its_user_may() {
    let mut server = Server::start();
    server.expect_warning("signal");
    let mut client = server.connect();
    client.run("ACL SETUSER feed on >pw ~s* +@all").ok();
    client.run("ACL SETUSER full on >pw ~s* ~out +@all").ok();
    let (mut feed, mut full) = (server.connect_as("feed", "pw"), server.connect_as("full", "pw"));
    let refused = eval(&mut feed, "LIQ.CREATE s SIGNALS out", "s");
    assert!(refused.error().contains("NOPERM"), "{refused:?}");
    eval(&mut full, "LIQ.CREATE s SIGNALS out PERCENTILE 0", "s").ok();
    full.run(&format!("LIQ.ADD s {T0} buy 100 1000 AT {T0}"));
    eval(&mut feed, &format!("LIQ.ADD s {T0} sell 50 10 AT {T0}"), "s");
    assert_eq!(client.run("EXISTS out").int(), 0, "a user without permission appends nothing");
    eval(&mut full, &format!("LIQ.ADD s {T0} sell 50 11 AT {T0}"), "s");
    assert_eq!(client.run("XLEN out").int(), 1);
}

#[test]
fn a_subscriber_may_replace_the_key_it_hears_of() {
    let folder = tempfile::tempdir().unwrap();
    for event in ["liq.add", "liq.signal"] {
        let server = start_with_neighbour(&folder, &["lazyfree-lazy-user-del no"]);
        let mut client = server.connect();
        client.run("LIQ.CREATE s SIGNALS out PERCENTILE 0").ok();
        client.run(&format!("LIQ.ADD s {T0} buy 100 1000 AT {T0}"));
        client.run(&format!("NEIGHBOUR.REPLACE {event}")).ok();
        let judged = client.run(&format!("LIQ.ADD s {T0} sell 50 10 AT {T0}"));
        assert_eq!(judged.field("signal").text(), "buy");
        assert_eq!(client.run("LIQ.INFO s").field("signals").text(), "elsewhere", "the key was replaced");
        // The signal is of the series that gave it, not of what lies where that series was.
        assert_eq!(client.run("XLEN out").int(), 1, "{event}");
        assert_eq!(client.run("EXISTS elsewhere").int(), 0, "{event}");
    }
}
