//! What all measurements share: rounds, medians, a server's CPU time, a link that waits.

use std::time::Duration;

use liq_harness::{Client, Server};
use redis_liq_desk::{Link, Space};

pub const SPACE: Space = Space::new("market:ticker");
pub const HOUR: Duration = Duration::from_secs(3600);
pub const ROUNDS: usize = 7;

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median and the 99th percentile.
pub fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// A link whose commands are not given up on a busy machine.
pub fn patient(url: &str) -> Link {
    Link::open_with(url, Duration::from_secs(30), 3).unwrap()
}

/// A bare connection that waits as long.
pub async fn bare(url: &str) -> redis::aio::MultiplexedConnection {
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
    redis::Client::open(url).unwrap().get_multiplexed_async_connection_with_config(&config).await.unwrap()
}

/// User and system seconds of the server so far.
pub fn cpu(server: &Server) -> f64 {
    let mut client = server.connect();
    let part = |client: &mut Client, name: &str| client.info(name).parse::<f64>().unwrap();
    part(&mut client, "used_cpu_user") + part(&mut client, "used_cpu_sys")
}
