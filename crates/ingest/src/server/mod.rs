//! What the Redis server tells of itself: asked from time to time over a connection of its own, so that neither a scrape
//! nor a delivery waits for it. What the answers mean is in `told`, their names in `names`, how they are written in
//! `figures`.

mod figures;
mod names;
mod told;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use redis::{RedisResult, Value};

pub use figures::Figures;
pub use names::shown_as;
use told::Told;

use crate::config::{ConfigError, RedisConfig};
use crate::sink::link::{Door, Link};

/// How often the server is asked.
const EVERY: Duration = Duration::from_secs(2);
/// Figures that are older are not told any more.
const STALE_AFTER: Duration = Duration::from_secs(15);
/// The sections of INFO that are read. A server without the module answers as if the last were not asked for.
const SECTIONS: [&str; 5] = ["replication", "persistence", "memory", "stats", "liq"];

/// The last answers, for whoever asks for figures.
#[derive(Debug, Default)]
pub struct Board(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    /// Of each server; none before the first answer and while nobody answers.
    nodes: Vec<Told>,
    at: Option<Instant>,
    /// Whether somebody asks at all.
    is_asked: bool,
}

impl Board {
    fn note(&self, change: impl FnOnce(&mut Answers)) {
        if let Ok(mut answers) = self.0.lock() {
            change(&mut answers);
        }
    }

    /// What was told lately; nothing when nobody asks.
    fn lately(&self) -> Option<Vec<Told>> {
        let answers = self.0.lock().ok()?;
        let is_fresh = answers.at.is_some_and(|at| at.elapsed() < STALE_AFTER);
        answers.is_asked.then(|| if is_fresh { answers.nodes.clone() } else { Vec::new() })
    }
}

/// Asks until the program ends.
pub fn observe(config: &RedisConfig, board: Arc<Board>) -> Result<(), ConfigError> {
    let door = Door::new(config)?;
    board.note(|answers| answers.is_asked = true);
    tokio::spawn(async move {
        let mut observer = Observer { door, link: None, said: Vec::new() };
        loop {
            let nodes = observer.ask().await;
            board.note(|answers| (answers.nodes, answers.at) = (nodes, Some(Instant::now())));
            tokio::time::sleep(EVERY).await;
        }
    });
    Ok(())
}

struct Observer {
    door: Door,
    link: Option<Link>,
    /// What stands in the way, each said once until it changes.
    said: Vec<String>,
}

impl Observer {
    /// One round; what cannot be had is said and left out.
    async fn ask(&mut self) -> Vec<Told> {
        let (nodes, troubles) = match self.round().await {
            Ok(nodes) => {
                let troubles = nodes.iter().flat_map(Told::troubles).collect();
                // A master that is none any more: the address may lead elsewhere by now.
                if nodes.iter().any(Told::is_replica) {
                    self.link = None;
                }
                (nodes, troubles)
            }
            Err(error) => {
                self.link = None;
                (Vec::new(), vec![error.to_string()])
            }
        };
        self.say(troubles);
        nodes
    }

    async fn round(&mut self) -> RedisResult<Vec<Told>> {
        let link = match &mut self.link {
            Some(link) => link,
            empty => empty.insert(self.door.connect().await?),
        };
        let info = link.ask_each(redis::cmd("INFO").arg(&SECTIONS)).await?;
        let mut memory = link.ask_each(&redis::cmd("LIQ.MEMORY")).await?;
        let mut memory_of = |node: &Option<String>| -> Option<Value> {
            let place = memory.iter().position(|(name, _)| name == node)?;
            Some(memory.swap_remove(place).1)
        };
        Ok(info.into_iter().map(|(node, info)| Told::read(memory_of(&node), node, info)).collect())
    }

    fn say(&mut self, troubles: Vec<String>) {
        for why in troubles.iter().filter(|why| !self.said.contains(why)) {
            tracing::warn!(why, "the server's own figures are not to be had");
        }
        self.said = troubles;
    }
}
