//! How often jobs or loads may begin: an exchange's limits, kept by the redis-liq module for all processes together.

use std::time::Duration;

use redis::Value;

use crate::{Error, Link};

/// How long to wait when the limiter cannot be reached, and at most for one refusal.
const AWAY: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);

/// A limiter of the redis-liq module; see [`Limit::rl_check`].
#[derive(Clone)]
pub struct Limit {
    link: Link,
    command: redis::Cmd,
}

impl std::fmt::Debug for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Limit")
    }
}

impl Limit {
    /// `RL.CHECK key …` before each job or load begins: `limits` are its further words, such as
    /// `["LIMIT", "10", "PERIOD", "1s"]`, or none where the key was made by `RL.CREATE`. Where the server lacks the
    /// module, or the words are wrong, jobs fail with what it says; while it is away, full, read-only or loads its data
    /// they wait.
    pub fn rl_check(link: &Link, key: &str, limits: &[&str]) -> Self {
        let mut command = redis::cmd("RL.CHECK");
        command.arg(key).arg(limits);
        Self { link: link.clone(), command }
    }

    /// Returns when one more may begin.
    pub(crate) async fn pass(&self) -> Result<(), Error> {
        loop {
            let answer = match self.link.send(&self.command).await {
                Err(error) if error.is_outage() || is_passing(&error) => {
                    tokio::time::sleep(AWAY.mul_f64(0.5 + fastrand::f64())).await;
                    continue;
                }
                answer => answer?,
            };
            let numbers: Vec<i64> = redis::from_redis_value(answer).map_err(Error::unexpected)?;
            match (numbers.first(), numbers.get(3)) {
                (Some(1), _) => return Ok(()),
                (Some(0), Some(wait_ms @ 0..)) => {
                    tokio::time::sleep(
                        Duration::from_millis(wait_ms.unsigned_abs()).clamp(Duration::from_millis(1), LONGEST),
                    )
                    .await;
                }
                _ => return Err(Error::unexpected(Value::Array(numbers.into_iter().map(Value::Int).collect()))),
            }
        }
    }
}

/// A refusal that says how the server is, not what is wrong with the question: the job did not fail, it waits.
fn is_passing(error: &Error) -> bool {
    const WORDS: [&str; 11] = [
        "LOADING",
        "MASTERDOWN",
        "READONLY",
        "OOM",
        "MISCONF",
        "NOREPLICAS",
        "BUSY",
        "CLUSTERDOWN",
        "TRYAGAIN",
        "NOAUTH",
        "WRONGPASS",
    ];
    matches!(error, Error::Refused(line) if WORDS.iter().any(|word| line.starts_with(word)))
}
