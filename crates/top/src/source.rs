//! Where a server is and how it is reached: one server, the master that sentinels name, or a cluster, whose masters are
//! looked at one by one. What is read there, and when, is `watch`'s and `cluster`'s.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};
use redis::{RedisResult, TlsMode, Value};
use tokio::task::JoinHandle;

use crate::names::{LONG, sentence, shown};
use crate::trouble::Trouble;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer is waited for of who is the master.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// More nodes than that are not asked for the masters beside those of the address.
const MOST_TOLD: usize = 32;
/// How often sentinels are asked whether they name another master by now.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Where sentinels listen.
const SENTINEL_PORT: u16 = 26_379;

/// What an address names.
#[derive(Debug, Clone)]
enum Place {
    One(Client),
    /// Sentinels, the master's name, and how it is connected to.
    Sentinels(Vec<ConnectionInfo>, String, Box<SentinelNodeConnectionInfo>),
    Cluster {
        /// The nodes of the address.
        seeds: Vec<Client>,
        /// Those that they told of when they were last asked.
        told: Vec<Client>,
    },
}

/// Where a server is and how it is read.
#[derive(Debug, Clone)]
pub struct Source {
    place: Place,
    /// Its address without name and password.
    pub address: String,
    is_part: bool,
}

impl Source {
    /// Reads an address; connects later. Beside what redis-rs reads: `redis+sentinel://user:password@a:26379,b:26379/name`
    /// and `redis+cluster://user:password@a:6379,b:6379`, both also with `rediss`.
    pub fn new(url: &str) -> Result<Self, Trouble> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (place, address) = place_of(url).map_err(Trouble::Address)?;
        Ok(Self { place, address: sentence(&address), is_part: false })
    }

    /// Whether there are nodes to be looked at one by one.
    pub const fn is_cluster(&self) -> bool {
        matches!(self.place, Place::Cluster { .. })
    }

    /// Whether it is one node of those that are looked at together.
    pub const fn is_part(&self) -> bool {
        self.is_part
    }

    /// Whether it is not the server that is wanted any more once it is a replica.
    pub const fn must_be_master(&self) -> bool {
        self.is_part || matches!(self.place, Place::Sentinels(..))
    }

    /// The server that it is now.
    pub async fn client(&self) -> RedisResult<Client> {
        match &self.place {
            Place::One(client) => Ok(client.clone()),
            Place::Sentinels(asked, name, node) => {
                let mut sentinel = Sentinel::build(asked.clone())?;
                let asking = tokio::time::timeout(LOOK_UP_TIMEOUT, sentinel.async_master_for(name, Some(node)));
                asking.await.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
            }
            Place::Cluster { .. } => {
                Err((redis::ErrorKind::InvalidClientConfig, "a cluster is several servers").into())
            }
        }
    }

    /// The masters of a cluster, as most of its nodes see them that answer: one that is cut off from the others, or was
    /// away for a while, tells of masters that are none any more. Nodes that are told of are asked too from now on, so
    /// that those of the address may all go.
    pub async fn masters(&mut self) -> Result<Vec<Self>, Trouble> {
        let Place::Cluster { seeds, told } = &mut self.place else { return Ok(vec![self.clone()]) };
        let mut seen: Vec<(Nodes, usize)> = Vec::new();
        let mut trouble = Trouble::Other { address: self.address.clone(), why: "no node of it serves a slot".into() };
        let mut is_refused = false;
        for answer in join_all(seeds.iter().chain(told.iter()).map(ask_nodes)).await {
            match answer {
                Ok(nodes) if nodes.masters.is_empty() => is_refused = true,
                Ok(nodes) => match seen.iter_mut().find(|(other, _)| other.masters == nodes.masters) {
                    Some((_, votes)) => *votes += 1,
                    None => seen.push((nodes, 1)),
                },
                // What a node says is worth more than that another says nothing.
                Err(_) if is_refused => {}
                Err(error) => {
                    trouble = Trouble::of(&self.address, &error);
                    is_refused = !matches!(trouble, Trouble::Unreachable { .. });
                }
            }
        }
        let most = seen.into_iter().rev().max_by_key(|(_, votes)| *votes);
        let (Some((nodes, _)), Some(model)) = (most, seeds.first()) else { return Err(trouble) };
        let fails = |error| Trouble::of(&self.address, &error);
        let clients: RedisResult<Vec<Client>> = nodes.all.iter().map(|place| node_at(model, place)).collect();
        let is_seed = |client: &Client| seeds.iter().any(|seed| addr_of(seed) == addr_of(client));
        *told = clients.map_err(fails)?.into_iter().filter(|client| !is_seed(client)).take(MOST_TOLD).collect();
        let source = |place: &(String, u16)| {
            let client = node_at(model, place)?;
            Ok(Self { address: sentence(&place_text(&client)), place: Place::One(client), is_part: true })
        };
        nodes.masters.iter().map(source).collect::<RedisResult<_>>().map_err(fails)
    }
}

/// Whether a server is still the one that sentinels name: one that is cut off from them does not know it. They are asked
/// now and then, beside what else is done.
#[derive(Debug)]
pub struct Naming {
    source: Source,
    place: ConnectionAddr,
    asked: Instant,
    asking: Option<JoinHandle<RedisResult<Client>>>,
}

impl Naming {
    /// Of the server that they named; of no other there is anything to be asked.
    pub fn of(source: &Source, named: &Client) -> Option<Self> {
        let place = addr_of(named).clone();
        let naming = || Self { source: source.clone(), place, asked: Instant::now(), asking: None };
        matches!(source.place, Place::Sentinels(..)).then(naming)
    }

    /// Fails once they name another. Sentinels that do not answer name nobody.
    pub async fn check(&mut self) -> RedisResult<()> {
        match &mut self.asking {
            None if self.asked.elapsed() >= ASK_AGAIN => {
                let source = self.source.clone();
                self.asking = Some(tokio::spawn(async move { source.client().await }));
            }
            Some(asking) if asking.is_finished() => {
                let answer = asking.await;
                (self.asking, self.asked) = (None, Instant::now());
                if let Ok(Ok(named)) = answer
                    && *addr_of(&named) != self.place
                {
                    return Err((redis::ErrorKind::Io, "the sentinels name another master").into());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Drop for Naming {
    fn drop(&mut self) {
        if let Some(asking) = &self.asking {
            asking.abort();
        }
    }
}

/// Connects; `response_timeout` is how long every answer is waited for.
pub async fn connect(client: &Client, response_timeout: Duration) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(response_timeout));
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// What one node tells of its cluster: host and port of each.
#[derive(Debug, Default, PartialEq, Eq)]
struct Nodes {
    masters: BTreeSet<(String, u16)>,
    all: BTreeSet<(String, u16)>,
}

async fn ask_nodes(asked: &Client) -> RedisResult<Nodes> {
    let mut connection = connect(asked, LOOK_UP_TIMEOUT).await?;
    let slots: Value = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
    let host = match addr_of(asked) {
        ConnectionAddr::Tcp(host, _) | ConnectionAddr::TcpTls { host, .. } => host,
        _ => "",
    };
    nodes_of(host, slots)
}

/// Behind the first and the last slot of every range stand its nodes, the master first.
fn nodes_of(asked_host: &str, slots: Value) -> RedisResult<Nodes> {
    let mut nodes = Nodes::default();
    let ranges: Vec<Vec<Value>> = redis::from_redis_value(slots)?;
    for range in ranges {
        for (place, node) in range.into_iter().skip(2).enumerate() {
            let mut fields = redis::from_redis_value::<Vec<Value>>(node)?.into_iter();
            let host: Option<String> = redis::from_redis_value(fields.next().unwrap_or(Value::Nil))?;
            let port: u16 = redis::from_redis_value(fields.next().unwrap_or(Value::Nil))?;
            // A node that does not know its own name is where it was asked.
            let host = host.filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| asked_host.to_owned());
            if place == 0 {
                nodes.masters.insert((host.clone(), port));
            }
            nodes.all.insert((host, port));
        }
    }
    Ok(nodes)
}

/// A node of the cluster, reached as the one of the address is.
fn node_at(model: &Client, (host, port): &(String, u16)) -> RedisResult<Client> {
    let info = model.get_connection_info();
    let (host, port) = (host.clone(), *port);
    let place = match info.addr() {
        ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
            ConnectionAddr::TcpTls { host, port, insecure: *insecure, tls_params: tls_params.clone() }
        }
        _ => ConnectionAddr::Tcp(host, port),
    };
    Client::open(info.clone().set_addr(place))
}

/// What an address names, and how that is called without name and password; or what is wrong with it, likewise: an
/// error's own text may hold the address, and that the password.
fn place_of(url: &str) -> Result<(Place, String), String> {
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    let Some((plain, kind)) = scheme.split_once('+').filter(|(_, kind)| *kind != "unix") else {
        let client = Client::open(url).map_err(|error| match scheme {
            "redis" | "rediss" | "unix" | "redis+unix" => error.category().to_owned(),
            _ => "it does not begin with redis://, rediss:// or unix://".to_owned(),
        })?;
        let address = format!("{}/{}", place_text(&client), client.get_connection_info().redis_settings().db());
        return Ok((Place::One(client), address));
    };
    let (rest, query) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
    let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let at = if user.is_empty() { String::new() } else { format!("{user}@") };
    // Hosts hold no secret; where an `@` is missing, what is shown was no secret to the shell either.
    let no_host = |host: &str| format!("'{}' is no host and port", shown(host.as_bytes(), LONG));
    match kind {
        "cluster" if name.is_empty() || name == "0" => {
            let open = |host: &str| Client::open(format!("{plain}://{at}{host}{query}")).map_err(|_| no_host(host));
            let seeds = hosts.split(',').map(open).collect::<Result<Vec<Client>, String>>()?;
            let places: Vec<String> = seeds.iter().map(place_text).collect();
            let address = format!("cluster {}", places.join(","));
            Ok((Place::Cluster { seeds, told: Vec::new() }, address))
        }
        "cluster" => Err("a cluster has database 0 only".to_owned()),
        "sentinel" if name.is_empty() || name.contains(['/', '@']) => {
            Err("behind the sentinels stands the name of their master, as in redis+sentinel://a:26379/NAME".to_owned())
        }
        "sentinel" => {
            // User and password are the server's; sentinels are asked without.
            let open = |host: &str| sentinel_at(host).ok_or_else(|| no_host(host));
            let asked = hosts.split(',').map(open).collect::<Result<Vec<ConnectionInfo>, String>>()?;
            let places: Vec<String> = asked.iter().map(|info| info.addr().to_string()).collect();
            let model = format!("{plain}://{at}host{query}").into_connection_info();
            let model = model.map_err(|error| error.category().to_owned())?;
            let mut node =
                SentinelNodeConnectionInfo::default().set_redis_connection_info(model.redis_settings().clone());
            if matches!(model.addr(), ConnectionAddr::TcpTls { .. }) {
                node = node.set_tls_mode(TlsMode::Secure);
            }
            let address = format!("{name} of sentinels {}", places.join(","));
            Ok((Place::Sentinels(asked, name.to_owned(), Box::new(node)), address))
        }
        _ => Err("behind the + stands cluster or sentinel".to_owned()),
    }
}

fn sentinel_at(host: &str) -> Option<ConnectionInfo> {
    // A colon within brackets is one of IPv6's.
    let has_port = host.rfind(':') > host.rfind(']');
    let port = if has_port { String::new() } else { format!(":{SENTINEL_PORT}") };
    format!("redis://{host}{port}").into_connection_info().ok()
}

fn addr_of(client: &Client) -> &ConnectionAddr {
    client.get_connection_info().addr()
}

fn place_text(client: &Client) -> String {
    addr_of(client).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn addresses_are_read_and_told_without_passwords() {
        let cases = [
            ("redis://:secret@10.0.0.5:6379/2", "10.0.0.5:6379/2"),
            ("redis+cluster://user:secret@a:6379,b:6380", "cluster a:6379,b:6380"),
            ("rediss+cluster://user:s%40e@a/0?protocol=resp3", "cluster a:6379"),
            ("rediss+sentinel://:secret@a,b:26380/market?protocol=resp3", "market of sentinels a:26379,b:26380"),
            ("redis+unix:///run/redis.sock", "/run/redis.sock/0"),
        ];
        for (url, address) in cases {
            assert_eq!(Source::new(url).unwrap().address, address);
        }
    }

    #[test]
    fn a_wrong_address_is_told_by_what_is_wrong_and_without_its_password() {
        let cases = [
            ("", "does not begin with"),
            ("http://a", "does not begin with"),
            ("redis://:secret@a:port", "the address is none"),
            ("redis+cluster://", "'' is no host and port"),
            ("redis+cluster://:secret@a:6379,b:port", "'b:port' is no host and port"),
            ("redis+cluster://:secret@a:6379/3", "database 0 only"),
            ("redis+sentinel://:secret@a:26379", "the name of their master"),
            ("redis+sentinel://:secret@a:26379,/market", "'' is no host and port"),
            ("redis+sentinel://:se/cret@a:26379/market", "the name of their master"),
            ("redis+swarm://:secret@a", "cluster or sentinel"),
        ];
        for (url, wrong) in cases {
            let said = Source::new(url).unwrap_err().to_string();
            assert!(said.contains(wrong) && said.contains("--redis-url") && !said.contains("secret"), "{url}: {said}");
        }
    }

    #[test]
    fn nodes_are_read_of_the_slots_that_they_serve() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let slots = Value::Array(vec![
            Value::Array(vec![Value::Int(0), Value::Int(9), node(text("a"), 1), node(text("b"), 2)]),
            Value::Array(vec![Value::Int(10), Value::Int(11), node(Value::Nil, 3)]),
            Value::Array(vec![Value::Int(12), Value::Int(16_383), node(text("a"), 1)]),
        ]);
        let nodes = nodes_of("me", slots).unwrap();
        assert_eq!(nodes.masters, [("a".to_owned(), 1), ("me".to_owned(), 3)].into());
        assert_eq!(nodes.all.len(), 3);
        assert_eq!(nodes_of("me", Value::Array(Vec::new())).unwrap(), Nodes::default());
        assert!(nodes_of("me", Value::Int(1)).is_err());
    }
}
