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

/// KEYS session; ARGV field, the server, or nothing to remove it, then from where only, or nothing. Answers null when the
/// session has ended, else when it ends, and the server that was named before and is no more.
static SUBSCRIBE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('HEXISTS', KEYS[1], 's') == 0 then return false end
local former = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if ARGV[2] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
elseif ARGV[3] == '' or ARGV[3] == former then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  former = ''
end
return {redis.call('PEXPIRETIME', KEYS[1]), former}",
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
    /// Behind `steps`: puts a session on the lists of these channels until `until_ms` where `are_on` says so, else takes it
    /// off them, and looks then what the session itself says, until both say the same; false when it has ended. Whoever
    /// changes what a session says does this afterwards, so the last to change a list has seen the last that was said.
    pub(super) async fn list(
        &self,
        mut steps: Pipeline,
        hash: &str,
        subscriptions: &[(String, String)],
        mut are_on: Vec<bool>,
        until_ms: u64,
    ) -> Result<bool, Error> {
        loop {
            for ((channel, server), is_on) in subscriptions.iter().zip(&are_on) {
                let (key, member) = (channel_key(channel), member(hash, server));
                if *is_on {
                    steps.cmd("ZADD").arg(&key).arg(until_ms).arg(member);
                    extend(&mut steps, &key, self.life_ms());
                } else {
                    steps.cmd("ZREM").arg(&key).arg(member);
                }
            }
            self.write(&steps).await?;
            let (is_there, said) = self.said(hash, subscriptions).await?;
            if said == are_on {
                return Ok(is_there);
            }
            are_on = said;
            steps = Pipeline::new();
        }
    }

    /// Whether a session has not ended, and which of these subscriptions it has.
    async fn said(&self, hash: &str, subscriptions: &[(String, String)]) -> Result<(bool, Vec<bool>), Error> {
        let mut look = redis::cmd("HMGET");
        look.arg(self.key(hash)).arg("s");
        for (channel, _) in subscriptions {
            look.arg(field(channel));
        }
        let answer = self.link.send(&look).await?;
        let fields: Vec<Option<Vec<u8>>> = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        let is_there = fields.first().is_some_and(Option::is_some);
        let are_on = subscriptions.iter().zip(fields.iter().skip(1));
        let are_on = are_on.map(|((_, server), said)| is_there && said.as_deref() == Some(server.as_bytes()));
        Ok((is_there, are_on.collect()))
    }

    /// Writes a subscription into a session; when that ends and which server was named before, or none when it has ended.
    async fn subscribe(
        &self,
        hash: &str,
        channel: &str,
        server: &str,
        only_from: &str,
    ) -> Result<Option<(u64, String)>, Error> {
        let field = field(channel);
        let args = [field.as_bytes(), server.as_bytes(), only_from.as_bytes()];
        let answer = SUBSCRIBE.run(&self.link, &[&self.key(hash)], &args).await?;
        let answer: Option<(i64, String)> = redis::from_redis_value(answer).map_err(Error::unexpected)?;
        Ok(answer.map(|(until_ms, former)| (until_ms.unsigned_abs(), former)))
    }

    async fn remove(&self, token: &Token, channel: &str, only_from: &str) -> Result<(), Error> {
        check_id(channel)?;
        let hash = token.hash();
        match self.subscribe(&hash, channel, "", only_from).await? {
            Some((until_ms, former)) if !former.is_empty() => {
                let subscription = [(channel.to_owned(), former)];
                self.list(Pipeline::new(), &hash, &subscription, vec![false], until_ms).await.map(drop)
            }
            _ => Ok(()),
        }
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
        check_id(channel)?;
        let hash = token.hash();
        let Some((until_ms, former)) = self.subscribe(&hash, channel, server, "").await? else { return Ok(false) };
        let (key, now_ms) = (channel_key(channel), self.link.now_ms().await);
        let mut steps = Pipeline::new();
        steps.cmd("ZREMRANGEBYSCORE").arg(&key).arg("-inf").arg(now_ms);
        let (mut subscriptions, mut are_on) = (vec![(channel.to_owned(), server.to_owned())], vec![true]);
        if !former.is_empty() && former != server {
            subscriptions.push((channel.to_owned(), former));
            are_on.push(false);
        }
        self.list(steps, &hash, &subscriptions, are_on, until_ms).await
    }

    /// A session listens no more, wherever it did.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn unlisten(&self, token: &Token, channel: &str) -> Result<(), Error> {
        self.remove(token, channel, "").await
    }

    /// A session listens no more on this server: for a socket that is closed, as its client may have come back on another
    /// server by then.
    ///
    /// # Errors
    /// As Redis answers.
    pub async fn unlisten_at(&self, token: &Token, channel: &str, server: &str) -> Result<(), Error> {
        check_id(server)?;
        self.remove(token, channel, server).await
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
