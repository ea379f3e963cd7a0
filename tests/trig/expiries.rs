//! EXPIRES: a trigger whose time is over goes before anything is judged, by the time of the event that comes, too.

use crate::commands::{fired, listed};
use crate::support::{Client, Server};

/// A market by the time of its events, at 1,000,000, with `x` below 90 until 1,005,000.
const LINES: [&str; 3] =
    ["TICK.CREATE k CLOCK EVENT", "TICK.ADD k 1000000 buy 100 1", "TRIG.SET k x BELOW 90 EXPIRES 1005000"];

fn run_all(client: &mut Client) {
    for line in LINES {
        assert!(!client.run(line).is_error(), "{line}");
    }
}

#[test]
fn an_event_behind_the_expiry_does_not_fire_it() {
    let server = Server::start();
    let mut client = server.connect();
    for line in ["TICK.ADD k 1010000 buy 80 1", "TICK.QUOTE k 1010000 BID 80 1"] {
        client.run("DEL k").int();
        run_all(&mut client);
        let told = fired(&client.run(line));
        assert!(told.len() == 1 && told[0].ends_with(" expired - -"), "{line}: {told:?}");
        assert!(listed(&mut client, "TRIG.LIST k").is_empty());
    }
    client.run("DEL k").int();
    run_all(&mut client);
    assert_eq!(fired(&client.run("TICK.QUOTE k 1005000")), [""; 0], "not past it");
    assert_eq!(fired(&client.run("TICK.QUOTE k 1005001")).len(), 1, "a heartbeat is enough");
    // What is refused moves no time.
    client.run("DEL k").int();
    run_all(&mut client);
    client.run("TICK.ALTER k MAXJUMP 1").ok();
    assert_eq!(client.run("TICK.ADD k 1010000 buy 80 1").array()[0].text(), "suspect");
    assert_eq!(listed(&mut client, "TRIG.LIST k"), ["x armed"]);
}

#[test]
fn a_batch_expires_between_its_ticks_as_single_ticks_do() {
    let server = Server::start();
    let mut client = server.connect();
    let ticks = ["1004000 buy 95 1", "1006000 buy 95 1", "1010000 buy 80 1"];
    run_all(&mut client);
    client.run("TICK.ALTER k FIRES one").ok();
    for tick in ticks {
        client.run(&format!("TICK.ADD k {tick}"));
    }
    client.run("DEL k").int();
    run_all(&mut client);
    client.run("TICK.ALTER k FIRES batch").ok();
    client.run(&format!("TICK.MADD k TICKS {}", ticks.join(" ")));
    for stream in ["one", "batch"] {
        let entries = client.run(&format!("XRANGE {stream} - +"));
        let fields: Vec<String> = entries.array()[0].array()[1].array().iter().map(|field| field.text()).collect();
        let cause = fields.iter().position(|field| field == "cause").unwrap();
        assert_eq!((entries.array().len(), fields[cause + 1].as_str()), (1, "expired"), "{stream}");
    }
}
