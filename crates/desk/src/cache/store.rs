//! A cache's steps in Redis: the value, and the lock of who loads it. A value is stored only by who still holds the lock,
//! and `put`, `forget` and `clear` take it away: what was loaded before them is refused.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use redis::{Pipeline, Value};

use crate::script::Script;
use crate::{Error, Link, Space};

/// The loader's: the value while the lock is its own, and runs out no later than told. Without a token whoever holds it.
static STORE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if ARGV[1] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if ARGV[4] and redis.call('PEXPIRETIME', KEYS[2]) > tonumber(ARGV[4]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
return 1",
    )
});

/// The loader's, when there is nothing to store: lets go, or leaves word until when nobody should try.
static UNLOCK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], 'paused', 'PX', ARGV[2])
return 1",
    )
});

/// When it was known that a take failed which may have been carried out, which is now.
pub(crate) fn unheard<R>(taken: &Result<R, Error>) -> Option<Instant> {
    matches!(taken, Err(Error::TimedOut(_) | Error::Lost(_))).then(Instant::now)
}

/// What stands in a lock that holds a pause.
const PAUSED: &[u8] = b"paused";

/// The names of one id.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) value: String,
    /// In the slot of the value: its tag is the value's whole name.
    pub(crate) lock: String,
}

impl Names {
    pub(crate) fn of(space: Space, version: u32, id: &str) -> Self {
        let value = format!("{}:v{version}:{id}", space.name());
        Self { lock: format!("{}:lock:{{{value}}}", space.name()), value }
    }
}

/// What the attempt to load finds.
pub(crate) enum Turn {
    /// Nobody else loads: the lock is ours.
    Ours,
    /// Somebody loads.
    Others,
    /// The answer was late or lost, which was known then: the lock may be ours.
    Unknown(Instant),
    /// A load failed, and nobody tries until then.
    Paused(Duration),
}

/// Whose turn it is, and the value that is there by now.
pub(crate) async fn take(
    link: &Link,
    names: &Names,
    token: &str,
    limit: Duration,
) -> Result<(Turn, Option<Vec<u8>>), Error> {
    let mut steps = Pipeline::new();
    steps.cmd("SET").arg(&names.lock).arg(token).arg("NX").arg("GET").arg("PX").arg(millis(limit));
    steps.cmd("GET").arg(&names.value).cmd("PTTL").arg(&names.lock);
    let answers = link.send_all(&steps).await?;
    let [held, value, left] = <[Value; 3]>::try_from(answers).map_err(Error::unexpected)?;
    let turn = match turn(&held.extract_error()?) {
        Turn::Paused(_) => Turn::Paused(pause(&left)),
        turn => turn,
    };
    Ok((turn, bytes(value)?))
}

pub(crate) async fn get(link: &Link, name: &str) -> Result<Option<Vec<u8>>, Error> {
    bytes(link.send(redis::cmd("GET").arg(name)).await?)
}

pub(crate) async fn get_many(link: &Link, names: &[Names]) -> Result<Vec<Option<Vec<u8>>>, Error> {
    let mut command = redis::cmd("MGET");
    names.iter().for_each(|names| {
        command.arg(&names.value);
    });
    match link.send(&command).await? {
        Value::Array(values) if values.len() == names.len() => values.into_iter().map(bytes).collect(),
        other => Err(Error::unexpected(other)),
    }
}

/// Stores a loaded value; false when the lock was taken away or has run out.
pub(crate) async fn store(
    link: &Link,
    names: &Names,
    token: &str,
    bytes: &[u8],
    stay: Duration,
) -> Result<bool, Error> {
    let stay = millis(stay).to_string();
    let answer = STORE.run(link, &[&names.value, &names.lock], &[token.as_bytes(), bytes, stay.as_bytes()]).await?;
    Ok(answer == Value::Int(1))
}

/// As [`store`], for many; only where the lock runs out no later than `latest`, Unix milliseconds.
pub(crate) async fn store_many(
    link: &Link,
    token: &str,
    values: &[(Names, Vec<u8>, Duration)],
    latest: Option<u64>,
) -> Result<Vec<bool>, Error> {
    let latest = latest.map(|latest| latest.to_string());
    let mut runs = Pipeline::new();
    for (names, bytes, stay) in values {
        let stay = millis(*stay).to_string();
        let mut args = vec![token.as_bytes(), bytes, stay.as_bytes()];
        args.extend(latest.as_ref().map(String::as_bytes));
        runs.add_command(STORE.by_digest(&[&names.value, &names.lock], &args));
    }
    if values.is_empty() {
        return Ok(Vec::new());
    }
    Ok(STORE.run_all(link, &runs).await?.into_iter().map(|answer| matches!(answer, Ok(Value::Int(1)))).collect())
}

/// Whose turn it is for each of many; none where Redis refused to say.
pub(crate) async fn take_many(
    link: &Link,
    names: &[Names],
    token: &str,
    limit: Duration,
) -> Result<Vec<Option<Turn>>, Error> {
    let mut steps = Pipeline::new();
    for names in names {
        steps.cmd("SET").arg(&names.lock).arg(token).arg("NX").arg("GET").arg("PX").arg(millis(limit));
    }
    let answers = link.send_each(&steps).await?;
    let mut turns: Vec<Option<Turn>> = answers.into_iter().map(|answer| Some(turn(&answer.ok()?))).collect();
    let is_paused = |turn: &Option<Turn>| matches!(turn, Some(Turn::Paused(_)));
    let mut steps = Pipeline::new();
    for (names, _) in names.iter().zip(&turns).filter(|(_, turn)| is_paused(turn)) {
        steps.cmd("PTTL").arg(&names.lock);
    }
    if !steps.is_empty() {
        // The locks are taken by now: how long others pause is the least of it.
        let mut left = link.send_each(&steps).await.unwrap_or_default().into_iter();
        for turn in turns.iter_mut().filter(|turn| is_paused(turn)) {
            *turn = Some(Turn::Paused(pause(&left.next().and_then(Result::ok).unwrap_or(Value::Nil))));
        }
    }
    Ok(turns)
}

/// What an attempt to take the lock found in it.
fn turn(held: &Value) -> Turn {
    match held {
        Value::Nil => Turn::Ours,
        Value::BulkString(holder) if holder == PAUSED => Turn::Paused(Duration::ZERO),
        _ => Turn::Others,
    }
}

/// What is left of a pause.
fn pause(left: &Value) -> Duration {
    Duration::from_millis(if let Value::Int(left @ 1..) = left { left.unsigned_abs() } else { 1 })
}

/// Lets the lock go, or makes it a pause.
pub(crate) async fn unlock(link: &Link, names: &Names, token: &str, pause: Option<Duration>) -> Result<(), Error> {
    let pause = pause.map_or(0, millis).to_string();
    UNLOCK.run(link, &[&names.lock], &[token.as_bytes(), pause.as_bytes()]).await.map(drop)
}

/// As [`unlock`], for many.
pub(crate) async fn unlock_many(link: &Link, token: &str, locks: &[(Names, Option<Duration>)]) -> Result<(), Error> {
    let mut runs = Pipeline::new();
    for (names, pause) in locks {
        let pause = pause.map_or(0, millis).to_string();
        runs.add_command(UNLOCK.by_digest(&[&names.lock], &[token.as_bytes(), pause.as_bytes()]));
    }
    UNLOCK.run_all(link, &runs).await.map(drop)
}

/// Writes a value whoever loads, and takes the lock away.
pub(crate) async fn put(link: &Link, names: &Names, bytes: &[u8], stay: Duration) -> Result<(), Error> {
    store(link, names, "", bytes, stay).await.map(drop)
}

/// Deletes a value and takes the lock away.
pub(crate) async fn forget(link: &Link, names: &Names) -> Result<(), Error> {
    link.send(redis::cmd("UNLINK").arg(&names.value).arg(&names.lock)).await.map(drop)
}

/// Deletes every key of a space, 500 at a time; answers how many values there were.
pub(crate) async fn clear(link: &Link, space: Space) -> Result<u64, Error> {
    // First all locks: whoever loads already could else store behind the walk.
    let locks = format!("{}:lock:", space.name());
    unlink(link, &locks, |_| false).await?;
    unlink(link, &space.prefix(), |key| !key.starts_with(locks.as_bytes())).await
}

/// Deletes every key that begins so; answers how many of them count.
async fn unlink(link: &Link, prefix: &str, counts: impl Fn(&[u8]) -> bool) -> Result<u64, Error> {
    let (mut cursor, mut deleted) = (b"0".to_vec(), 0);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(500);
        let answer = link.send(&scan).await?;
        let (next, keys) = redis::from_redis_value::<(Vec<u8>, Vec<Vec<u8>>)>(answer).map_err(Error::unexpected)?;
        if !keys.is_empty() {
            link.send(redis::cmd("UNLINK").arg(&keys)).await?;
            deleted += keys.iter().filter(|key| counts(key)).count() as u64;
        }
        if next == b"0" {
            return Ok(deleted);
        }
        cursor = next;
    }
}

/// At least one: Redis refuses an expiry of 0.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, i64::MAX as u64 / 4)
}

fn bytes(value: Value) -> Result<Option<Vec<u8>>, Error> {
    match value.extract_error()? {
        Value::Nil => Ok(None),
        Value::BulkString(bytes) => Ok(Some(bytes)),
        other => Err(Error::unexpected(other)),
    }
}
