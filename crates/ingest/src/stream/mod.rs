//! Live liquidations: connections to the venues, the sink behind them, and the figures about both.

mod backfill;
mod dial;
mod discovery;
mod feed;
mod follow;
mod hearing;
pub mod instruments;
mod plan;
mod presence;
mod recorder;
mod repair;
mod rest;
mod session;
mod shared;
mod subscriber;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{Config, ConfigError};
use crate::http;
use crate::metrics::Metrics;
use crate::server;
use crate::sink::live::{LiveSink, SinkError};
use crate::sink::spooler::QUEUE;
use crate::venue::Venue;
pub use discovery::configured as configured_symbols;
pub use plan::{Plan, plans};
use recorder::Recorder;
pub use shared::{Shared, stopped};

/// How long the recorder may take to write the rest at the end.
const RECORDED_WITHIN: Duration = Duration::from_secs(2);

/// Why streaming ended.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The settings do not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address for health and metrics.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of the recording.
    #[error("cannot record into {folder}: {source}")]
    Record {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A fault of this program.
    #[error("a part of the program ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Where frames are recorded, and for how long they are kept.
pub type Recording = (PathBuf, Option<Duration>);

/// Keeps the venues' feeds until `stop` turns true and delivers nothing: what they hear, health and figures tell.
pub async fn listen(venues: Vec<Venue>, config: Arc<Config>, metrics: Arc<Metrics>, stop: watch::Receiver<bool>) {
    let (door, mut events) = mpsc::channel(QUEUE);
    let shared = Arc::new(Shared::new(config, metrics, door, stop));
    let mut feeds = JoinSet::new();
    for venue in venues {
        feeds.spawn(follow::follow(venue, Arc::clone(&shared)));
    }
    drop(shared);
    // Until the last feed is gone.
    while events.recv().await.is_some() {}
}

/// Streams until `stop` turns true; then what came is delivered, or waits on disk.
pub async fn run(
    venues: Vec<Venue>,
    config: Arc<Config>,
    record: Option<Recording>,
    stop: watch::Receiver<bool>,
) -> Result<(), StreamError> {
    config.check_streamed(&venues)?;
    let metrics = Arc::new(Metrics::default());
    venues.iter().for_each(|venue| metrics.begin(*venue));
    let (door, events) = mpsc::channel(QUEUE);
    let sink = LiveSink::open(Arc::clone(&config), Arc::clone(&metrics), events)?;
    if let Some(address) = config.listen {
        let listening = http::serve(address, Arc::clone(&metrics)).await;
        let bound = listening.map_err(|source| StreamError::Listen { address, source })?;
        tracing::info!(%bound, "serving /healthz and /metrics");
        server::observe(&config.redis, Arc::clone(&metrics.server))?;
    }
    let sinking = tokio::spawn(sink.run(stop.clone()));
    let mut shared = Shared::new(config, metrics, door, stop);
    let mut recording = None;
    if let Some((folder, keep)) = record {
        let started = Recorder::start(folder.clone(), keep, Arc::clone(&shared.metrics));
        let (recorder, thread) = started.map_err(|source| StreamError::Record { folder, source })?;
        shared.recorder = Some(recorder);
        recording = Some(thread);
    }
    let shared = Arc::new(shared);
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
        joined = &mut joining => {
            joined?;
            sinking.await??;
        }
        // The sink ends first when it fails, or when it is only quicker to notice that the last feed is gone.
        sunk = &mut sinking => {
            sunk??;
            joining.await?;
        }
    }
    if let Some(thread) = recording {
        // With the feeds the recorder went; what it was handed is written now.
        let ended = tokio::task::spawn_blocking(move || thread.join().is_ok());
        let _ = tokio::time::timeout(RECORDED_WITHIN, ended).await;
    }
    Ok(())
}
