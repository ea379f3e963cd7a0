//! Live liquidations: connections to the venues, the sink behind them, and the figures about both.

mod discovery;
mod feed;
mod plan;

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{Config, VenueConfig};
use crate::contract::Contracts;
use crate::http;
use crate::metrics::Metrics;
use crate::rejects::RejectsFile;
use crate::sink::backoff::Backoff;
use crate::sink::live::{LiveSink, SinkError};
use crate::sink::spooler::QUEUE;
use crate::venue::Venue;
use discovery::Listing;
pub use discovery::configured as configured_symbols;
use feed::{Feed, News, Shared, stopped};
use plan::bybit_topics;
pub use plan::{Plan, plans};

/// News that wait for a connection.
const NEWS_WAITING: usize = 4;

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
    let rejects = Arc::new(Mutex::new(RejectsFile::new(config.state_dir.join("rejects.ndjson"))));
    let shared = Arc::new(Shared { config, metrics, rejects, events: door, stop });
    let mut feeds = JoinSet::new();
    for venue in venues {
        feeds.spawn(follow(venue, Arc::clone(&shared)));
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

/// All connections of one venue, told from time to time what is new there.
async fn follow(venue: Venue, shared: Arc<Shared>) {
    let settings = shared.config.venue(venue);
    let Some(listing) = listing_of(venue, &shared).await else { return };
    let mut known = listing.clone();
    let mut feeds = JoinSet::new();
    let mut doors = Vec::new();
    for plan in plans(venue, &settings, &listing.symbols) {
        let (door, news) = mpsc::channel(NEWS_WAITING);
        feeds.spawn(Feed::new(plan, Arc::clone(&shared), contracts_of(venue, &settings, &listing), news).run());
        doors.push(door);
    }
    let mut relist = tokio::time::interval_at(tokio::time::Instant::now() + shared.config.relist, shared.config.relist);
    loop {
        tokio::select! {
            ended = feeds.join_next() => {
                if ended.is_none() {
                    return;
                }
            }
            _ = relist.tick(), if discovery::is_needed(venue, &settings) => {
                match ask(venue, &settings).await {
                    Ok(listing) => {
                        tell_news(venue, &settings, &known, &listing, &doors).await;
                        known = listing;
                    }
                    Err(why) => tracing::warn!(venue = venue.name(), why, "what is newly listed stays unknown"),
                }
            }
        }
    }
}

/// Tells each connection the symbols that were not listed before, and all of them the contract sizes.
async fn tell_news(
    venue: Venue,
    settings: &VenueConfig,
    known: &Listing,
    listing: &Listing,
    doors: &[mpsc::Sender<News>],
) {
    let named = listing.symbols.iter().zip(&known.symbols).filter(|(symbols, _)| !symbols.is_empty());
    for (door, (symbols, old)) in doors.iter().zip(named) {
        let fresh: Vec<String> = symbols.iter().filter(|symbol| !old.contains(symbol)).cloned().collect();
        if !fresh.is_empty() {
            let _ = door.send(News::Subscriptions(bybit_topics(&fresh))).await;
        }
    }
    if listing.contracts != known.contracts {
        for door in doors {
            let _ = door.send(News::Contracts(contracts_of(venue, settings, listing))).await;
        }
    }
}

/// What the configuration says about a contract wins over what the venue says.
fn contracts_of(venue: Venue, settings: &VenueConfig, listing: &Listing) -> Contracts {
    let mut contracts = Contracts::default();
    let configured = settings.contracts.iter().map(|(instrument, contract)| (instrument, *contract));
    let listed = listing.contracts.iter().map(|(instrument, contract)| (instrument, *contract));
    for (instrument, contract) in listed.chain(configured) {
        contracts.set(venue, instrument.clone(), contract);
    }
    contracts
}

/// Asks the venue until it answers, where it has to be asked; nothing when the program is to end.
async fn listing_of(venue: Venue, shared: &Shared) -> Option<Listing> {
    let settings = shared.config.venue(venue);
    if !discovery::is_needed(venue, &settings) {
        let symbols = settings.symbols.as_deref().map(discovery::configured).unwrap_or_default();
        return Some(Listing { symbols, ..Listing::default() });
    }
    let (mut stop, (first, longest)) = (shared.stop.clone(), shared.config.reconnect);
    let mut backoff = Backoff::new(first, longest);
    loop {
        let why = match ask(venue, &settings).await {
            Ok(listing) => return Some(listing),
            Err(why) => why,
        };
        let wait = backoff.next_wait();
        tracing::warn!(venue = venue.name(), why, ?wait, "instruments cannot be listed");
        // Known contracts are better than none; symbols there must be.
        if venue != Venue::Bybit && backoff.failures() >= 2 {
            return Some(Listing::default());
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => return None,
        }
    }
}

/// Asks once, on a thread that may block.
async fn ask(venue: Venue, settings: &VenueConfig) -> Result<Listing, String> {
    let settings = settings.clone();
    let asked = tokio::task::spawn_blocking(move || discovery::ask(venue, &settings)).await;
    asked.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
