//! Copies in memory that die when Redis' do: a connection of its own hears of every change under the class' prefix
//! (`CLIENT TRACKING ON BCAST`). While it does not stand, nothing is kept in memory.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, Value};
use tokio::sync::mpsc;

use super::Inner;
use crate::Error;
use crate::health::Backoff;

/// How often the connection is asked whether it stands: a server that hangs, or a network that drops, says nothing.
const PULSE: Duration = Duration::from_secs(1);

/// Whether this process is told of changes.
#[derive(Default)]
pub(crate) struct Tracking {
    is_started: AtomicBool,
    /// What the link had given up when the connection that tells was made, and one; 0 while there is none.
    told: AtomicU64,
}

impl Tracking {
    /// Whether the server that the link reads from tells, as far as can be known: a link that connected anew may have been
    /// led to another one.
    pub(crate) fn is_told(&self, given_up: u64) -> bool {
        self.told.load(Ordering::Acquire) == given_up + 1
    }
}

/// Begins to listen, the first time.
pub(super) async fn ensure<T: Send + Sync + 'static>(inner: &Arc<Inner<T>>) {
    let Some(tracking) = &inner.tracking else { return };
    if tracking.is_started.swap(true, Ordering::AcqRel) {
        return;
    }
    let (ready, is_ready) = tokio::sync::oneshot::channel();
    tokio::spawn(listen(Arc::downgrade(inner), ready));
    // The first read may wait as long as for a command: what it brings can then be kept.
    let _ = tokio::time::timeout(inner.link.limit(), is_ready).await;
}

async fn listen<T: Send + Sync + 'static>(weak: Weak<Inner<T>>, ready: tokio::sync::oneshot::Sender<()>) {
    let mut backoff = Backoff::new();
    let mut ready = Some(ready);
    loop {
        let Some(inner) = weak.upgrade() else { return };
        let (limit, given_up) = (inner.link.limit(), inner.link.given_up());
        if let Ok(Ok((connection, pushes))) = tokio::time::timeout(limit, connect(&inner)).await {
            backoff.stay();
            if let Some(tracking) = &inner.tracking {
                // What was read before somebody told may have changed since: it moves the marks of reads under way.
                inner.local.drop_all();
                tracking.told.store(given_up + 1, Ordering::Release);
            }
            ready.take().map(|ready| ready.send(()));
            drop(inner);
            hear(&weak, connection, pushes, limit, given_up).await;
            let Some(inner) = weak.upgrade() else { return };
            if let Some(tracking) = &inner.tracking {
                tracking.told.store(0, Ordering::Release);
            }
            // What changed meanwhile nobody tells.
            inner.drop_local();
        } else {
            drop(inner);
        }
        tokio::time::sleep(backoff.wait()).await;
    }
}

type Pushes = mpsc::UnboundedReceiver<PushInfo>;

async fn connect<T: Send + Sync + 'static>(
    inner: &Inner<T>,
) -> Result<(redis::aio::MultiplexedConnection, Pushes), Error> {
    let client = inner.link.client().ok_or_else(|| Error::Argument("a link without an address".into()))?;
    let info = client.get_connection_info().clone();
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let client = redis::Client::open(info.set_redis_settings(settings))?;
    let (sender, pushes) = mpsc::unbounded_channel();
    let config =
        AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None).set_push_sender(sender);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut tracking = redis::cmd("CLIENT");
    tracking.arg("TRACKING").arg("ON").arg("BCAST").arg("PREFIX").arg(prefix(inner));
    connection.req_packed_command(&tracking).await?.extract_error()?;
    Ok((connection, pushes))
}

fn prefix<T>(inner: &Inner<T>) -> String {
    format!("{}:v{}:", inner.settings.space.name(), inner.settings.version)
}

/// Drops what is told, until the connection is lost, or the link has another one and may read from another server.
async fn hear<T: Send + Sync + 'static>(
    weak: &Weak<Inner<T>>,
    mut connection: redis::aio::MultiplexedConnection,
    mut pushes: Pushes,
    limit: Duration,
    given_up: u64,
) {
    let mut pulse = tokio::time::interval(PULSE);
    pulse.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            push = pushes.recv() => {
                let (Some(push), Some(inner)) = (push, weak.upgrade()) else { return };
                match push.kind {
                    PushKind::Invalidate => drop_told(&inner, &push.data),
                    PushKind::Disconnection => return,
                    _ => {}
                }
            }
            _ = pulse.tick() => {
                if weak.upgrade().is_none_or(|inner| inner.link.given_up() != given_up) {
                    return;
                }
                let ping = redis::cmd("PING");
                let pong = tokio::time::timeout(limit, connection.req_packed_command(&ping)).await;
                if !matches!(pong, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}

fn drop_told<T: Send + Sync + 'static>(inner: &Inner<T>, data: &[Value]) {
    let prefix = prefix(inner);
    let keys: Vec<&[u8]> = match data.first() {
        Some(Value::Array(keys)) => keys
            .iter()
            .filter_map(|key| if let Value::BulkString(name) = key { Some(name.as_slice()) } else { None })
            .collect(),
        // A FLUSHALL names no keys.
        _ => return inner.drop_local(),
    };
    for name in keys {
        if let Some(id) = name.strip_prefix(prefix.as_bytes()).and_then(|id| std::str::from_utf8(id).ok()) {
            inner.flights.divert(id);
            inner.local.drop_id(id);
        }
    }
}
