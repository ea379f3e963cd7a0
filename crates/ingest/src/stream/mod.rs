//! Live liquidations: connections to the venues, the sink behind them, and the figures about both.

mod discovery;
mod feed;
mod follow;
pub mod instruments;
mod plan;
mod repair;
mod session;
mod shared;
mod subscriber;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::config::Config;
use crate::http;
use crate::metrics::Metrics;
use crate::sink::live::{LiveSink, SinkError};
use crate::sink::spooler::QUEUE;
use crate::venue::Venue;
pub use discovery::configured as configured_symbols;
pub use plan::{Plan, plans};
pub use shared::{Shared, stopped};

/// Why streaming ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The address for health and metrics.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// A fault of this program.
    #[error("a part of the program ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Streams until `stop` turns true; then what came is delivered, or waits on disk.
pub async fn run(venues: Vec<Venue>, config: Arc<Config>, stop: watch::Receiver<bool>) -> Result<(), StreamError> {
    let metrics = Arc::new(Metrics::default());
    venues.iter().for_each(|venue| metrics.begin(*venue));
    let (door, events) = mpsc::channel(QUEUE);
    let sink = LiveSink::open(Arc::clone(&config), Arc::clone(&metrics), events)?;
    if let Some(address) = config.listen {
        let listening = http::serve(address, Arc::clone(&metrics)).await;
        let bound = listening.map_err(|source| StreamError::Listen { address, source })?;
        tracing::info!(%bound, "serving /healthz and /metrics");
    }
    let sinking = tokio::spawn(sink.run());
    let shared = Arc::new(Shared::new(config, metrics, door, stop));
    let mut feeds = JoinSet::new();
    for venue in venues {
        feeds.spawn(follow::follow(venue, Arc::clone(&shared)));
    }
    // With the last feed the last sender goes, and the sink comes to its end.
    drop(shared);
    let joining = async {
        while let Some(feed) = feeds.join_next().await {
            feed?;
        }
        Ok::<_, StreamError>(())
    };
    tokio::pin!(joining);
    tokio::pin!(sinking);
    tokio::select! {
        joined = &mut joining => joined?,
        // The sink ends first only when it fails.
        sunk = &mut sinking => return Ok(sunk??),
    }
    Ok(sinking.await??)
}
