//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Shows what a server with redis-liq holds: liquidations by symbol, signals, prices, limits, memory.
#[derive(Debug, Clone, Parser)]
#[command(name = "liq-top", version, about)]
pub struct Cli {
    /// Redis: redis://, rediss:// or unix://; all of a cluster: redis+cluster://a,b; the master that sentinels name:
    /// redis+sentinel://a,b/NAME
    #[arg(
        long,
        env = "REDIS_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "redis://localhost:6379/0"
    )]
    pub redis_url: String,
    /// Seconds between two looks at the server, 0.1 to 3600
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    pub refresh: Duration,
    /// What figures are about: the last so much, such as 15m; at most what a series keeps
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = window)]
    pub window: Duration,
    /// Prints what there is now, and ends
    #[arg(long)]
    pub once: bool,
    /// With --once: as JSON, as docs/liq-top.schema.json describes it
    #[arg(long, requires = "once")]
    pub json: bool,
    /// Serves the same as live pages, such as on 127.0.0.1:8321
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["once", "svg"])]
    pub web: Option<SocketAddr>,
    /// The token that pages ask for; without one there is one of chance, and none on this machine itself
    #[arg(long, env = "LIQ_TOP_TOKEN", hide_env_values = true, value_name = "TOKEN", value_parser = crate::web::token)]
    pub token: Option<String>,
    /// Draws one symbol into this file, - for standard output, and ends
    #[arg(long, value_name = "FILE", requires = "symbol", conflicts_with = "once")]
    pub svg: Option<PathBuf>,
    /// With --svg: the symbol (what stands in the key's braces), or the whole key
    #[arg(long, value_name = "SYMBOL", requires = "svg")]
    pub symbol: Option<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("must be 0.1 to 3600".to_owned())
    }
}

/// A number and a unit: `90s`, `15m`, `4h`, `7d`.
fn window(text: &str) -> Result<Duration, String> {
    const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let wrong = || "must be a whole number and s, m, h or d, such as 15m".to_owned();
    let unit = text.chars().last().and_then(|last| UNITS.iter().find(|(name, _)| *name == last));
    let (name, scale) = unit.ok_or_else(wrong)?;
    let count: u64 = text.strip_suffix(*name).and_then(|count| count.parse().ok()).ok_or_else(wrong)?;
    let seconds = count.checked_mul(*scale).filter(|seconds| (1..=365 * 86_400).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| "must be 1s to 365d".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn windows_and_intervals_are_checked() {
        assert_eq!(window("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(window("7d"), Ok(Duration::from_secs(604_800)));
        for text in ["", "m", "15", "-1m", "1.5h", "0s", "366d", "99999999999999999999d", "5mm", "1ü"] {
            assert!(window(text).is_err(), "{text}");
        }
        for text in ["0", "-1", "nan", "inf", "x", "3601"] {
            assert!(seconds(text).is_err(), "{text}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
