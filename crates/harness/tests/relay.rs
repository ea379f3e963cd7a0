//! The relay fails as it is told, and the processes of a test hear each other.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop")]

use std::time::{Duration, Instant};

use liq_harness::{Child, Client, Fault, Proxy, Server, child};

fn through(proxy: &Proxy) -> Client {
    Client::open(&proxy.url()).unwrap()
}

#[test]
fn what_passes_is_unchanged_and_counted() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let mut client = through(&proxy);
    let long = "x".repeat(300_000);
    client.call(&["SET", "a", &long]).ok();
    assert_eq!(client.call(&["GET", "a"]).text(), long);
    let replies = client.pipeline(&["INCR n", "INCR n", "INCR n"]);
    assert_eq!(replies.iter().map(liq_harness::Reply::int).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(proxy.commands(), 5);
}

#[test]
fn an_answer_of_its_own_reaches_no_server() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    proxy.set(Fault::Answer("OOM command not allowed when used memory > 'maxmemory'."));
    let mut client = through(&proxy);
    assert!(client.run("SET a 1").error().starts_with("OOM "));
    assert!(client.pipeline(&["SET a 1", "SET b 2"]).iter().all(liq_harness::Reply::is_error));
    proxy.set(Fault::None);
    assert_eq!(client.run("DBSIZE").int(), 0);
}

#[test]
fn a_lost_reply_is_of_a_command_that_was_carried_out() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let mut client = through(&proxy);
    proxy.set(Fault::CutAfter(2));
    assert!(client.try_call(&["INCR", "n"]).is_err());
    assert_eq!(server.connect().run("GET n").text(), "1");
    assert_eq!(proxy.lost(), 1);
    proxy.set(Fault::Lose { every: 2, holding: ":" });
    let mut client = through(&proxy);
    assert_eq!(client.run("INCR n").int(), 2);
    assert!(client.try_call(&["INCR", "n"]).is_err());
    assert_eq!(server.connect().run("GET n").text(), "3");
}

#[test]
fn refusing_and_stalling_end_when_they_are_told_to() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let mut client = through(&proxy);
    proxy.set(Fault::Stall);
    let waiting = std::thread::spawn(move || client.run("PING").text());
    std::thread::sleep(Duration::from_millis(30));
    assert!(!waiting.is_finished());
    proxy.set(Fault::Delay(Duration::from_millis(30)));
    assert_eq!(waiting.join().unwrap(), "PONG");
    let mut client = through(&proxy);
    let asked = Instant::now();
    client.run("PING");
    assert!(asked.elapsed() >= Duration::from_millis(30));
    proxy.set(Fault::Refuse);
    assert!(client.try_call(&["PING"]).is_err());
    assert!(Client::open(&proxy.url()).and_then(|mut client| client.try_call(&["PING"])).is_err());
    proxy.set(Fault::None);
    assert_eq!(through(&proxy).run("PING").text(), "PONG");
}

#[test]
fn counting_process() {
    let Some(args) = child::args("counting_process") else { return };
    let mut client = Client::open(&args[0]).unwrap();
    child::say(&format!("{} came", args[1]));
    assert_eq!(child::hear().as_deref(), Some("go"));
    for _ in 0..100 {
        client.run("INCR n");
    }
    child::say("done");
}

#[test]
fn four_processes_work_on_one_server() {
    let server = Server::plain();
    let mut children: Vec<Child> =
        (0..4).map(|place| Child::start("counting_process", &[&server.url(), &place.to_string()])).collect();
    for (place, child) in children.iter_mut().enumerate() {
        assert_eq!(child.hear(), format!("{place} came"));
    }
    children.iter_mut().for_each(|child| child.say("go"));
    for mut child in children {
        assert_eq!(child.hear(), "done");
        child.finish();
    }
    assert_eq!(server.connect().run("GET n").text(), "400");
}

#[test]
fn a_killed_process_is_gone() {
    let server = Server::plain();
    let mut child = Child::start("counting_process", &[&server.url(), "0"]);
    child.hear();
    child.kill();
    let mut client = server.connect();
    liq_harness::wait_until("its connection is closed", || client.info("connected_clients") == "1");
}
