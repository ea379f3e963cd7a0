//! Cluster connections whose reads of series and limiters go to replicas.

use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Arg, Cmd, Value};

/// The commands that change nothing, and so work on replicas.
const READS: [&[u8]; 10] = [
    b"LIQ.INFO",
    b"LIQ.PCTL",
    b"LIQ.RANK",
    b"LIQ.VWAP",
    b"LIQ.STATS",
    b"LIQ.RANGE",
    b"LIQ.HIST",
    b"LIQ.DIGEST",
    b"RL.PEEK",
    b"RL.INFO",
];

/// A cluster connection, sync or async, that lets replicas answer the module's reads.
///
/// redis-rs sends only reads that it knows itself to replicas, and of modules it knows none. The client must have been
/// built with a [routing strategy](redis::cluster_read_routing) for reads. Replicas lag: what was
/// just added may be missing from their answers. Pipelines go to primaries.
///
/// ```no_run
/// use redis_liq::redis::{cluster::ClusterClientBuilder, cluster_read_routing::RandomReplicaStrategy};
/// use redis_liq::{AsyncLiqCommands, ReplicaReads, Scope};
///
/// # async fn run() -> Result<(), redis_liq::Error> {
/// let nodes = ["redis://127.0.0.1:7000/", "redis://127.0.0.1:7001/"];
/// let client = ClusterClientBuilder::new(nodes).read_routing_strategy(RandomReplicaStrategy).build()?;
/// let mut con = ReplicaReads(client.get_async_connection().await?);
/// let p80 = con.liq_pctl("liq:{BTCUSDT}", &[80.0], &Scope::default()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ReplicaReads<C>(pub C);

/// Where a read should go; nothing for other commands.
fn route_of(command: &Cmd) -> Option<RoutingInfo> {
    let mut args = command.args_iter();
    let (Some(Arg::Simple(name)), Some(Arg::Simple(key))) = (args.next(), args.next()) else { return None };
    let is_read = READS.iter().any(|read| read.eq_ignore_ascii_case(name));
    let route = || Route::with_slot(Slot::for_key(key), SlotAddr::ReplicaOptional);
    is_read.then(|| RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(route())))
}

impl redis::ConnectionLike for ReplicaReads<redis::cluster::ClusterConnection> {
    fn req_command(&mut self, command: &Cmd) -> redis::RedisResult<Value> {
        match route_of(command) {
            Some(route) => self.0.route_command(command, route),
            None => self.0.req_command(command),
        }
    }

    fn req_packed_command(&mut self, command: &[u8]) -> redis::RedisResult<Value> {
        self.0.req_packed_command(command)
    }

    fn req_packed_commands(&mut self, commands: &[u8], offset: usize, count: usize) -> redis::RedisResult<Vec<Value>> {
        self.0.req_packed_commands(commands, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }

    fn supports_pipelining(&self) -> bool {
        self.0.supports_pipelining()
    }

    fn check_connection(&mut self) -> bool {
        self.0.check_connection()
    }

    fn is_open(&self) -> bool {
        self.0.is_open()
    }
}

impl redis::aio::ConnectionLike for ReplicaReads<redis::cluster_async::ClusterConnection> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> redis::RedisFuture<'a, Value> {
        match route_of(command) {
            Some(route) => Box::pin(self.0.route_command(command.clone(), route)),
            None => self.0.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a redis::Pipeline,
        offset: usize,
        count: usize,
    ) -> redis::RedisFuture<'a, Vec<Value>> {
        self.0.req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        self.0.get_db()
    }
}
