//! Orders through a queue: `cargo run -p redis-liq-desk --example queue -- push BTCUSDT 2`, and `… -- work 10`, which
//! ends after ten orders. `REDIS_URL` names the server. `examples/node/queue.js` works on the same queue.
#![allow(clippy::print_stdout, reason = "an example shows")]

use std::time::Duration;

use redis_liq_desk::queue::{Job, Lease, Outcome, Priority, Queue, Worker};
use redis_liq_desk::{Error, Link};
use serde::{Deserialize, Serialize};

/// What is to be traded.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    symbol: String,
    quantity: u64,
}

fn orders(link: &Link) -> Result<Queue<Order>, Error> {
    Queue::<Order>::builder("orders").capacity(10_000).build(link)
}

/// Pushes one; a second one of the same minute would be a double.
pub async fn push(link: &Link, symbol: &str, quantity: u64) -> Result<(), Error> {
    let name = format!("{symbol}:{quantity}");
    let order = Order { symbol: symbol.to_owned(), quantity };
    let job = Job::new(order).priority(Priority::High).once(name, Duration::from_secs(60));
    println!("{:?}", orders(link)?.push(job.expires(Duration::from_secs(60))).await?);
    Ok(())
}

/// Works until `count` orders are placed.
pub async fn work(link: &Link, count: usize) -> Result<Vec<String>, Error> {
    let (sender, mut placed) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |job: Lease<Order>| {
        let sender = sender.clone();
        async move {
            // Here an exchange gets the order, under `job.id()`.
            let line = format!("{} {} attempt {}", job.body.symbol, job.body.quantity, job.attempt());
            match sender.send(line) {
                Ok(()) => Outcome::Done,
                Err(error) => Outcome::Retry(error.to_string()),
            }
        }
    };
    let working = orders(link)?.work(Worker::default(), handler)?;
    let mut lines = Vec::new();
    while lines.len() < count
        && let Some(line) = placed.recv().await
    {
        lines.push(line);
    }
    working.stop(Duration::from_secs(20)).await;
    Ok(lines)
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code, reason = "the test includes this file and calls its functions")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let link = Link::from_env()?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["push", symbol, quantity] => push(&link, symbol, quantity.parse()?).await?,
        ["work", count] => work(&link, count.parse()?).await?.iter().for_each(|line| println!("{line}")),
        _ => return Err("push SYMBOL QUANTITY, or work COUNT".into()),
    }
    Ok(())
}
