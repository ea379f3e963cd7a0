//! What is known of the venues' instruments: their lists, remembered in the state folder, and events of contracts that
//! nobody knows yet, held until a list tells.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::discovery::Listing;
use crate::contract::{Contract, Contracts};
use crate::event::{Event, Reject};
use crate::venue::{Decoder, Held, Venue};

/// Events held at a time; then the oldest goes.
const MOST_HELD: usize = 10_000;
/// How long an event is held once a list came that does not tell its contract.
const HELD_FOR: Duration = Duration::from_secs(600);

/// A venue's list as it is written to the state folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Remembered {
    #[serde(default)]
    symbols: Vec<Vec<String>>,
    #[serde(default)]
    contracts: BTreeMap<String, Contract>,
}

/// The lists, the file they are kept in, and what waits for them.
#[derive(Debug)]
pub struct Instruments {
    file: PathBuf,
    lists: Mutex<BTreeMap<String, Remembered>>,
    held: Mutex<Vec<(Instant, Held)>>,
    /// Told when an event came whose contract nobody knows.
    pub unknown: [Notify; Venue::ALL.len()],
}

impl Instruments {
    /// Reads what was remembered in a folder; a file that cannot be read is none.
    pub fn open(folder: &Path) -> Self {
        let file = folder.join("instruments.json");
        let lists = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, file = %file.display(), "the remembered instruments cannot be read");
                BTreeMap::new()
            }),
            Err(_) => BTreeMap::new(),
        };
        Self { file, lists: Mutex::new(lists), held: Mutex::default(), unknown: std::array::from_fn(|_| Notify::new()) }
    }

    /// What was remembered of a venue.
    pub fn remembered(&self, venue: Venue) -> Option<Listing> {
        let lists = self.lists.lock().ok()?;
        let known = lists.get(venue.name())?;
        Some(Listing {
            symbols: known.symbols.clone(),
            contracts: known.contracts.iter().map(|(name, contract)| (name.clone(), *contract)).collect(),
        })
    }

    /// The contract sizes remembered of all venues.
    pub fn add_to(&self, contracts: &mut Contracts) {
        for venue in Venue::ALL {
            for (instrument, contract) in self.remembered(venue).unwrap_or_default().contracts {
                contracts.set(venue, instrument, contract);
            }
        }
    }

    /// Remembers a venue's list. Contracts that it tells no more stay known: recordings may hold them.
    pub fn remember(&self, venue: Venue, listing: &Listing) {
        let Ok(mut lists) = self.lists.lock() else { return };
        let known = lists.entry(venue.name().to_owned()).or_default();
        let before = known.clone();
        known.symbols.clone_from(&listing.symbols);
        known.contracts.extend(listing.contracts.iter().cloned());
        if *known == before {
            return;
        }
        if let Err(error) = write(&self.file, &lists) {
            tracing::warn!(%error, file = %self.file.display(), "instruments cannot be remembered");
        }
    }

    /// Holds events whose contract is unknown, where the venue can be asked; whether it did.
    pub fn hold(&self, venue: Venue, unknown: Vec<Held>, at_us: i64) -> bool {
        if unknown.is_empty() {
            return false;
        }
        let can_be_asked = matches!(venue, Venue::Okx | Venue::Bitmex);
        let (Ok(mut held), true) = (self.held.lock(), can_be_asked) else { return false };
        let now = Instant::now();
        held.extend(unknown.into_iter().map(|event| (now, event.at(at_us))));
        let surplus = held.len().saturating_sub(MOST_HELD);
        held.drain(..surplus);
        if let Some(unknown) = self.unknown.get(venue as usize) {
            unknown.notify_one();
        }
        true
    }

    /// No list will come any more: how many events of a venue were held for one.
    pub fn give_up(&self, venue: Venue) -> usize {
        let Ok(mut held) = self.held.lock() else { return 0 };
        held.extract_if(.., |(_, event)| event.venue == venue).count()
    }

    /// A list came: the events it makes understandable, and how many were held too long without.
    pub fn release(&self, venue: Venue, contracts: &Contracts, joins_dated: bool) -> (Vec<(Event, i64)>, usize) {
        let Ok(mut held) = self.held.lock() else { return (Vec::new(), 0) };
        let mut decoder = Decoder::new(contracts.clone()).joining_dated(joins_dated);
        let (mut found, mut given_up) = (Vec::new(), 0);
        held.retain(|(since, event)| {
            if event.venue != venue {
                return true;
            }
            match decoder.event(venue, event.raw()) {
                Ok(known) => found.push((known, event.at_us)),
                Err(Reject::UnknownMultiplier) if since.elapsed() < HELD_FOR => return true,
                Err(_) => given_up += 1,
            }
            false
        });
        (found, given_up)
    }
}

/// Writes aside first, so that a kill leaves the old file or the new.
fn write(file: &Path, lists: &BTreeMap<String, Remembered>) -> std::io::Result<()> {
    let aside = file.with_extension("json.new");
    std::fs::write(&aside, serde_json::to_vec(lists)?)?;
    std::fs::rename(aside, file)
}
