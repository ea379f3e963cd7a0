//! A cluster of three primaries, each with a third of the slots.

use super::server::wait_until;
use super::{Client, Options, Reply, Server};

/// Three nodes that know each other.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    #[track_caller]
    pub fn start() -> Self {
        let nodes: Vec<Server> = (0..3).map(|_| Options::default().cluster().start()).collect();
        let slots = [(0, 5460), (5461, 10922), (10923, 16383)];
        for (node, (first, last)) in nodes.iter().zip(slots) {
            node.connect().run(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")).ok();
        }
        for node in &nodes[1..] {
            let (port, bus) = (node.port(), node.cluster_port());
            nodes[0].connect().run(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}")).ok();
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

    /// A connection to the node that serves `key`.
    #[track_caller]
    pub fn connect_for(&self, key: &str) -> Client {
        let served = |client: &mut Client| !matches!(client.call(&["EXISTS", key]), Reply::Error(line) if line.starts_with("MOVED"));
        let mut clients = self.nodes.iter().map(Server::connect);
        clients.find_map(|mut client| served(&mut client).then_some(client)).expect("a node serves every key")
    }
}
