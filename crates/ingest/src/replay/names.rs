//! What stands for each recording of a replay towards the server: a name, and a place where several share one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::ledger::{Claim, Ledger};
use super::run::{Replay, ReplayError};
use super::source::{STANDARD_INPUT, Source};
use crate::config::Config;

/// Recordings that are named one by one: a series remembers 64 names, of which some are a stream's.
const MOST_NAMES: usize = 48;
/// Bits of a batch's number that count records, where several recordings share a name.
const RECORD_BITS: u32 = 40;

/// What stands for a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Who sends its events.
    pub producer: Arc<str>,
    /// Which of those it is that share the name, from 0.
    place: u64,
}

impl Name {
    /// The number of a record among all that share the name.
    pub const fn number_of(&self, record: u64) -> u64 {
        (self.place << RECORD_BITS) + record
    }

    fn claim(&self, (identity, length): (u64, usize)) -> Claim {
        Claim { producer: self.producer.to_string(), place: self.place, identity, length }
    }
}

/// Names the recordings: each for itself by its content, as long as a series remembers so many names; else, and where a
/// name is given, all of them by one, in which case they have to be given in the same order to be resumed.
///
/// Notes what each went as, all or none: one that went as something else before would count twice.
pub fn name_all(replay: &Replay, config: &Config) -> Result<Vec<Name>, ReplayError> {
    let mut ledger = Ledger::open(config);
    let mut names: Vec<Name> = Vec::with_capacity(replay.files.len());
    let (mut claims, mut places) = (Vec::new(), HashMap::new());
    let together = replay.producer.is_some() || replay.files.len() > MOST_NAMES;
    for (place, path) in replay.files.iter().enumerate() {
        let is_stdin = path.as_path() == Path::new(STANDARD_INPUT);
        let shown = path.display().to_string();
        let (identity, is_blank) = match is_stdin {
            // It can be read once only: its content is looked at when that happens.
            true => ((0, 0), true),
            false => {
                let opened = Source::open(path, replay.format.clone());
                let source = opened.map_err(|source| ReplayError::Unreadable { path: shown.clone(), source })?;
                (ledger.identify(&source.beginning), source.is_blank)
            }
        };
        let producer = match (&replay.producer, names.first()) {
            (Some(name), _) => Arc::from(name.as_str()),
            (None, Some(first)) if together => Arc::clone(&first.producer),
            _ => own_name(identity),
        };
        // One that is given twice is the same each time.
        let first_place = if is_blank { place } else { *places.entry(identity).or_insert(place) };
        let name = Name { producer, place: if together { first_place as u64 } else { 0 } };
        if !is_blank {
            let claim = name.claim(identity);
            let checked = ledger.check(&claim, replay.producer.is_some());
            checked.map_err(|source| ReplayError::Refused { path: shown, source })?;
            claims.push(claim);
        }
        names.push(name);
    }
    claims.into_iter().for_each(|claim| ledger.note(claim));
    Ok(names)
}

/// The name of standard input, now that its beginning is known; noted like that of a file.
pub fn name_standard_input(
    replay: &Replay,
    name: &Name,
    source: &Source,
    config: &Config,
) -> Result<Name, ReplayError> {
    let mut ledger = Ledger::open(config);
    let identity = ledger.identify(&source.beginning);
    let producer = match &replay.producer {
        Some(_) => Arc::clone(&name.producer),
        None => own_name(identity),
    };
    let name = Name { producer, place: name.place };
    if !source.is_blank {
        let claim = name.claim(identity);
        let checked = ledger.check(&claim, replay.producer.is_some());
        checked.map_err(|refusal| ReplayError::Refused { path: source.title.clone(), source: refusal })?;
        ledger.note(claim);
    }
    Ok(name)
}

fn own_name((identity, _): (u64, usize)) -> Arc<str> {
    Arc::from(format!("replay:{identity:016x}"))
}
