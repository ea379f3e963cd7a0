//! Who listens to a channel, and on which server: members of a sorted set by the moment they die. A server says that it
//! lives every third of a heartbeat; with its last word all its listeners are gone.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use redis::{Pipeline, Value};

use super::{Fields, Sessions, Token, extend};
use crate::Error;
use crate::script::Script;
use crate::space::check_id;

/// The servers by the moment they are dead.
const SERVERS: &str = "ws:servers";

/// KEYS session; ARGV field, server or empty to remove. Answers when the session ends, or -1 when it has.
static SUBSCRIBE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HEXISTS', KEYS[1], 's') == 0 then return -1 end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return redis.call('PEXPIRETIME', KEYS[1])",
    )
});

/// A session that listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Listener {
    /// The SHA-256 of its token.
    pub session: String,
    /// The server that holds its socket: `PUBLISH ws:<server>` reaches it.
    pub server: String,
}

/// The field of a session that names the server on which it listens to a channel.
fn field(channel: &str) -> String {
    format!("c:{channel}")
}

pub(super) fn channel_key(channel: &str) -> String {
    format!("ws:channel:{channel}")
}

pub(super) fn member(hash: &str, server: &str) -> String {
    format!("{hash} {server}")
}

/// Channels and servers in a session's fields.
pub(super) fn subscriptions(fields: &Fields) -> Vec<(String, String)> {
    let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    let own = fields.iter().filter_map(|(name, server)| Some((name.strip_prefix("c:")?.to_owned(), text(server))));
    own.collect()
}

/// Says that a server lives, until it is dropped: then its listeners are gone within the heartbeat.
pub struct Serving {
    beat: tokio::task::JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.beat.abort();
    }
}

impl<D> Sessions<D> {
    /// Behind `steps`: puts a session on the lists of channels until it ends, and off again where it has ended or listens elsewhere by now;
    /// false when it has ended. Who ends it, or a subscription, writes that into the session and takes it off the lists
    /// afterwards: so one of the two sees the other.
    pub(super) async fn enlist(
        &self,
        mut steps: Pipeline,
        hash: &str,
        on: &[(String, String)],
        until_ms: u64,
    ) -> Result<bool, Error> {
        let mut look = redis::cmd("HMGET");
        look.arg(self.key(hash)).arg("s");
        for (channel, server) in on {
            let key = channel_key(channel);
            steps.cmd("ZADD").arg(&key).arg(until_ms).arg(member(hash, server));
            extend(&mut steps, &key, self.life_ms());
            look.arg(field(channel));
        }
        self.write(&steps).await?;
        let answer = self.link.send(&look).await?;
        let said: Vec<Option<String>> = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        let is_there = said.first().is_some_and(Option::is_some);
        let mut steps = Pipeline::new();
        for ((channel, server), said) in on.iter().zip(said.iter().skip(1)) {
            if !is_there || said.as_ref() != Some(server) {
                steps.cmd("ZREM").arg(channel_key(channel)).arg(member(hash, server));
            }
        }
        self.write(&steps).await?;
        Ok(is_there)
    }
}

impl<D: 'static> Sessions<D> {
    /// Says, from now on and in the background, that `server` lives: for the process that holds the sockets.
    ///
    /// # Errors
    /// As Redis answers to the first word; later it is said again and again.
    pub async fn serve(&self, server: &str) -> Result<Serving, Error> {
        check_id(server)?;
        self.beat(server).await?;
        let (own, server) = (self.clone(), server.to_owned());
        let beat = tokio::spawn(async move {
            loop {
                tokio::time::sleep(own.heartbeat / 3).await;
                if let Err(error) = own.beat(&server).await {
                    tracing::debug!(%error, server, "the heartbeat is not heard");
                }
            }
        });
        Ok(Serving { beat })
    }

    async fn beat(&self, server: &str) -> Result<(), Error> {
        let now_ms = self.link.now_ms().await;
        let heartbeat_ms = self.heartbeat.as_millis() as u64;
        let mut steps = Pipeline::new();
        steps.cmd("ZADD").arg(SERVERS).arg(now_ms + heartbeat_ms).arg(server);
        steps.cmd("ZREMRANGEBYSCORE").arg(SERVERS).arg("-inf").arg(format!("({now_ms}"));
        extend(&mut steps, SERVERS, heartbeat_ms);
        self.write(&steps).await
    }

    /// A session listens to a channel, on a server that [serves](Self::serve); false when the session has ended. On
    /// another server than before it moves there.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn listen(&self, token: &Token, channel: &str, server: &str) -> Result<bool, Error> {
        check_id(server)?;
        self.unlisten(token, channel).await?;
        let hash = token.hash();
        let args = [field(channel), server.to_owned()];
        let args = args.each_ref().map(|arg| arg.as_bytes());
        let Value::Int(until_ms @ 0..) = SUBSCRIBE.run(&self.link, &[&self.key(&hash)], &args).await? else {
            return Ok(false);
        };
        let (key, now_ms) = (channel_key(channel), self.link.now_ms().await);
        let mut steps = Pipeline::new();
        steps.cmd("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(now_ms);
        self.enlist(steps, &hash, &[(channel.to_owned(), server.to_owned())], until_ms as u64).await
    }

    /// A session listens no more.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn unlisten(&self, token: &Token, channel: &str) -> Result<(), Error> {
        check_id(channel)?;
        let (hash, field) = (token.hash(), field(channel));
        let server = self.link.send(redis::cmd("HGET").arg(self.key(&hash)).arg(&field)).await?;
        let Value::BulkString(server) = server else { return Ok(()) };
        let member = member(&hash, &String::from_utf8_lossy(&server));
        let mut take_off = redis::cmd("ZREM");
        take_off.arg(channel_key(channel)).arg(member);
        self.link.send(&take_off).await?;
        SUBSCRIBE.run(&self.link, &[&self.key(&hash)], &[field.as_bytes(), b""]).await?;
        // Whoever touched the session in between put it on again.
        self.link.send(&take_off).await.map(drop)
    }

    /// Who listens to a channel: sessions that have not ended, on servers that live.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn listeners(&self, channel: &str) -> Result<Vec<Listener>, Error> {
        check_id(channel)?;
        let now_ms = self.link.now_ms().await;
        let mut steps = Pipeline::new();
        let after_now = format!("({now_ms}");
        steps.cmd("ZRANGE").arg(channel_key(channel)).arg(&after_now).arg("+inf").arg("BYSCORE");
        steps.cmd("ZRANGE").arg(SERVERS).arg(&after_now).arg("+inf").arg("BYSCORE");
        let mut answers = self.link.send_each(&steps).await?.into_iter();
        let mut names = || -> Result<Vec<String>, Error> {
            let answer = answers.next().unwrap_or(Ok(Value::Nil))?;
            redis::from_redis_value(answer).map_err(Error::unexpected)
        };
        let (members, servers) = (names()?, names()?.into_iter().collect::<HashSet<_>>());
        let read = |member: String| {
            let (session, server) = member.split_once(' ')?;
            servers.contains(server).then(|| Listener { session: session.to_owned(), server: server.to_owned() })
        };
        Ok(members.into_iter().filter_map(read).collect())
    }

    /// How many listen on each living server: what a channel's message has to be sent to.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn servers(&self, channel: &str) -> Result<HashMap<String, usize>, Error> {
        let mut servers = HashMap::new();
        for listener in self.listeners(channel).await? {
            *servers.entry(listener.server).or_default() += 1;
        }
        Ok(servers)
    }
}
