//! The buried jobs of a queue: looked at, tried again, forgotten.

use redis::Value;

use super::entry::{array, read_fields, text};
use super::scripts::REVIVE;
use super::{Dead, Queue};
use crate::Error;

impl<T> Queue<T> {
    /// The oldest `count` (at most 1,000) buried jobs from behind `after`, an entry of [`Dead::entry`] or empty for the
    /// first.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn dead(&self, after: &str, count: usize) -> Result<Vec<Dead>, Error> {
        check_entry(after)?;
        let start = if after.is_empty() { "-".to_owned() } else { format!("({after}") };
        let mut command = redis::cmd("XRANGE");
        command.arg(&self.inner.keys.dead).arg(start).arg("+").arg("COUNT").arg(count.clamp(1, 1000));
        let entries: Vec<Value> =
            redis::from_redis_value(self.inner.link.send(&command).await?).map_err(Error::unexpected)?;
        entries.into_iter().map(read).collect()
    }

    /// Puts a buried job back into the queue, with all its attempts before it; false when there is none. What made it
    /// too old no longer counts.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn revive(&self, dead: &Dead) -> Result<bool, Error> {
        let keys = &self.inner.keys;
        let [high, normal, low] = &keys.streams;
        let job = keys.job(&dead.id);
        let status = self.inner.settings.status_for.as_millis().to_string();
        let args = [dead.entry.as_bytes(), status.as_bytes()];
        let answer = REVIVE.run(&self.inner.link, &[high, normal, low, &keys.dead, &job], &args).await?;
        Ok(answer == Value::Int(1))
    }

    /// Deletes a buried job; false when there is none.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn forget_dead(&self, dead: &Dead) -> Result<bool, Error> {
        let answer = self.inner.link.send(redis::cmd("XDEL").arg(&self.inner.keys.dead).arg(&dead.entry)).await?;
        Ok(answer == Value::Int(1))
    }
}

fn read(value: Value) -> Result<Dead, Error> {
    let [entry, fields] = array(value)?;
    let fields = read_fields(fields)?;
    let number = |name: &str| text(&fields, name).parse::<f64>().unwrap_or(0.0).max(0.0) as u64;
    Ok(Dead {
        entry: redis::from_redis_value(entry).map_err(Error::unexpected)?,
        id: text(&fields, "i"),
        attempts: number("a"),
        pushed_ms: number("t"),
        reason: text(&fields, "r"),
        body: fields.get("b").cloned().unwrap_or_default(),
    })
}

fn check_entry(entry: &str) -> Result<(), Error> {
    let legal = entry.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if entry.is_empty() || legal { Ok(()) } else { Err(Error::Argument("after: must be an entry's id".into())) }
}
