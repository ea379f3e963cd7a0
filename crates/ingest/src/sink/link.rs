//! Where Redis is and what connects to it: one server, the master that sentinels name, or a cluster.
//!
//! A cluster's connection follows `MOVED`, `ASK` and `TRYAGAIN` by itself, sending the whole of what goes to one key
//! again, which the numbers of its batches make harmless.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo, SingleNodeRoutingInfo};
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisError, RedisResult,
    TlsCertificates, Value,
};

use super::masters::{Listed, Masters, masters_of, run_id_of};
use crate::config::{ConfigError, RedisConfig};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server that saves, loads or runs a long command may answer late; a dead one is noticed by this.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a master may take to tell what process it is; it is asked again.
const TOLD_WITHIN: Duration = Duration::from_secs(1);
/// For each node of a cluster: one that does not answer is tried twice before the others are connected to.
const NODE_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const _: () = assert!(2 * NODE_CONNECT_TIMEOUT.as_secs() < RESPONSE_TIMEOUT.as_secs());
/// How often a cluster's connection tries a request itself before it is an error here.
const CLUSTER_RETRIES: u32 = 3;
/// The longest of its pauses, milliseconds.
const CLUSTER_PAUSE_MS: u64 = 500;

/// What an address names.
enum Place {
    One(Client),
    Cluster(Box<ClusterClient>),
    /// Sentinels, the master's name, and how it is connected to.
    Sentinels(Vec<ConnectionInfo>, String, Box<SentinelNodeConnectionInfo>),
}

/// Makes connections.
pub struct Door {
    place: Place,
}

/// A connection.
pub enum Link {
    /// To one server.
    One(Box<MultiplexedConnection>),
    /// To a cluster.
    Cluster(Box<ClusterConnection>),
}

impl Door {
    /// Reads address and certificates; connects later.
    pub fn new(config: &RedisConfig) -> Result<Self, ConfigError> {
        crate::choose_crypto();
        let certificates = match &config.ca_file {
            Some(path) => {
                let pem =
                    std::fs::read(path).map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
                Some(TlsCertificates { client_tls: None, root_cert: Some(pem) })
            }
            None => None,
        };
        // The error's own text may hold the address, and that the password.
        let refused = |error: RedisError| {
            let problem = format!("{}: {}", config.url, error.category());
            ConfigError::Setting { name: config.url_named, problem }
        };
        place_of(config.url.reveal(), certificates).map(|place| Self { place }).map_err(refused)
    }

    /// Connects, looking the address up anew.
    pub async fn connect(&self) -> RedisResult<Link> {
        self.connect_for(RESPONSE_TIMEOUT).await
    }

    /// Connects to somebody whose answers are awaited for so long; a cluster's no longer than ever, since a master that hangs
    /// would hold up what goes to the others.
    pub async fn connect_for(&self, patience: Duration) -> RedisResult<Link> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(patience));
        let one = async |client: &Client| {
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            Ok(Link::One(Box::new(connection)))
        };
        match &self.place {
            Place::One(client) => one(client).await,
            Place::Cluster(client) => {
                let connecting = tokio::time::timeout(RESPONSE_TIMEOUT, client.get_async_connection());
                let connection = connecting.await.map_err(|_| timed_out())?;
                Ok(Link::Cluster(Box::new(connection?)))
            }
            Place::Sentinels(sentinels, name, node) => {
                let mut sentinel = Sentinel::build(sentinels.clone())?;
                let asking = tokio::time::timeout(RESPONSE_TIMEOUT, sentinel.async_master_for(name, Some(node)));
                let client = asking.await.map_err(|_| timed_out())?;
                one(&client?).await
            }
        }
    }
}

impl Link {
    /// Sends parts, each for one key, and answers each part's replies; an error is all parts' on one connection.
    pub async fn send(&mut self, parts: &[Pipeline]) -> Vec<RedisResult<Vec<Value>>> {
        match self {
            Self::One(connection) => {
                let mut whole = Pipeline::with_capacity(parts.iter().map(Pipeline::len).sum());
                for command in parts.iter().flat_map(Pipeline::cmd_iter) {
                    whole.add_command(command.clone());
                }
                match connection.send_packed_commands(&whole, 0, whole.len()).await {
                    Ok(replies) => {
                        let mut replies = replies.into_iter();
                        parts.iter().map(|part| Ok(replies.by_ref().take(part.len()).collect())).collect()
                    }
                    Err(error) => parts.iter().map(|_| Err(error.clone())).collect(),
                }
            }
            Self::Cluster(connection) => {
                let sending = parts.iter().map(|part| {
                    let mut connection = ClusterConnection::clone(connection);
                    async move { connection.req_packed_commands(part, 0, part.len()).await }
                });
                join_all(sending).await
            }
        }
    }

    /// Asks the server, or every master of a cluster, whose answers carry its address. Refusals are answers.
    pub async fn ask_each(&mut self, command: &redis::Cmd) -> RedisResult<Vec<(Option<String>, Value)>> {
        match self {
            Self::One(connection) => Ok(vec![(None, connection.send_packed_command(command).await?)]),
            Self::Cluster(connection) => answers_of(connection, command, MultipleNodeRoutingInfo::AllMasters).await,
        }
    }

    /// Who takes the events. A cluster's master that cannot be asked takes none either, so it may be silent, and so may one
    /// that failed. Another one that is slow to tell might take them before it is known, so that is an error.
    pub async fn masters(&mut self) -> RedisResult<Masters> {
        match self {
            Self::One(connection) => {
                let told = run_id_of(&text_of(&connection.send_packed_command(&info_server()).await?));
                Ok(told.map(|run_id| (String::new(), Some(run_id))).into_iter().collect())
            }
            Self::Cluster(connection) => {
                // Of any node, as one that is gone is asked in vain.
                let any = (MultipleNodeRoutingInfo::AllNodes, Some(ResponsePolicy::OneSucceeded));
                let cluster_nodes = redis::cmd("CLUSTER").arg("NODES").to_owned();
                let nodes = connection.route_command(cluster_nodes, RoutingInfo::MultiNode(any)).await?;
                // Those that failed last: asking one that hangs holds up the whole connection.
                let (failed, there): (Vec<_>, Vec<_>) =
                    masters_of(&text_of(&nodes)).into_iter().partition(|listed| listed.is_failed);
                let mut masters = Masters::new();
                for listed in [there, failed] {
                    let told = join_all(listed.into_iter().map(|listed| process_of(connection, listed))).await;
                    for told in told {
                        masters.extend([told?]);
                    }
                }
                Ok(masters)
            }
        }
    }

    /// Whether others may take the events by and by without a word over this connection.
    pub const fn may_turn(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Sends one command to the server, or to every node of a cluster that clients are led to. It is an error when one of
    /// them refuses it, or could not be sent it: the cluster's client passes over a node that it has no connection to yet.
    /// A replica that `CLUSTER SLOTS` leaves out, because it has heard nothing of its master yet, is not waited for.
    pub async fn tell(&mut self, command: &redis::Cmd) -> RedisResult<()> {
        let connection = match self {
            Self::One(connection) => return connection.send_packed_command(command).await?.extract_error().map(drop),
            Self::Cluster(connection) => connection,
        };
        let slots = connection.req_packed_command(redis::cmd("CLUSTER").arg("SLOTS")).await?;
        let wanted = count_of(&slots);
        let answers = answers_of(connection, command, MultipleNodeRoutingInfo::AllNodes).await?;
        let told = answers.len();
        for (_, answer) in answers {
            answer.extract_error()?;
        }
        if told < wanted {
            let why = format!("{told} of the cluster's {wanted} nodes could be reached");
            return Err(RedisError::from((redis::ErrorKind::ClusterConnectionNotFound, "not all were told", why)));
        }
        Ok(())
    }
}

/// A master's name, and its process where it tells.
async fn process_of(connection: &ClusterConnection, listed: Listed) -> RedisResult<(String, Option<String>)> {
    let Listed { name, address, is_failed } = listed;
    let Some((host, port)) = address else { return Ok((name, None)) };
    let mut connection = ClusterConnection::clone(connection);
    let node = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host: host.clone(), port });
    match tokio::time::timeout(TOLD_WITHIN, connection.route_command(info_server(), node)).await {
        Ok(told) => Ok((name, told.ok().and_then(|info| run_id_of(&text_of(&info))))),
        Err(_) if is_failed => Ok((name, None)),
        Err(_) => Err(RedisError::from((
            redis::ErrorKind::Io,
            "a master is slow to tell who it is",
            format!("{host}:{port}"),
        ))),
    }
}

fn info_server() -> redis::Cmd {
    redis::cmd("INFO").arg("server").to_owned()
}

/// The answer of each node, by its address.
async fn answers_of(
    connection: &mut ClusterConnection,
    command: &redis::Cmd,
    nodes: MultipleNodeRoutingInfo,
) -> RedisResult<Vec<(Option<String>, Value)>> {
    match connection.route_command(command.clone(), RoutingInfo::MultiNode((nodes, None))).await? {
        Value::Map(answers) => {
            Ok(answers.into_iter().map(|(node, answer)| (Some(text_of(&node).to_string()), answer)).collect())
        }
        other => Ok(vec![(None, other)]),
    }
}

/// `redis+cluster://user:password@a:6379,b:6379`, `redis+sentinel://user:password@a:26379,b:26379/name`, both also with
/// `rediss`, or one server as redis-rs reads it.
fn place_of(url: &str, certificates: Option<TlsCertificates>) -> RedisResult<Place> {
    let Some((scheme, rest)) = url.split_once("://") else { return Client::open(url).map(Place::One) };
    let (plain, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
    if kind.is_empty() {
        let client = match certificates {
            Some(certificates) => Client::build_with_tls(url, certificates),
            None => Client::open(url),
        };
        return client.map(Place::One);
    }
    let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, hosts) = authority.rsplit_once('@').map_or(("", authority), |(user, hosts)| (user, hosts));
    let at = if user.is_empty() { String::new() } else { format!("{user}@") };
    let urls: Vec<String> = hosts.split(',').map(|host| format!("{plain}://{at}{host}")).collect();
    match kind {
        "cluster" => {
            let mut builder = ClusterClient::builder(urls)
                .retries(CLUSTER_RETRIES)
                .max_retry_wait(CLUSTER_PAUSE_MS)
                .connection_timeout(NODE_CONNECT_TIMEOUT)
                .response_timeout(RESPONSE_TIMEOUT);
            if let Some(certificates) = certificates {
                builder = builder.certs(certificates);
            }
            builder.build().map(|client| Place::Cluster(Box::new(client)))
        }
        "sentinel" if !name.is_empty() => {
            // User and password are the server's; sentinels are asked without.
            let sentinels: RedisResult<Vec<ConnectionInfo>> =
                hosts.split(',').map(|host| format!("redis://{host}").into_connection_info()).collect();
            let model = format!("{plain}://{at}host").into_connection_info()?;
            let mut node =
                SentinelNodeConnectionInfo::default().set_redis_connection_info(model.redis_settings().clone());
            if plain == "rediss" {
                node = node.set_tls_mode(redis::TlsMode::Secure);
            }
            Ok(Place::Sentinels(sentinels?, name.to_owned(), Box::new(node)))
        }
        _ => {
            Err(RedisError::from((redis::ErrorKind::InvalidClientConfig, "neither +cluster nor +sentinel with a name")))
        }
    }
}

fn timed_out() -> RedisError {
    std::io::Error::from(std::io::ErrorKind::TimedOut).into()
}

fn text_of(value: &Value) -> Arc<str> {
    match value {
        Value::BulkString(bytes) => Arc::from(String::from_utf8_lossy(bytes)),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => Arc::from(text.as_str()),
        // Asked of several nodes: any of them knows.
        Value::Map(answers) => answers.first().map_or_else(|| Arc::from(""), |(_, answer)| text_of(answer)),
        _ => Arc::from(""),
    }
}

/// How many nodes, masters and replicas, `CLUSTER SLOTS` names: behind the ends of each span host, port and id of each.
fn count_of(slots: &Value) -> usize {
    let Value::Array(spans) = slots else { return 0 };
    let mut ids = HashSet::new();
    for span in spans {
        let Value::Array(fields) = span else { continue };
        ids.extend(fields.iter().filter_map(|field| match field {
            Value::Array(node) => node.get(2).map(text_of),
            _ => None,
        }));
    }
    ids.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_clusters_and_sentinels_are_read() {
        let kinds = [
            ("redis://127.0.0.1:6379/0", "one"),
            ("unix:///run/redis.sock", "one"),
            ("redis+cluster://u:p%40@a:6379,b:6380", "cluster"),
            ("rediss+cluster://a", "cluster"),
            ("redis+sentinel://:p@a:26379,b:26379/mymaster", "sentinels"),
            ("redis+sentinel://a:26379", ""),
            ("redis+swarm://a", ""),
            ("nonsense", ""),
        ];
        crate::choose_crypto();
        for (url, expected) in kinds {
            let kind = match place_of(url, None) {
                Ok(Place::One(_)) => "one",
                Ok(Place::Cluster(_)) => "cluster",
                Ok(Place::Sentinels(sentinels, name, _)) => {
                    assert_eq!((sentinels.len(), name.as_str()), (2, "mymaster"));
                    "sentinels"
                }
                Err(_) => "",
            };
            assert_eq!(kind, expected, "{url}");
        }
    }

    #[test]
    fn nodes_that_clients_are_led_to_are_counted_once() {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = |id: &str| Value::Array(vec![text("127.0.0.1"), Value::Int(1), text(id), Value::Array(Vec::new())]);
        let span = |ids: &[&str]| {
            let ends = [Value::Int(0), Value::Int(5)];
            Value::Array(ends.into_iter().chain(ids.iter().map(|id| node(id))).collect())
        };
        let slots = Value::Array(vec![span(&["a", "c"]), span(&["b"]), span(&["a", "c"])]);
        assert_eq!((count_of(&slots), count_of(&Value::Nil)), (3, 0));
    }
}
