//! `REDIS_MAX_MEMORY`: told to every server that answers, as the module's `liq.memory-budget`.

use std::time::{Duration, Instant};

use super::link::Link;

/// How long after a refusal it is tried again: the module may have been loaded, the right given, the last node reached.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// What the module is to use at most.
pub struct Budget {
    text: String,
    /// When it was told last, and why it was refused then.
    told: Option<(Instant, Option<String>)>,
    /// The refusal that was said.
    said: Option<String>,
}

impl Budget {
    /// As the configuration has it.
    pub const fn new(text: String) -> Self {
        Self { text, told: None, said: None }
    }

    /// Somebody else answers by now, who was not told.
    pub fn begin(&mut self) {
        self.told = None;
    }

    /// Tells it where it was not told or was refused. A refusal is said once and stops nothing.
    pub async fn tell(&mut self, link: &mut Link) {
        let is_due = match &self.told {
            None => true,
            Some((at, refusal)) => refusal.is_some() && at.elapsed() >= AGAIN_AFTER,
        };
        if !is_due {
            return;
        }
        let set = redis::cmd("CONFIG").arg("SET").arg("liq.memory-budget").arg(&self.text).to_owned();
        let refusal = link.tell(&set).await.err().map(|error| error.to_string());
        match &refusal {
            Some(why) if self.said.as_ref() != Some(why) => {
                tracing::warn!(why, budget = self.text, "REDIS_MAX_MEMORY could not be set as liq.memory-budget");
            }
            None => tracing::info!(budget = self.text, "liq.memory-budget is set"),
            Some(_) => {}
        }
        self.said.clone_from(&refusal);
        self.told = Some((Instant::now(), refusal));
    }
}
