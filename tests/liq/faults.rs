//! Containment: a panic inside a command is answered, counted and logged, and the server lives.

use crate::support::Server;

#[test]
fn a_forced_panic_is_answered_counted_and_survived() {
    let mut server = Server::start();
    server.expect_warning("panic");
    server.expect_warning("fault");
    server.expect_warning("internal error");
    let mut client = server.connect();
    if client.run("COMMAND INFO LIQ._FAULT").array()[0].is_null() {
        eprintln!("skipped: the module was built without the fault-injection feature");
        return;
    }
    client.run("LIQ.CREATE s CLOCK EVENT").ok();
    client.run("LIQ.ADD s 5 buy 100 10");
    let digest = client.digest("s");
    for count in 1..=3 {
        let mut reply = client.run("LIQ._FAULT");
        if reply.error().contains("wrong number of arguments") {
            reply = client.run("LIQ._FAULT s");
        }
        assert!(reply.error().starts_with("ERR internal error"), "{reply:?}");
        let info = client.run("INFO liq").text();
        let panics: Vec<&str> = info.lines().filter(|line| line.contains("panic")).map(str::trim).collect();
        assert!(panics.iter().any(|line| line.ends_with(&format!(":{count}"))), "{panics:?}");
    }
    assert!(
        server.log().to_lowercase().contains("panic") || server.log().contains("internal error"),
        "{}",
        server.log()
    );
    assert_eq!(client.digest("s"), digest);
    assert_eq!(client.run("LIQ.ADD s 6 buy 100 11").field("status").text(), "accepted");
    let mut resp3 = server.connect_resp3();
    let mut reply = resp3.run("LIQ._FAULT");
    if reply.error().contains("wrong number of arguments") {
        reply = resp3.run("LIQ._FAULT s");
    }
    assert!(reply.error().starts_with("ERR internal error"));
    assert_eq!(client.run("PING").text(), "PONG");
}
