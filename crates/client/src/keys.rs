//! Key policies and key audits. They are of a server, or of one node of a cluster, and name no key.

use std::time::Duration;

use liq_core::grammar::format_duration;
use redis::{Cmd, ConnectionLike, cmd};

use crate::error::{Error, Result};
use crate::options::whole_ms;
use crate::{AuditStatus, KeyDetail, KeyReport, PolicyInfo, Reply, ReportOrder};

/// What keys under a prefix must be like. At least one rule; the module refuses those that contradict each other.
///
/// ```
/// use std::time::Duration;
/// use redis_liq::KeyPolicy;
///
/// let tickers = KeyPolicy::new().ttl(Duration::from_secs(30)).max_ttl(Duration::from_secs(3 * 3600)).apply();
/// let sessions = KeyPolicy::new().types(["hash"]).max_bytes(64 * 1024).idle(Duration::from_secs(7 * 86_400));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyPolicy {
    args: Vec<String>,
}

impl KeyPolicy {
    /// No rule yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, rule: &str, value: String) -> Self {
        self.args.extend([rule.to_owned(), value]);
        self
    }

    /// Keys must expire; with [`Self::apply`], those that would not do so after `length`. 1 ms to 3660 days.
    #[must_use]
    pub fn ttl(self, length: Duration) -> Self {
        self.with("TTL", format_duration(whole_ms(length)))
    }

    /// Keys must not expire.
    #[must_use]
    pub fn no_ttl(self) -> Self {
        self.with("TTL", "NONE".to_owned())
    }

    /// Keys that expire must do so within `length`; with [`Self::apply`], they do.
    #[must_use]
    pub fn max_ttl(self, length: Duration) -> Self {
        self.with("MAXTTL", format_duration(whole_ms(length)))
    }

    /// Keys must be of one of these types, by the names that TYPE answers.
    #[must_use]
    pub fn types<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        self.with("TYPE", names.join(","))
    }

    /// Keys must take no more memory.
    #[must_use]
    pub fn max_bytes(self, bytes: u64) -> Self {
        self.with("MAXBYTES", bytes.to_string())
    }

    /// Lists, sets, hashes, sorted sets and streams must hold no more elements.
    #[must_use]
    pub fn max_items(self, items: u64) -> Self {
        self.with("MAXITEMS", items.to_string())
    }

    /// Keys must be read or written within `length`.
    #[must_use]
    pub fn idle(self, length: Duration) -> Self {
        self.with("IDLE", format_duration(whole_ms(length)))
    }

    /// The server gives keys the expiry that they lack, and brings forward what is too late. A `PERSIST` does not last then.
    #[must_use]
    pub fn apply(mut self) -> Self {
        self.args.push("APPLY".to_owned());
        self
    }
}

/// `KEYS.POLICY SET prefix …` → `OK`.
pub fn keys_policy_set(prefix: &str, policy: &KeyPolicy) -> Cmd {
    let mut command = cmd("KEYS.POLICY");
    command.arg("SET").arg(prefix).arg(&policy.args);
    command
}

/// `KEYS.POLICY DEL prefix` → whether there was one.
pub fn keys_policy_del(prefix: &str) -> Cmd {
    cmd("KEYS.POLICY").arg("DEL").arg(prefix).to_owned()
}

/// `KEYS.POLICY LIST` → `Vec<`[`PolicyInfo`]`>`.
pub fn keys_policy_list() -> Cmd {
    cmd("KEYS.POLICY").arg("LIST").to_owned()
}

/// `KEYS.AUDIT START [BUDGET pct]` → `OK`.
pub fn keys_audit_start(budget_pct: Option<u8>) -> Cmd {
    let mut command = cmd("KEYS.AUDIT");
    command.arg("START");
    if let Some(pct) = budget_pct {
        command.arg("BUDGET").arg(pct);
    }
    command
}

/// `KEYS.AUDIT STOP` → whether one ran.
pub fn keys_audit_stop() -> Cmd {
    cmd("KEYS.AUDIT").arg("STOP").to_owned()
}

/// `KEYS.AUDIT STATUS` → [`AuditStatus`].
pub fn keys_audit_status() -> Cmd {
    cmd("KEYS.AUDIT").arg("STATUS").to_owned()
}

/// `KEYS.AUDIT REPORT BY order COUNT n` → [`KeyReport`].
pub fn keys_audit_report(order: ReportOrder, count: u64) -> Cmd {
    cmd("KEYS.AUDIT").arg("REPORT").arg("BY").arg(order.name()).arg("COUNT").arg(count).to_owned()
}

/// `KEYS.AUDIT REPORT PREFIX name [DB n]` → [`KeyDetail`], or null when no key of the group was seen.
pub fn keys_audit_detail(name: &str, db: Option<u32>) -> Cmd {
    let mut command = cmd("KEYS.AUDIT");
    command.arg("REPORT").arg("PREFIX").arg(name);
    if let Some(number) = db {
        command.arg("DB").arg(number);
    }
    command
}

/// Writes both traits from one table of commands.
macro_rules! key_commands {
    ($($(#[$attribute:meta])+ fn $name:ident($($arg:ident: $type:ty),*) -> $reply:ty;)+) => {
        /// Key policies and audits on every synchronous redis-rs connection to one server.
        ///
        /// ```no_run
        /// use redis_liq::{KeyCommands, ReportOrder};
        ///
        /// # fn main() -> Result<(), redis_liq::Error> {
        /// let mut con = redis::Client::open("redis://127.0.0.1/")?.get_connection()?;
        /// con.keys_audit_start(None)?;
        /// // … later:
        /// for row in &con.keys_audit_report(ReportOrder::NoTtl, 20)?.rows {
        ///     println!("{}: {} of {} keys never expire", row.prefix, row.no_ttl, row.keys);
        /// }
        /// # Ok(())
        /// # }
        /// ```
        pub trait KeyCommands: ConnectionLike + Sized {
            $(
                $(#[$attribute])+
                fn $name(&mut self $(, $arg: $type)*) -> Result<$reply> {
                    $name($($arg),*).query(self).map_err(Error::from)
                }
            )+
        }

        impl<C: ConnectionLike> KeyCommands for C {}

        /// Key policies and audits on every asynchronous redis-rs connection to one server.
        #[cfg(feature = "async")]
        pub trait AsyncKeyCommands: redis::aio::ConnectionLike + Send + Sized {
            $(
                $(#[$attribute])+
                fn $name(&mut self $(, $arg: $type)*) -> crate::LiqFuture<'_, $reply> {
                    let command = $name($($arg),*);
                    Box::pin(async move { command.query_async(self).await.map_err(Error::from) })
                }
            )+
        }

        #[cfg(feature = "async")]
        impl<C: redis::aio::ConnectionLike + Send> AsyncKeyCommands for C {}
    };
}

key_commands! {
    /// Says what keys under `prefix` must be like: `KEYS.POLICY SET`. Replaces what the prefix had.
    fn keys_policy_set(prefix: &str, policy: &KeyPolicy) -> ();
    /// Takes back the policy of `prefix`: `KEYS.POLICY DEL`. Whether there was one.
    fn keys_policy_del(prefix: &str) -> bool;
    /// All policies, and what happened to their keys: `KEYS.POLICY LIST`.
    fn keys_policy_list() -> Reply<Vec<PolicyInfo>>;
    /// Starts an audit that takes this many percent of a core (1 … 50, else what the server has configured):
    /// `KEYS.AUDIT START`. Fails when one is running.
    fn keys_audit_start(budget_pct: Option<u8>) -> ();
    /// Ends the running audit and drops what it found: `KEYS.AUDIT STOP`. Whether one ran.
    fn keys_audit_stop() -> bool;
    /// How far the running audit is, or how far the last one came: `KEYS.AUDIT STATUS`.
    fn keys_audit_status() -> Reply<AuditStatus>;
    /// The groups of keys that the last audit found: `KEYS.AUDIT REPORT`. Reports of several nodes add up
    /// ([`KeyReport::merge`]), when all their rows were asked for.
    fn keys_audit_report(order: ReportOrder, count: u64) -> Reply<KeyReport>;
    /// Everything of one group, in this database or the first that has it: `KEYS.AUDIT REPORT PREFIX`. `None` when no key
    /// of it was seen.
    fn keys_audit_detail(name: &str, db: Option<u32>) -> Option<Reply<KeyDetail>>;
}
