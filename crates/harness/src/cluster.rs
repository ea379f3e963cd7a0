//! A cluster of three primaries, each with a third of the slots, and of their replicas.

use crate::{Client, Options, Reply, Server, wait_until};

/// Three primaries that know each other.
pub struct Cluster {
    /// In the order of their slots.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts the nodes and waits until each calls the cluster whole.
    #[track_caller]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Without the module.
    #[track_caller]
    pub fn plain() -> Self {
        Self::of(&Options::default().without_module())
    }

    /// With further lines of `redis.conf` for every node.
    #[track_caller]
    pub fn with(lines: &[&str]) -> Self {
        Self::of(&Options::default().lines(lines))
    }

    #[track_caller]
    fn of(options: &Options) -> Self {
        let nodes: Vec<Server> = (0..3).map(|_| options.clone().cluster().start()).collect();
        let slots = [(0, 5460), (5461, 10922), (10923, 16383)];
        for (epoch, (node, (first, last))) in (1..).zip(nodes.iter().zip(slots)) {
            let mut client = node.connect();
            client.run(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")).ok();
            // As redis-cli does: epochs that nodes find by colliding are still changing when the cluster says that it is
            // whole, and a slot that moves then is lost to whoever claims it with the later one.
            client.run(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}")).ok();
        }
        for node in &nodes[1..] {
            meet(&nodes[0], node);
        }
        for node in &nodes {
            let mut client = node.connect();
            wait_until("the cluster is whole", || {
                let info = client.run("CLUSTER INFO").text();
                info.contains("cluster_state:ok") && info.contains("cluster_size:3")
            });
        }
        Self { nodes }
    }

    /// With a replica of every primary, in the same order.
    #[track_caller]
    pub fn start_with_replicas() -> (Self, Vec<Server>) {
        let cluster = Self::with(&["cluster-replica-no-failover yes"]);
        let replicas: Vec<Server> = cluster.nodes.iter().map(|primary| cluster.replica_of(primary)).collect();
        for node in cluster.nodes.iter().chain(&replicas) {
            let mut client = node.connect();
            // Every node knows every replica, so that clients may begin at any of them.
            wait_until("every node knows every replica", || {
                let slots = client.run("CLUSTER SLOTS");
                slots.array().len() == 3 && slots.array().iter().all(|slot| slot.array().len() == 4)
            });
        }
        (cluster, replicas)
    }

    /// The addresses of the primaries, for a cluster client.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("redis://127.0.0.1:{}/", node.port())).collect()
    }

    /// A connection to the node that serves `key`.
    #[track_caller]
    pub fn connect_for(&self, key: &str) -> Client {
        let served = |client: &mut Client| !matches!(client.call(&["EXISTS", key]), Reply::Error(line) if line.starts_with("MOVED"));
        let mut clients = self.nodes.iter().map(Server::connect);
        clients.find_map(|mut client| served(&mut client).then_some(client)).expect("a node serves every key")
    }

    fn replica_of(&self, primary: &Server) -> Server {
        let replica = Options::default().cluster().line("cluster-replica-no-failover yes").start();
        let id = primary.connect().run("CLUSTER MYID").text();
        for node in &self.nodes {
            meet(node, &replica);
        }
        let mut client = replica.connect();
        // Refused until the replica has heard of its primary.
        wait_until("the replica knows its primary", || client.call(&["CLUSTER", "REPLICATE", &id]).is_ok());
        replica.wait_for_link();
        replica
    }
}

#[track_caller]
fn meet(node: &Server, other: &Server) {
    node.connect().run(&format!("CLUSTER MEET 127.0.0.1 {} {}", other.port(), other.cluster_port())).ok();
}
