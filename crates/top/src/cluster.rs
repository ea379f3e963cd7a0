//! The masters of a cluster as one picture: each is watched as a server by itself, and what is known of them is put
//! together. Which masters there are is asked again now and then, and soon while one of them does not answer.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{OptionFuture, try_join_all};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::model::{Detail, Link, Snapshot, SymbolRow, View, merged};
use crate::names::{LONG, shown};
use crate::source::Source;
use crate::trouble::Trouble;
use crate::watch::{Wants, closely_one, local_ms, once_one, run_one};

/// How often the cluster is asked for its masters, and how often while one of them is away.
const LOOK_UP: Duration = Duration::from_secs(30);
const LOOK_UP_IN_TROUBLE: Duration = Duration::from_secs(2);

/// A question after the masters, and the cluster that has learned of nodes by it.
type LookUp = Pin<Box<dyn Future<Output = (Source, Result<Vec<Source>, Trouble>)> + Send>>;

/// A master that is being watched.
struct Node {
    view: watch::Receiver<View>,
    task: JoinHandle<()>,
}

impl Node {
    fn watch(master: Source, refresh: Duration, wants: &watch::Receiver<Wants>) -> Self {
        let (out, view) = watch::channel(View::new(&master.address));
        Self { view, task: tokio::spawn(run_one(master, refresh, wants.clone(), out)) }
    }

    fn is_down(&self) -> bool {
        matches!(self.view.borrow().link, Link::Down { .. })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Publishes what is known until nobody listens.
pub async fn run(cluster: Source, refresh: Duration, wants: watch::Receiver<Wants>, out: watch::Sender<View>) {
    let address = cluster.address.clone();
    let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
    let mut known = cluster.clone();
    // Beside the publishing, as a node that hangs is waited for.
    let mut asking = Some(look_up(cluster));
    let mut asked = Instant::now();
    let mut tick = tokio::time::interval(refresh);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut is_changed = false;
        tokio::select! {
            _ = tick.tick() => {}
            Some((cluster, found)) = OptionFuture::from(asking.as_mut()), if asking.is_some() => {
                (known, asking, asked) = (cluster, None, Instant::now());
                match found {
                    Ok(masters) => is_changed = follow(&mut nodes, masters, refresh, &wants),
                    Err(trouble) if nodes.is_empty() => out.send_modify(|view| view.link = down(&view.link, &trouble)),
                    // Those that are known go on; each tells whether it answers.
                    Err(_) => {}
                }
            }
            () = out.closed() => return,
        }
        if is_changed || nodes.values().any(|node| node.view.has_changed().unwrap_or(true)) {
            let views: Vec<View> = nodes.values_mut().map(|node| node.view.borrow_and_update().clone()).collect();
            out.send_replace(merged(&address, &views));
        }
        let is_well = !nodes.is_empty() && !nodes.values().any(Node::is_down);
        if asking.is_none() && asked.elapsed() >= if is_well { LOOK_UP } else { LOOK_UP_IN_TROUBLE } {
            asking = Some(look_up(known.clone()));
        }
    }
}

fn look_up(mut cluster: Source) -> LookUp {
    Box::pin(async move {
        let found = cluster.masters().await;
        (cluster, found)
    })
}

/// Watches these masters and no others; whether that changes anything.
fn follow(
    nodes: &mut BTreeMap<String, Node>,
    masters: Vec<Source>,
    refresh: Duration,
    wants: &watch::Receiver<Wants>,
) -> bool {
    let before: Vec<String> = nodes.keys().cloned().collect();
    nodes.retain(|address, _| masters.iter().any(|master| master.address == *address));
    for master in masters {
        nodes.entry(master.address.clone()).or_insert_with(|| Node::watch(master, refresh, wants));
    }
    !nodes.keys().eq(&before)
}

/// All masters once, for `--once`: a picture without one of them would be taken for the whole.
pub async fn once(cluster: &Source, window_ms: u64) -> Result<Snapshot, Trouble> {
    let masters = cluster.clone().masters().await?;
    let snapshots = try_join_all(masters.iter().map(|master| once_one(master, window_ms))).await?;
    let view = |(master, snapshot): (&Source, Snapshot)| View {
        link: Link::Up,
        snapshot: Some(Arc::new(snapshot)),
        ..View::new(&master.address)
    };
    let views: Vec<View> = masters.iter().zip(snapshots).map(view).collect();
    let nothing = || Trouble::Other { address: cluster.address.clone(), why: "it has no master".to_owned() };
    merged(&cluster.address, &views).snapshot.map(Arc::unwrap_or_clone).ok_or_else(nothing)
}

/// One series, on whichever master it is.
pub async fn closely(cluster: &Source, window_ms: u64, name: &[u8]) -> Result<(SymbolRow, Detail), Trouble> {
    let mut trouble = None;
    for master in cluster.clone().masters().await? {
        match closely_one(&master, window_ms, name).await {
            Err(Trouble::Symbol { keys, .. }) if keys.is_empty() => {}
            // It may be on the next one all the same.
            Err(error) => trouble = trouble.or(Some(error)),
            found => return found,
        }
    }
    let nowhere = || Trouble::Symbol { address: cluster.address.clone(), symbol: shown(name, LONG), keys: Vec::new() };
    Err(trouble.unwrap_or_else(nowhere))
}

fn down(before: &Link, trouble: &Trouble) -> Link {
    let since_ms = if let Link::Down { since_ms, .. } = before { *since_ms } else { local_ms() };
    Link::Down { since_ms, why: trouble.to_string() }
}
