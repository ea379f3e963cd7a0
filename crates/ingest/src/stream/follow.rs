//! All connections of one venue, and what is asked of it from time to time: what it lists, and what its contracts are
//! worth.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::discovery::{self, Listing};
use super::feed::Feed;
use super::plan::{Plan, bybit_plan, plans};
use super::session::News;
use super::{Shared, stopped};
use crate::config::VenueConfig;
use crate::contract::Contracts;
use crate::event::Reject;
use crate::item::Item;
use crate::metrics::Count;
use crate::metrics::health::PATIENCE;
use crate::sink::Arrived;
use crate::sink::backoff::Backoff;
use crate::venue::{Venue, bybit};

/// What feeds markets, whatever the venue lists.
const MARKETS: usize = 2;
/// News that wait for a feed.
const NEWS_WAITING: usize = 4;
/// No list is asked for more often, whatever unknown contracts come.
const LIST_PAUSE: Duration = Duration::from_secs(5);
const UNLISTED: &str = "instruments cannot be listed";
const EMPTY: &str = "it lists nothing";

/// A feed's share of the symbols, and the way to it.
struct Share {
    topics: BTreeSet<String>,
    /// Of Bybit's categories linear and inverse; else `MARKETS`, which has no share in the listed symbols.
    category: usize,
    door: mpsc::Sender<News>,
}

/// Why a venue has told no list, and how long it wants to be left alone.
struct Unlisted {
    why: String,
    wait: Duration,
}

struct Follower {
    venue: Venue,
    settings: VenueConfig,
    shared: Arc<Shared>,
    listing: Listing,
    shares: Vec<Share>,
    feeds: JoinSet<()>,
}

/// Follows a venue until the program is to end.
pub async fn follow(venue: Venue, shared: Arc<Shared>) {
    let settings = shared.config.venue(venue);
    let mut follower =
        Follower { venue, settings, shared, listing: Listing::default(), shares: Vec::new(), feeds: JoinSet::new() };
    if follower.begin().await {
        follower.run().await;
    }
}

impl Follower {
    /// Finds out what to subscribe and starts the feeds; false when the program is to end.
    async fn begin(&mut self) -> bool {
        let needs_list = discovery::is_needed(self.venue, &self.settings);
        if needs_list {
            match self.shared.instruments.remembered(self.venue) {
                Some(remembered) if self.names_all(&remembered) => self.listing = remembered,
                // Without symbols there is nothing to subscribe; contract sizes may come later.
                _ if self.venue == Venue::Bybit => match self.ask_until_told().await {
                    Some(listing) => self.listing = listing,
                    None => return false,
                },
                _ => {}
            }
        } else {
            self.listing.symbols = self.settings.symbols.as_deref().map(discovery::configured).unwrap_or_default();
        }
        self.record();
        for plan in plans(self.venue, &self.settings, &self.listing.symbols) {
            let category = match &plan.markets {
                Some(_) => MARKETS,
                None => usize::from(plan.name.starts_with("bybit inverse")),
            };
            self.start(plan, category);
        }
        true
    }

    fn start(&mut self, plan: Plan, category: usize) {
        let (door, news) = mpsc::channel(NEWS_WAITING);
        let topics = plan.topics.iter().skip(1).cloned().collect();
        let feed = Feed::new(plan, Arc::clone(&self.shared), self.contracts(), news);
        self.feeds.spawn(feed.run());
        self.shares.push(Share { topics, category, door });
    }

    fn record(&self) {
        if let Some(recorder) = &self.shared.recorder {
            recorder.contracts(self.venue, &self.contracts());
        }
    }

    /// What the configuration says about a contract wins over what the venue says.
    fn contracts(&self) -> Contracts {
        let mut contracts = Contracts::default();
        let configured = self.settings.contracts.iter().map(|(instrument, contract)| (instrument, *contract));
        let listed = self.listing.contracts.iter().map(|(instrument, contract)| (instrument, *contract));
        for (instrument, contract) in listed.chain(configured) {
            contracts.set(self.venue, instrument.clone(), contract);
        }
        contracts
    }

    async fn run(mut self) {
        let needs_list = discovery::is_needed(self.venue, &self.settings);
        let mut stop = self.shared.stop.clone();
        let (first, longest) = self.shared.config.reconnect;
        let mut backoff = Backoff::new(first, longest);
        let shared = Arc::clone(&self.shared);
        // Asked at once: what is remembered may be old.
        let mut ask_at = tokio::time::Instant::now();
        let (mut asked_at, mut left_alone_until) = (ask_at, ask_at);
        loop {
            let unknown = shared.instruments.unknown.get(self.venue as usize);
            let unknown = async {
                match unknown {
                    Some(unknown) => unknown.notified().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                ended = self.feeds.join_next(), if !self.feeds.is_empty() || !needs_list => {
                    if ended.is_none() {
                        return;
                    }
                    continue;
                }
                () = unknown => {
                    ask_at = ask_at.min(left_alone_until.max(asked_at + LIST_PAUSE));
                    continue;
                }
                () = tokio::time::sleep_until(ask_at), if needs_list => {}
                () = stopped(&mut stop) => {
                    while self.feeds.join_next().await.is_some() {}
                    self.give_up_held();
                    return;
                }
            }
            let answer = tokio::select! {
                answer = self.ask() => answer,
                () = stopped(&mut stop) => continue,
            };
            asked_at = tokio::time::Instant::now();
            match answer {
                Ok(listing) => {
                    backoff.reset();
                    ask_at = asked_at + self.shared.config.relist;
                    self.shared.metrics.health.venue(self.venue.name(), None);
                    self.take(listing).await;
                }
                Err(Unlisted { why, wait }) => {
                    left_alone_until = asked_at + wait;
                    ask_at = asked_at + backoff.next_wait().max(wait);
                    self.fails(&why);
                }
            }
        }
    }

    fn fails(&self, why: &str) {
        let venue = self.venue.name();
        tracing::warn!(venue, why, "{UNLISTED}");
        self.shared.metrics.count(self.venue, Count::ListingFailure);
        self.shared.metrics.health.venue(venue, Some(format!("{UNLISTED}: {why}")));
    }

    /// Asks once, on a thread that may block; health does not wait for a venue that is slow to answer.
    async fn ask(&self) -> Result<Listing, Unlisted> {
        let (venue, settings) = (self.venue, self.settings.clone());
        let asking = tokio::task::spawn_blocking(move || discovery::ask(venue, &settings));
        tokio::pin!(asking);
        let asked = tokio::select! {
            asked = &mut asking => asked,
            () = tokio::time::sleep(PATIENCE) => {
                let why = format!("{UNLISTED}: no answer yet");
                self.shared.metrics.health.venue(venue.name(), Some(why));
                asking.await
            }
        };
        match asked {
            Ok(Ok(listing)) if self.names_all(&listing) => Ok(listing),
            Ok(Ok(_)) => Err(Unlisted { why: EMPTY.to_owned(), wait: Duration::ZERO }),
            Ok(Err(error)) => Err(Unlisted { why: error.to_string(), wait: error.wait() }),
            Err(error) => Err(Unlisted { why: error.to_string(), wait: Duration::ZERO }),
        }
    }

    /// False of a list on which there is nothing, all at once: a venue that fails says so, too.
    fn names_all(&self, told: &Listing) -> bool {
        let is_empty = |listing: &Listing, category| listing.symbols.get(category).is_none_or(Vec::is_empty);
        let is_lost = |category| is_empty(told, category) && !is_empty(&self.listing, category);
        if told.contracts.is_empty() && !self.listing.contracts.is_empty() {
            return false;
        }
        self.venue != Venue::Bybit || !(told.symbols.iter().all(Vec::is_empty) || (0..MARKETS).any(is_lost))
    }

    async fn ask_until_told(&self) -> Option<Listing> {
        let (mut stop, (first, longest)) = (self.shared.stop.clone(), self.shared.config.reconnect);
        let mut backoff = Backoff::new(first, longest);
        loop {
            let wait = tokio::select! {
                answer = self.ask() => match answer {
                    Ok(listing) => return Some(listing),
                    Err(Unlisted { why, wait }) => {
                        self.fails(&why);
                        wait
                    }
                },
                () = stopped(&mut stop) => return None,
            };
            tokio::select! {
                () = tokio::time::sleep(backoff.next_wait().max(wait)) => {}
                () = stopped(&mut stop) => return None,
            }
        }
    }

    /// Takes over what the venue lists now.
    async fn take(&mut self, listing: Listing) {
        self.shared.instruments.remember(self.venue, &listing);
        let had_contracts = self.contracts();
        self.listing = listing;
        self.take_symbols().await;
        let contracts = self.contracts();
        if contracts != had_contracts {
            self.record();
            for share in &self.shares {
                let _ = share.door.send(News::Contracts(contracts.clone())).await;
            }
        }
        let (events, given_up) =
            self.shared.instruments.release(self.venue, &contracts, self.shared.config.joins_dated);
        for _ in 0..given_up {
            self.shared.metrics.reject(self.venue, Reject::UnknownMultiplier);
        }
        self.shared.metrics.events(self.venue, events.len() as u64);
        for (event, at_us) in events {
            if !self.shared.hand_on(Arrived { item: Item::Liquidation(event), at_us }).await {
                return;
            }
        }
    }

    /// The end has come before anybody told what the contracts are worth.
    fn give_up_held(&self) {
        let events = self.shared.instruments.give_up(self.venue);
        for _ in 0..events {
            self.shared.metrics.reject(self.venue, Reject::UnknownMultiplier);
        }
        if events > 0 {
            let venue = self.venue.name();
            tracing::warn!(venue, events, "events of contracts that nobody knows are lost");
        }
    }

    /// New symbols go to the connections that have room, and to new ones; those that are gone are not asked for again.
    async fn take_symbols(&mut self) {
        if self.venue != Venue::Bybit || self.settings.symbols.is_some() {
            return;
        }
        for (category, symbols) in self.listing.symbols.clone().into_iter().enumerate() {
            let mut wanted: BTreeSet<String> = symbols.iter().map(|symbol| bybit::topic(symbol)).collect();
            for share in self.shares.iter_mut().filter(|share| share.category == category) {
                let gone: Vec<String> = share.topics.difference(&wanted).cloned().collect();
                share.topics.retain(|topic| wanted.contains(topic));
                wanted.retain(|topic| !share.topics.contains(topic));
                if !gone.is_empty() {
                    let _ = share.door.send(News::Gone(gone)).await;
                }
            }
            for share in self.shares.iter_mut().filter(|share| share.category == category) {
                let room = bybit::SYMBOLS_PER_CONNECTION.saturating_sub(share.topics.len());
                let fresh: Vec<String> = wanted.iter().take(room).cloned().collect();
                wanted.retain(|topic| !fresh.contains(topic));
                share.topics.extend(fresh.iter().cloned());
                if !fresh.is_empty() {
                    let _ = share.door.send(News::Topics(fresh)).await;
                }
            }
            let left: Vec<String> = wanted.into_iter().collect();
            for topics in left.chunks(bybit::SYMBOLS_PER_CONNECTION) {
                let (name, default) =
                    if category == 0 { ("linear", bybit::LINEAR_URL) } else { ("inverse", bybit::INVERSE_URL) };
                let number = self.shares.iter().filter(|share| share.category == category).count();
                let symbols: Vec<String> = topics
                    .iter()
                    .filter_map(|topic| topic.split_once('.'))
                    .map(|(_, symbol)| symbol.to_owned())
                    .collect();
                let plan = bybit_plan(&self.settings, name, default, number, &symbols);
                self.start(plan, category);
            }
        }
    }
}
