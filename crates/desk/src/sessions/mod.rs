//! Sessions that every server of a fleet knows and that end everywhere at once, and who of them listens to what.
//!
//! A subscription dies with its session, and with the server that holds its socket: reads take what is alive, writes drop
//! what is not, so nothing dangles when a server is killed.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use redis_liq_desk::sessions::{Sessions, Token};
//! # use redis_liq_desk::{Link, Space};
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Account { theme: String }
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let sessions = Sessions::<Account>::new(&Link::from_env()?, Space::new("session"), Duration::from_secs(86_400))?;
//! let token = sessions.begin("ann", &Account { theme: "dark".into() }).await?;
//! if let Some(session) = sessions.get(&token).await? {
//!     println!("{} since {} ms", session.user, session.began_ms);
//! }
//! # Ok(()) }
//! ```

mod listeners;
mod token;

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::LazyLock;
use std::time::Duration;

use redis::{Pipeline, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use listeners::{Listener, Serving};
pub use token::Token;

use crate::script::Script;
use crate::space::check_id;
use crate::{Error, Link, Space};

/// KEYS session; ARGV now, life. It was seen, if it has not ended.
static TOUCH: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HEXISTS', KEYS[1], 's') == 0 then return 0 end
redis.call('HSET', KEYS[1], 's', ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
    )
});

/// KEYS session. Ends it: what stays names the lists that it is on, until it is off them. Answers whether it had not ended
/// before, and all fields.
static END: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local fields = redis.call('HGETALL', KEYS[1])
local ended = redis.call('HDEL', KEYS[1], 's', 'd', 'v', 'b')
return {ended > 0 and 1 or 0, fields}",
    )
});

/// KEYS session; ARGV version, data. Writes if nobody else did.
static PUT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'd', ARGV[2], 'v', ARGV[1] + 1)
return 1",
    )
});

/// The sessions of one kind, whose data is a `D`. Clones share everything.
pub struct Sessions<D> {
    link: Link,
    space: Space,
    life: Duration,
    heartbeat: Duration,
    data: PhantomData<fn(D) -> D>,
}

impl<D> Clone for Sessions<D> {
    fn clone(&self) -> Self {
        Self { link: self.link.clone(), data: PhantomData, ..*self }
    }
}

/// What a session was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session<D> {
    /// What the program keeps in it.
    pub data: D,
    /// Whose it is.
    pub user: String,
    /// When it began, Unix milliseconds of the server.
    pub began_ms: u64,
    /// When it was last seen, to a sixteenth of its life.
    pub seen_ms: u64,
    version: u64,
    hash: String,
}

type Fields = HashMap<String, Vec<u8>>;

impl<D> Sessions<D> {
    /// Sessions in `space` that end `life` (1 s to 366 days) after they were last seen.
    ///
    /// # Errors
    /// [`Error::Argument`] when the life is outside its range.
    pub fn new(link: &Link, space: Space, life: Duration) -> Result<Self, Error> {
        if life < Duration::from_secs(1) || life > Duration::from_secs(366 * 86_400) {
            return Err(Error::Argument("life: must be 1 s to 366 days".into()));
        }
        let heartbeat = Duration::from_secs(30);
        Ok(Self { link: link.clone(), space, life, heartbeat, data: PhantomData })
    }

    /// How long a server that was killed still counts as alive; default 30 s, 100 ms to 1 h.
    #[must_use]
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.heartbeat = time.clamp(Duration::from_millis(100), Duration::from_secs(3600));
        self
    }

    /// The two `KEYS.POLICY` lines that say what the keys of sessions and of subscriptions are like.
    pub fn policy(&self) -> String {
        let (own, life) = (self.space.prefix(), crate::words::duration(self.life));
        let longest = crate::words::duration(self.life.max(self.heartbeat));
        format!(
            "KEYS.POLICY SET {own} TYPE hash,zset TTL {life} MAXTTL {life}\n\
             KEYS.POLICY SET ws: TYPE zset TTL {life} MAXTTL {longest}"
        )
    }

    fn key(&self, hash: &str) -> String {
        format!("{}:{hash}", self.space.name())
    }

    fn user_key(&self, user: &str) -> String {
        format!("{}:user:{user}", self.space.name())
    }

    fn user_key_of(&self, fields: &Fields) -> Option<String> {
        fields.get("u").map(|user| self.user_key(&String::from_utf8_lossy(user)))
    }

    fn life_ms(&self) -> u64 {
        self.life.as_millis() as u64
    }

    /// Ends a session; false when there is none.
    ///
    /// # Errors
    /// As Redis answers: it may then have ended; to be called again, which takes it off the lists of channels.
    pub async fn end(&self, token: &Token) -> Result<bool, Error> {
        self.end_hash(&token.hash()).await
    }

    /// Ends all sessions of a user; answers how many there were.
    ///
    /// # Errors
    /// As Redis answers: some may then have ended; to be called again.
    pub async fn end_user(&self, user: &str) -> Result<u64, Error> {
        check_id(user)?;
        let answer = self.link.send(redis::cmd("ZRANGE").arg(self.user_key(user)).arg(0).arg(-1)).await?;
        let hashes: Vec<String> = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        let mut ended = 0;
        for hash in hashes {
            ended += u64::from(self.end_hash(&hash).await?);
        }
        Ok(ended)
    }

    async fn end_hash(&self, hash: &str) -> Result<bool, Error> {
        let key = self.key(hash);
        let answer = END.run(&self.link, &[&key], &[]).await?;
        let (ended, fields): (bool, Fields) = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        if fields.is_empty() {
            return Ok(false);
        }
        let mut steps = Pipeline::new();
        for (channel, server) in listeners::subscriptions(&fields) {
            steps.cmd("ZREM").arg(listeners::channel_key(&channel)).arg(listeners::member(hash, &server));
        }
        self.write(&steps).await?;
        // Not before, and the user's list last: whoever tries again what was cut off here finds what is left to do.
        self.link.send(redis::cmd("DEL").arg(&key)).await?;
        if let Some(key) = self.user_key_of(&fields) {
            self.link.send(redis::cmd("ZREM").arg(key).arg(hash)).await?;
        }
        Ok(ended)
    }

    /// Sends commands together; the first error among their answers.
    async fn write(&self, steps: &Pipeline) -> Result<(), Error> {
        if steps.is_empty() {
            return Ok(());
        }
        self.link.send_each(steps).await?.into_iter().try_for_each(|answer| answer.map(drop))
    }
}

impl<D: Serialize + DeserializeOwned> Sessions<D> {
    /// Begins a session of a user (1 to 200 bytes, no blanks or braces).
    ///
    /// # Errors
    /// As Redis answers; [`Error::Encode`] when the data cannot be written.
    pub async fn begin(&self, user: &str, data: &D) -> Result<Token, Error> {
        check_id(user)?;
        let token = Token::random()?;
        let hash = token.hash();
        let data = encode(data)?;
        let now_ms = self.link.now_ms().await;
        let (key, user_key) = (self.key(&hash), self.user_key(user));
        let mut steps = Pipeline::new();
        // The user's list first: a session that is on it and does not exist is harmless, the other way round is not.
        steps.cmd("ZREMRANGEBYSCORE").arg(&user_key).arg("-inf").arg(now_ms);
        steps.cmd("ZADD").arg(&user_key).arg(now_ms + self.life_ms()).arg(&hash);
        extend(&mut steps, &user_key, self.life_ms());
        self.write(&steps).await?;
        let mut steps = Pipeline::new();
        steps.atomic();
        steps.cmd("HSET").arg(&key).arg("u").arg(user).arg("d").arg(data).arg("v").arg(1);
        steps.arg("b").arg(now_ms).arg("s").arg(now_ms);
        steps.cmd("PEXPIRE").arg(&key).arg(self.life_ms());
        self.link.transact(&steps).await?;
        Ok(token)
    }

    /// The session, whose life begins anew; written at most once in a sixteenth of it. None when it has ended, or its
    /// data is no `D` (a program of another version wrote it).
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn get(&self, token: &Token) -> Result<Option<Session<D>>, Error> {
        let hash = token.hash();
        let now_ms = self.link.now_ms().await;
        let answer = self.link.send(redis::cmd("HGETALL").arg(self.key(&hash))).await?;
        let mut fields: Fields = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        if !fields.contains_key("s") {
            return Ok(None);
        }
        let number = |fields: &Fields, name: &str| {
            fields.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<u64>().ok()).unwrap_or(0)
        };
        if now_ms.saturating_sub(number(&fields, "s")) >= self.life_ms() / 16 {
            self.touch(&hash, &fields, now_ms).await?;
            fields.insert("s".to_owned(), now_ms.to_string().into_bytes());
        }
        let number = |name: &str| number(&fields, name);
        let Ok(data) = rmp_serde::from_slice(fields.get("d").map(Vec::as_slice).unwrap_or_default()) else {
            return Ok(None);
        };
        let user = fields.get("u").map(|user| String::from_utf8_lossy(user).into_owned()).unwrap_or_default();
        Ok(Some(Session { data, user, began_ms: number("b"), seen_ms: number("s"), version: number("v"), hash }))
    }

    /// The session was seen. First the lists that it is on: it must not live longer than its user's list names it.
    async fn touch(&self, hash: &str, fields: &Fields, now_ms: u64) -> Result<(), Error> {
        let (until_ms, user_key) = (now_ms + self.life_ms(), self.user_key_of(fields));
        let mut steps = Pipeline::new();
        if let Some(key) = &user_key {
            steps.cmd("ZADD").arg(key).arg(until_ms).arg(hash);
            extend(&mut steps, key, self.life_ms());
        }
        let subscriptions = listeners::subscriptions(fields);
        let are_on = vec![true; subscriptions.len()];
        let is_there = self.list(steps, hash, &subscriptions, are_on, until_ms).await?;
        if is_there {
            let args = [now_ms, self.life_ms()].map(|number| number.to_string());
            TOUCH.run(&self.link, &[&self.key(hash)], &args.each_ref().map(|arg| arg.as_bytes())).await?;
        } else if let Some(key) = user_key {
            self.link.send(redis::cmd("ZREM").arg(key).arg(hash)).await?;
        }
        Ok(())
    }

    /// Replaces the data of a session as it was read; false when somebody else wrote since, or it has ended: read it
    /// again.
    ///
    /// # Errors
    /// As Redis answers; [`Error::Encode`] when the data cannot be written.
    pub async fn put(&self, session: &Session<D>, data: &D) -> Result<bool, Error> {
        let version = session.version.to_string();
        let data = encode(data)?;
        let answer = PUT.run(&self.link, &[&self.key(&session.hash)], &[version.as_bytes(), &data]).await?;
        Ok(answer == Value::Int(1))
    }
}

fn encode<D: Serialize>(data: &D) -> Result<Vec<u8>, Error> {
    rmp_serde::to_vec_named(data).map_err(|error| Error::Encode(error.to_string().into()))
}

/// Gives a key that several share an expiry, or a later one: never an earlier one.
fn extend(steps: &mut Pipeline, key: &str, life_ms: u64) {
    for when in ["NX", "GT"] {
        steps.cmd("PEXPIRE").arg(key).arg(life_ms).arg(when);
    }
}
