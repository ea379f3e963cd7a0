//! `check --live`: whether the server would take what is to be sent, and whether the venues tell what is to be heard.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value, cmd};
use tokio::sync::watch;

use crate::config::Config;
use crate::metrics::Metrics;
use crate::metrics::health::{Feed, Health};
use crate::sink::courier::Courier;
use crate::sink::link::Door;
use crate::stream;
use crate::venue::Venue;

/// How long the server may take to answer all that it is asked.
const SERVER_WITHIN: Duration = Duration::from_secs(15);

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be.
    pub is_well: bool,
    /// What was tried.
    pub what: String,
    /// What came of it.
    pub found: String,
}

impl Finding {
    fn new(what: impl Into<String>, outcome: Result<String, String>) -> Self {
        let is_well = outcome.is_ok();
        Self { is_well, what: what.into(), found: outcome.unwrap_or_else(|why| why) }
    }

    /// A line of the table, on a terminal in green or red.
    pub fn line(&self, colours: bool) -> String {
        let (word, colour) = if self.is_well { ("well", 32) } else { ("BAD", 31) };
        let word = if colours { format!("\x1b[{colour}m{word:<4}\x1b[0m") } else { format!("{word:<4}") };
        format!("{word}  {:<28} {}", self.what, self.found)
    }
}

/// Asks the server, then listens to all of these venues at once for so long. Nothing of it goes to the server.
pub async fn run(config: &Arc<Config>, venues: Vec<Venue>, length: Duration) -> Vec<Finding> {
    let mut findings = match tokio::time::timeout(SERVER_WITHIN, of_server(config, &venues)).await {
        Ok(findings) => findings,
        Err(_) => vec![Finding::new("redis", Err(format!("{}: no answer", config.redis.url)))],
    };
    findings.push(Finding::new("state folder", state_folder(config)));
    findings.extend(of_venues(config, venues, length).await);
    findings
}

fn state_folder(config: &Config) -> Result<String, String> {
    let folder = &config.state_dir;
    let tried = std::fs::create_dir_all(folder).and_then(|()| {
        let probe = folder.join(".check");
        std::fs::write(&probe, b"x")?;
        std::fs::remove_file(probe)
    });
    match tried {
        Ok(()) => Ok(format!("{} can be written", folder.display())),
        Err(error) => Err(format!("{}: {error}", folder.display())),
    }
}

async fn of_server(config: &Arc<Config>, venues: &[Venue]) -> Vec<Finding> {
    let mut findings = vec![Finding::new("redis", versions(config).await)];
    let mut courier = match Courier::new(&config.redis) {
        Ok(courier) => courier,
        Err(error) => return vec![Finding::new("redis", Err(error.to_string()))],
    };
    if let Err(error) = courier.connect().await {
        findings.push(Finding::new("connection", Err(error.to_string())));
        return findings;
    }
    for (name, command) in harmless(config, venues) {
        let answer = courier.ask(std::slice::from_ref(&command)).await;
        let outcome = match answer.map(|mut answers| answers.pop()) {
            Ok(Some(answer)) => allowed(&answer),
            Ok(None) => Err("no answer".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        // Whoever refused may have been left.
        if outcome.is_err() {
            let _ = courier.connect().await;
        }
        findings.push(Finding::new(name, outcome));
    }
    findings
}

/// What answers: server, module, part.
async fn versions(config: &Config) -> Result<String, String> {
    let door = Door::new(&config.redis).map_err(|error| error.to_string())?;
    let mut link = door.connect().await.map_err(|error| error.to_string())?;
    let sections = cmd("INFO").arg(&["server", "replication", "liq"]).to_owned();
    let answers = link.ask_each(&sections).await.map_err(|error| error.to_string())?;
    let mut found = String::new();
    for (node, answer) in answers {
        let text = match answer {
            Value::BulkString(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Value::VerbatimString { text, .. } | Value::SimpleString(text) => text,
            Value::ServerError(error) => {
                return Err(format!("INFO: {} {}", error.code(), error.details().unwrap_or("")));
            }
            other => return Err(format!("INFO: {other:?}")),
        };
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let node = node.unwrap_or_else(|| config.redis.url.to_string());
        let server = field("valkey_version").map(|version| format!("Valkey {version}"));
        let server = server.unwrap_or_else(|| format!("Redis {}", field("redis_version").unwrap_or("?")));
        let Some(module) = field("liq_version") else { return Err(format!("{node}: {server} without the module")) };
        if field("role") == Some("slave") {
            return Err(format!("{node}: is a replica"));
        }
        if !found.is_empty() {
            found.push_str("; ");
        }
        // Writing to a String cannot fail.
        let _ = write!(found, "{node}: {server}, module {module}");
    }
    Ok(found)
}

/// Commands that will be sent, in a form that is refused for its arguments and changes nothing.
fn harmless(config: &Config, venues: &[Venue]) -> Vec<(&'static str, Cmd)> {
    let key = config.key.expand("BTCUSDT", "binance");
    let of = |name: &'static str, key: &str, args: &[&[u8]]| (name, cmd(name).arg(key).arg(args).to_owned());
    let nothing: &[u8] = &[0x90];
    let mut commands = vec![
        of("LIQ.CREATE", &key, &[b"PERCENTILE", b"none"]),
        of("LIQ.MADDPACK", &key, &[nothing]),
        of("LIQ.INFO", &key, &[]),
        of("LIQ.PCTL", &key, &[b"50"]),
    ];
    let fed = venues.iter().find(|venue| !config.venue(**venue).markets.is_empty());
    if let Some(venue) = fed {
        let key = config.markets.key_of("BTCUSDT", *venue);
        commands.extend([
            of("TICK.CREATE", &key, &[b"ORDER", b"none"]),
            of("TICK.MADD", &key, &[b"PACK", nothing]),
            of("TICK.QUOTE", &key, &[b"none"]),
            of("CANDLE.PUT", &key, &[b"none"]),
        ]);
    }
    commands
}

/// What an answer says of the right to run the command.
fn allowed(answer: &Value) -> Result<String, String> {
    let Value::ServerError(error) = answer else { return Ok("may be run".to_owned()) };
    let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
    // Its arguments were refused, or the key is not there or another's: so it would have been run.
    let was_read = error.code() == "ERR" && !text.starts_with("ERR unknown command");
    if was_read { Ok("may be run".to_owned()) } else { Err(text.trim_end().to_owned()) }
}

/// Listens without delivering anything; health tells what came of it.
async fn of_venues(config: &Arc<Config>, venues: Vec<Venue>, length: Duration) -> Vec<Finding> {
    if venues.is_empty() {
        return Vec::new();
    }
    let (stop, stopped) = watch::channel(false);
    let metrics = Arc::new(Metrics::default());
    let listening = tokio::spawn(stream::listen(venues.clone(), Arc::clone(config), Arc::clone(&metrics), stopped));
    tokio::time::sleep(length).await;
    let findings = venues.iter().flat_map(|venue| of_venue(*venue, &metrics.health)).collect();
    let _ = stop.send(true);
    // It says good-bye to its connections; who does not answer is not waited for.
    let _ = tokio::time::timeout(Duration::from_secs(2), listening).await;
    findings
}

fn of_venue(venue: Venue, health: &Health) -> Vec<Finding> {
    let complaint = health.complaint_of(venue.name());
    let mut findings: Vec<Finding> =
        complaint.into_iter().map(|complaint| Finding::new(venue.name(), Err(complaint))).collect();
    for Feed { name, wanted, acknowledged, complaints } in health.feeds_of(venue.name()) {
        let outcome = match complaints.is_empty() && acknowledged == wanted {
            true => Ok(format!("data flows, {acknowledged} of {wanted} subscriptions acknowledged")),
            false if complaints.is_empty() => Err(format!("{acknowledged} of {wanted} subscriptions acknowledged")),
            false => Err(complaints.join("; ")),
        };
        findings.push(Finding::new(name, outcome));
    }
    if findings.is_empty() {
        findings.push(Finding::new(venue.name(), Err("has not listed its instruments yet".to_owned())));
    }
    findings
}
