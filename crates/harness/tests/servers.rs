//! Servers of the harness: one starts, restarts, stalls, replicates and is gone afterwards; a warning fails the test.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop at a broken assumption"
)]

use std::time::Duration;

use liq_harness::{Options, Reply, Server, module};
use redis::ConnectionLike;

#[test]
fn a_server_answers_in_both_protocols() {
    let server = Server::plain();
    assert_eq!(server.connect().run("HGETALL nothing"), Reply::Array(vec![]));
    assert_eq!(server.connect_resp3().run("HGETALL nothing"), Reply::Map(vec![]));
    assert_eq!(server.connect().run("LPUSH a").error(), "ERR wrong number of arguments for 'lpush' command");
}

#[test]
fn a_restart_keeps_what_was_saved() {
    let mut server = Server::plain();
    server.connect().run("SET a 1").ok();
    server.restart_saving();
    assert_eq!(server.connect().run("GET a").text(), "1");
    server.connect().run("SET a 2").ok();
    server.kill_and_restart();
    assert_eq!(server.connect().run("GET a").text(), "1");
}

#[test]
fn a_replica_follows() {
    let primary = Options::default().without_module().tcp().start();
    let options = Options::default().without_module().line(format!("replicaof 127.0.0.1 {}", primary.port()));
    let replica = options.start();
    replica.wait_for_link();
    primary.connect().run("SET a 1").ok();
    primary.wait_for_replica(&replica);
    assert_eq!(replica.connect().run("GET a").text(), "1");
}

#[test]
#[should_panic(expected = "unexpected warnings")]
fn a_warning_in_the_log_fails_the_test() {
    let server = Server::plain();
    server.connect().run("DEBUG LOG something-is-wrong").ok();
}

#[test]
#[should_panic(expected = "ended by itself")]
fn a_crash_of_the_server_fails_the_test() {
    let mut server = Server::plain();
    assert!(server.connect().try_call(&["DEBUG", "SEGFAULT"]).is_err());
    server.wait_for_end();
}

#[test]
fn a_killed_server_keeps_what_it_answered_when_it_is_durable() {
    let mut server = Options::default().without_module().durable().start();
    server.connect().run("SET a 1").ok();
    server.kill();
    assert!(redis::Client::open(server.url()).unwrap().get_connection().is_err());
    server.start_again();
    assert_eq!(server.connect().run("GET a").text(), "1");
}

#[test]
fn a_stalled_server_answers_nothing_until_it_goes_on() {
    let server = Server::plain();
    let mut client = server.connect();
    let short = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    short.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    server.stall();
    let mut short = short;
    assert!(short.req_command(&redis::cmd("PING")).unwrap_err().is_timeout());
    server.resume();
    assert_eq!(client.run("PING").text(), "PONG");
}

#[test]
fn a_module_may_lie_in_a_folder_with_blanks_and_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("my \"odd\" folder");
    std::fs::create_dir(&odd).unwrap();
    let library = odd.join("lib liq.so");
    std::fs::copy(module::module_path(), &library).unwrap();
    let server = Options::default().without_module().line(module::load_line(&library, "percentile 90")).start();
    let percentile = server.connect().run("CONFIG GET liq.percentile");
    assert_eq!(percentile.array()[1].text(), "90");
}
