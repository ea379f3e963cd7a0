//! The counts of an earlier day, beside which every count is held: a line for each command, in `baseline.tsv`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Above this much more than its baseline a count fails the run.
const TOLERANCE: f64 = 1.05;

/// Counts by the command's name: pipeline 1, pipeline 16, RESP3 at pipeline 16.
#[derive(Default)]
pub struct Baseline {
    stored: BTreeMap<String, Vec<f64>>,
    counted: BTreeMap<String, Vec<f64>>,
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/baseline.tsv"))
}

impl Baseline {
    /// The counts that are stored.
    pub fn load() -> Self {
        let text = std::fs::read_to_string(path()).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split('\t');
            let name = words.next().unwrap_or_default().to_owned();
            (name, words.map(|word| word.parse().expect("a count")).collect())
        };
        let stored = text.lines().filter(|line| !line.starts_with('#')).map(line).collect();
        Self { stored, counted: BTreeMap::new() }
    }

    /// Puts a command's counts down, and says how they compare.
    pub fn compare(&mut self, name: &str, counts: &[f64]) -> String {
        self.counted.insert(name.to_owned(), counts.to_vec());
        let Some(stored) = self.stored.get(name) else { return "none".into() };
        let worst = counts.iter().zip(stored).map(|(count, stored)| count / stored).fold(0.0, f64::max);
        format!("{:+.1} %", (worst - 1.0) * 100.0)
    }

    /// Names what got worse, or with `UPDATE_BASELINE=1` stores what was counted; whether all is well.
    pub fn finish(mut self) -> bool {
        if std::env::var_os("UPDATE_BASELINE").is_some() {
            self.stored.append(&mut self.counted);
            let mut text = "# command, then instructions: pipeline 1, pipeline 16, RESP3 at pipeline 16\n".to_owned();
            for (name, counts) in &self.stored {
                let counts: Vec<String> = counts.iter().map(|count| format!("{count:.0}")).collect();
                writeln!(text, "{name}\t{}", counts.join("\t")).expect("text takes text");
            }
            std::fs::write(path(), text).expect("the baseline can be written");
            return true;
        }
        let is_worse = |name: &String, counts: &Vec<f64>| {
            let stored = self.stored.get(name);
            stored.is_some_and(|stored| counts.iter().zip(stored).any(|(count, stored)| *count > stored * TOLERANCE))
        };
        let worse: Vec<&String> =
            self.counted.iter().filter(|(name, counts)| is_worse(name, counts)).map(|(n, _)| n).collect();
        if !worse.is_empty() {
            println!("More than 5 % above their baseline (UPDATE_BASELINE=1 stores new ones): {worse:?}");
        }
        worse.is_empty()
    }
}
