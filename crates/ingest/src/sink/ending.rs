//! When the sink gives up what is left: some time after the last event came, or when the disk answers no more.

use std::time::Duration;

use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::metrics::health::PATIENCE;

/// How often it is looked whether the disk answers when the program ends.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long is spent on delivering the rest when the program ends.
const LAST_ATTEMPT: Duration = Duration::from_secs(2);

/// Ends when there was time enough to deliver what came last, or the program is to end and the disk does not answer.
pub async fn time_is_up(is_over: watch::Receiver<bool>, stop: watch::Receiver<bool>, metrics: &Metrics) {
    let last_attempt = async {
        ended(is_over).await;
        tokio::time::sleep(LAST_ATTEMPT).await;
    };
    tokio::select! {
        () = last_attempt => {}
        () = held_up(stop, metrics) => tracing::error!("the disk does not answer: what it has not taken is lost"),
    }
}

/// Ends when no more events will come, or the program is to end.
pub async fn ended(mut over: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = over.wait_for(|over| *over).await.is_ok();
}

/// Ends when the program is to end and the disk holds the spool's thread up: nobody knows for how long. What it has not taken
/// is lost then, so it is waited for twice as long as until it is complained of.
async fn held_up(stop: watch::Receiver<bool>, metrics: &Metrics) {
    ended(stop).await;
    while metrics.health.spool_silence() < PATIENCE * 2 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
