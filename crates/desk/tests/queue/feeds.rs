//! Entries of somebody's stream that no job can be made of.

use std::collections::HashMap;
use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::Queue;
use redis_liq_desk::queue::{Job, Lease, Outcome, Worker};
use serde::{Deserialize, Serialize, Serializer};

use crate::{Seen, link, until};

/// A body of which some cannot be written.
#[derive(Deserialize)]
struct Body(u64);

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            13 => Err(serde::ser::Error::custom("an unlucky number")),
            14 => panic!("a bug in the writing"),
            number => serializer.serialize_newtype_struct("Body", &number),
        }
    }
}

/// The job of an entry, in all the ways it may go wrong.
fn make(fields: &HashMap<String, Vec<u8>>) -> Option<Job<Body>> {
    let text = String::from_utf8_lossy(fields.get("n").expect("a bug in `make`")).into_owned();
    let job = |body| Some(Job::new(Body(body)));
    match text.as_str() {
        "none" => None,
        "far" => job(1).map(|job| job.after(Duration::from_secs(400 * 86_400))),
        number => job(number.parse().expect("a bug in `make`")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_no_job_is_counted_and_holds_up_nobody() {
    let server = Server::plain();
    let queue: Queue<Body> = Queue::<Body>::builder("orders").build(&link(&server)).unwrap();
    let mut client = server.connect();
    for entry in ["n none", "n far", "n 13", "n 14", "n many", "m 1", "n 2"] {
        client.run(&format!("XADD signals:{{BTCUSDT}} * {entry}"));
    }
    let raw = redis::Client::open(server.url()).unwrap();
    let mut raw = raw.get_multiplexed_async_connection().await.unwrap();
    let odd: &[u8] = b"\xff\xfe";
    let mut add = redis::cmd("XADD");
    add.arg("signals:{BTCUSDT}").arg("*").arg(odd).arg(odd).arg("n").arg("3");
    let _: String = add.query_async(&mut raw).await.unwrap();
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |job: Lease<Body>| {
            seen.add(job.body.0);
            async { Outcome::Done }
        }
    };
    let working = queue.work(Worker { at_once: 1, ..Worker::default() }, handler).unwrap();
    let feed = queue.feed_from("signals:{BTCUSDT}", "orders", make).unwrap();
    seen.until(2).await;
    assert_eq!(seen.all(), [2, 3]);
    until("all are acknowledged", async || {
        server.connect().run("XPENDING signals:{BTCUSDT} orders").array()[0].int() == 0
    })
    .await;
    let totals = feed.stop().await;
    assert_eq!((totals.pushed, totals.passed_over, totals.refused, totals.panicked), (2, 1, 2, 3), "{totals:?}");
    working.stop(Duration::from_secs(60)).await;
}
