//! Which recordings were replayed into which server, in the state folder: a series remembers its 64 newest producers, so
//! a recording behind which 64 others came would be counted again.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::Config;

/// Producers that a series remembers.
const REMEMBERED: usize = 64;
/// Lines of the file, of which the newest half is kept when there are more.
const MOST_LINES: usize = 20_000;

/// One replay.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    target: String,
    producer: String,
    /// The recording's first bytes, hashed.
    identity: u64,
}

/// Why a recording must not be replayed like this.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name is another recording's.
    #[error(
        "--producer {0} has named another recording before: under it nothing of this one would be counted; give another name"
    )]
    NameTaken(String),
    /// The series have forgotten it.
    #[error(
        "it was replayed before, and {0} other recordings since, so that the series no longer know it (they remember {REMEMBERED}): its events would count twice; give --producer NAME to deliver them again on purpose"
    )]
    Forgotten(usize),
}

/// The file and what it says of one target.
#[derive(Debug)]
pub struct Ledger {
    file: PathBuf,
    target: String,
    entries: Vec<Entry>,
}

impl Ledger {
    /// Reads the ledger of a state folder; lines that cannot be read are skipped.
    pub fn open(config: &Config) -> Self {
        let file = config.state_dir.join("replays.ndjson");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let all: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if all.len() > MOST_LINES {
            let kept = all.iter().skip(all.len() / 2).filter_map(|entry| serde_json::to_string(entry).ok());
            let kept: Vec<String> = kept.collect();
            let _ = std::fs::write(&file, kept.join("\n") + "\n");
        }
        let target = format!("{} {}", config.redis.url, config.key);
        let entries = all.into_iter().filter(|entry| entry.target == target).collect();
        Self { file, target, entries }
    }

    /// Notes that a recording is about to be delivered under a name; refuses where its events would be lost or doubled.
    pub fn enter(&mut self, producer: &str, identity: u64) -> Result<(), Refusal> {
        let last = self.entries.iter().rposition(|entry| entry.producer == producer);
        if let Some(last) = last {
            if self.entries.get(last).is_some_and(|entry| entry.identity != identity) {
                return Err(Refusal::NameTaken(producer.to_owned()));
            }
            let since: HashSet<&str> =
                self.entries.iter().skip(last + 1).map(|entry| entry.producer.as_str()).collect();
            if since.len() >= REMEMBERED {
                return Err(Refusal::Forgotten(since.len()));
            }
        }
        let entry = Entry { target: self.target.clone(), producer: producer.to_owned(), identity };
        self.write(&entry);
        self.entries.push(entry);
        Ok(())
    }

    /// A folder that takes nothing is no reason not to replay.
    fn write(&self, entry: &Entry) {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        let written = std::fs::create_dir_all(folder).and_then(|()| {
            let mut file = std::fs::File::options().create(true).append(true).open(&self.file)?;
            writeln!(file, "{}", serde_json::to_string(entry)?)
        });
        if let Err(error) = written {
            tracing::warn!(%error, file = %self.file.display(), "the replay cannot be noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_series_have_forgotten_and_names_of_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { state_dir: folder.path().to_owned(), ..Config::default() };
        for n in 0..64 {
            assert_eq!(Ledger::open(&config).enter(&format!("replay:{n}"), n), Ok(()));
        }
        let mut ledger = Ledger::open(&config);
        assert_eq!(ledger.enter("replay:1", 1), Ok(()));
        assert_eq!(ledger.enter("replay:1", 2), Err(Refusal::NameTaken("replay:1".to_owned())));
        assert_eq!(ledger.enter("replay:64", 64), Ok(()));
        assert_eq!(ledger.enter("replay:0", 0), Err(Refusal::Forgotten(64)));
        // Another server knows nothing of them.
        let elsewhere = Config {
            redis: crate::config::RedisConfig { url: "redis://other".to_owned().into(), ..config.redis.clone() },
            ..config
        };
        assert_eq!(Ledger::open(&elsewhere).enter("replay:0", 0), Ok(()));
    }
}
