//! Which recordings were replayed into which server, in the state folder: a series remembers its 64 newest producers, so
//! a recording behind which 64 others came would be counted again.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::source::{HEAD_BYTES, hash_of};
use crate::config::Config;

/// Producers that a series remembers.
const REMEMBERED: usize = 64;
/// Lines of the file, of which the newest half is kept when there are more.
const MOST_LINES: usize = 20_000;

/// What a recording goes as.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// Its name towards the server.
    pub producer: String,
    /// Which of those it is that share the name, from 0.
    #[serde(default)]
    pub place: u64,
    /// Its first bytes, hashed.
    pub identity: u64,
    /// How many that were: fewer than are looked at where it was short.
    #[serde(default = "whole_head")]
    pub length: usize,
}

const fn whole_head() -> usize {
    HEAD_BYTES
}

/// One replay.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Entry {
    target: String,
    #[serde(flatten)]
    claim: Claim,
}

/// Why a recording must not be replayed like this.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its name is another recording's.
    #[error(
        "another recording was replayed as {0} before: under this name nothing of this one would be counted; give the same files in the same order as then, or give another name (--producer)"
    )]
    NameTaken(String),
    /// It has another name, or another place among those that share it.
    #[error(
        "it was replayed before and went as {0}: as {1} its events would count twice; leave it out, give the same files in the same order as then, or --producer NAME to deliver them again on purpose"
    )]
    Elsewhere(String, String),
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
    claims: Vec<Claim>,
}

impl Ledger {
    /// Reads the ledger of a state folder; lines that cannot be read are skipped.
    pub fn open(config: &Config) -> Self {
        let file = config.state_dir.join("replays.ndjson");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let mut all: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if all.len() > MOST_LINES {
            all = shortened(all);
            let lines: Vec<String> = all.iter().filter_map(|entry| serde_json::to_string(entry).ok()).collect();
            let _ = std::fs::write(&file, lines.join("\n") + "\n");
        }
        let target = format!("{} {}", config.redis.url, config.key);
        let claims = all.into_iter().filter(|entry| entry.target == target).map(|entry| entry.claim).collect();
        Self { file, target, claims }
    }

    /// Identity and length under which a recording is known that begins so, which may have grown since; else its own.
    pub fn identify(&self, beginning: &[u8]) -> (u64, usize) {
        let known: HashSet<(usize, u64)> = self.claims.iter().map(|claim| (claim.length, claim.identity)).collect();
        let mut lengths: Vec<usize> = known.iter().map(|(length, _)| *length).collect();
        lengths.sort_unstable_by(|left, right| right.cmp(left));
        lengths.dedup();
        let found = lengths.into_iter().find_map(|length| {
            let identity = hash_of(beginning.get(..length)?);
            known.contains(&(length, identity)).then_some((identity, length))
        });
        found.unwrap_or_else(|| (hash_of(beginning), beginning.len()))
    }

    /// Refuses a recording whose events would be lost or doubled. Under a name that was given on purpose (`is_given`) they
    /// may count again.
    pub fn check(&self, claim: &Claim, is_given: bool) -> Result<(), Refusal> {
        let Claim { producer, place, identity, .. } = claim;
        let mut of_name = self.claims.iter().filter(|known| known.producer == *producer);
        if of_name.rfind(|known| known.place == *place).is_some_and(|known| known.identity != *identity) {
            return Err(Refusal::NameTaken(shown(claim)));
        }
        let last = self.claims.iter().rfind(|known| known.identity == *identity);
        if let Some(last) = last
            && !self.claims.contains(claim)
            && (last.producer == *producer || !is_given)
        {
            return Err(Refusal::Elsewhere(shown(last), shown(claim)));
        }
        if let Some(last) = self.claims.iter().rposition(|known| known.producer == *producer) {
            let since: HashSet<&str> = self.claims.iter().skip(last + 1).map(|known| known.producer.as_str()).collect();
            if since.len() >= REMEMBERED {
                return Err(Refusal::Forgotten(since.len()));
            }
        }
        Ok(())
    }

    /// Notes that a recording is about to be delivered.
    pub fn note(&mut self, claim: Claim) {
        // The first of those that share a name tells when the name was used last.
        if claim.place > 0 && self.claims.contains(&claim) {
            return;
        }
        let entry = Entry { target: self.target.clone(), claim };
        self.write(&entry);
        self.claims.push(entry.claim);
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

fn shown(claim: &Claim) -> String {
    match claim.place {
        0 => claim.producer.clone(),
        place => format!("file {} of {}", place + 1, claim.producer),
    }
}

/// What was noted again only where it was noted last, and of that the newest half where it is too much still.
fn shortened(all: Vec<Entry>) -> Vec<Entry> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Entry> = all.into_iter().rev().filter(|entry| seen.insert(entry.clone())).collect();
    if kept.len() > MOST_LINES / 2 {
        kept.truncate(MOST_LINES / 2);
    }
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(config: &Config, producer: &str, place: u64, identity: u64) -> Result<(), Refusal> {
        let claim = Claim { producer: producer.to_owned(), place, identity, length: HEAD_BYTES };
        let mut ledger = Ledger::open(config);
        let is_given = !producer.starts_with("replay:");
        ledger.check(&claim, is_given).map(|()| ledger.note(claim))
    }

    #[test]
    fn what_the_series_have_forgotten_and_names_of_others_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { state_dir: folder.path().to_owned(), ..Config::default() };
        for n in 0..64 {
            assert_eq!(enter(&config, &format!("replay:{n}"), 0, n), Ok(()));
        }
        assert_eq!(enter(&config, "replay:1", 0, 1), Ok(()));
        assert_eq!(enter(&config, "replay:1", 0, 99), Err(Refusal::NameTaken("replay:1".to_owned())));
        assert_eq!(enter(&config, "replay:64", 0, 64), Ok(()));
        assert_eq!(enter(&config, "replay:0", 0, 0), Err(Refusal::Forgotten(64)));
        // Another server knows nothing of them.
        let elsewhere = Config {
            redis: crate::config::RedisConfig { url: "redis://other".to_owned().into(), ..config.redis.clone() },
            ..config
        };
        assert_eq!(enter(&elsewhere, "replay:0", 0, 0), Ok(()));
    }

    #[test]
    fn a_recording_has_one_name_and_one_place_unless_another_name_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { state_dir: folder.path().to_owned(), ..Config::default() };
        let again = |went: &str, now: &str| Err(Refusal::Elsewhere(went.to_owned(), now.to_owned()));
        let steps = [
            // name, place, recording, what comes of it
            ("replay:1", 0, 1, Ok(())),
            ("replay:1", 1, 2, Ok(())),
            ("replay:1", 2, 3, Ok(())),
            ("replay:1", 1, 2, Ok(())),
            ("replay:2", 0, 2, again("file 2 of replay:1", "replay:2")),
            ("replay:2", 1, 3, again("file 3 of replay:1", "file 2 of replay:2")),
            ("replay:1", 3, 2, again("file 2 of replay:1", "file 4 of replay:1")),
            ("replay:1", 1, 4, Err(Refusal::NameTaken("file 2 of replay:1".to_owned()))),
            ("mine", 0, 2, Ok(())),
            ("mine", 0, 2, Ok(())),
            ("replay:1", 1, 2, Ok(())),
            ("replay:2", 0, 2, again("mine", "replay:2")),
        ];
        for (step, (producer, place, identity, expected)) in steps.into_iter().enumerate() {
            assert_eq!(enter(&config, producer, place, identity), expected, "step {step}");
        }
    }

    #[test]
    fn lines_of_before_are_read_and_a_long_file_keeps_what_is_newest() {
        let line = r#"{"target":"t","producer":"replay:1","identity":7}"#;
        let entry: Entry = serde_json::from_str(line).unwrap();
        let claim = Claim { producer: "replay:1".to_owned(), place: 0, identity: 7, length: HEAD_BYTES };
        assert_eq!(entry.claim, claim);
        let entry = |n: u64| Entry {
            target: String::new(),
            claim: Claim { producer: String::new(), place: 0, identity: n, length: 9 },
        };
        let all = (0..30_000).map(|n| entry(n % 5)).chain([entry(0)]).collect();
        assert_eq!(shortened(all), [1, 2, 3, 4, 0].map(entry));
    }
}
