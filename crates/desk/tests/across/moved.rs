//! The address leads to another server, as a name, a virtual address or a proxy does after a failover, while the old one
//! lives on as a replica: everything follows it, though no connection breaks.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use liq_harness::Server;
use redis_liq_desk::queue::{Job, Lease, Outcome, Push, Worker};
use redis_liq_desk::sessions::Sessions;
use redis_liq_desk::{Cache, Link, Queue, Space};

use crate::{HOUR, until};

/// From now on whoever connects here reaches `server`.
fn lead(address: &Path, server: &Server) {
    let _ = std::fs::remove_file(address);
    symlink(server.socket(), address).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_master_is_left_for_the_new_one() {
    let (old, new) = (Server::plain(), Server::plain());
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("redis");
    lead(&address, &old);
    let link = Link::open(&format!("redis+unix://{}", address.display())).unwrap();
    let cache = Cache::<u64>::builder(Space::new("market:ticker")).fresh(HOUR).build::<u64>(&link).unwrap();
    let queue: Queue<u64> = Queue::<u64>::builder("orders").build(&link).unwrap();
    let sessions: Sessions<u64> = Sessions::new(&link, Space::new("session"), HOUR).unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let handler = {
        let ran = Arc::clone(&ran);
        move |job: Lease<u64>| {
            ran.fetch_max(job.body, Ordering::SeqCst);
            async { Outcome::Done }
        }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    queue.push(Job::new(1)).await.unwrap();
    until("the first job ran", async || ran.load(Ordering::SeqCst) == 1).await;
    cache.put("a", 1).await.unwrap();
    sessions.begin("ann", &1).await.unwrap();

    old.connect().run("REPLICAOF 127.0.0.1 1").ok();
    assert!(cache.put("a", 2).await.unwrap_err().to_string().contains("READONLY"));
    lead(&address, &new);
    until("values are written", async || cache.put("a", 2).await.is_ok()).await;
    until("sessions begin", async || sessions.begin("ann", &2).await.is_ok()).await;
    until("jobs are pushed", async || matches!(queue.push(Job::new(2)).await, Ok(Push::Pushed))).await;
    until("the worker has followed", async || ran.load(Ordering::SeqCst) == 2).await;
    assert_eq!(new.connect().run("EXISTS market:ticker:v1:a").int(), 1);
    assert!(link.totals().left > 0);
    working.stop(HOUR).await;
}
