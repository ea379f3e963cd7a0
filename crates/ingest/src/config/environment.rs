//! The environment variables that bot users know. They win over the file; flags win over them.

use super::{Config, ConfigError, MOST_CONNECTIONS, SeriesConfig, budget_problem};

/// Applies every variable that is set; `variables` are names with values.
pub fn apply(config: &mut Config, variables: impl Iterator<Item = (String, String)>) -> Result<(), ConfigError> {
    let mut variables: Vec<_> = variables.filter(|(_, value)| !value.is_empty()).collect();
    // Offsets and thresholds are read before the switches that turn them off.
    variables.sort();
    let mut switched_off = Vec::new();
    for (name, value) in variables {
        let refused = |problem: &str| ConfigError::Variable { name: name.clone(), problem: problem.to_owned() };
        match name.as_str() {
            "REDIS_URL" => (config.redis.url, config.redis.url_named) = (value.into(), "REDIS_URL"),
            "REDIS_POOL_SIZE" => {
                let size: usize = value.parse().map_err(|_| refused("not a number of connections"))?;
                // Bots that wait for each answer need pools of hundreds; here a few connections carry everything.
                config.redis.pool_size = size.min(MOST_CONNECTIONS);
            }
            "REDIS_MAX_MEMORY" => {
                if let Some(problem) = budget_problem(&value) {
                    return Err(refused(&problem));
                }
                config.redis.max_memory = Some(value);
            }
            "PERCENTILE_THRESHOLD" => set(config, &name, "PERCENTILE", value)?,
            "LONG_VWAP_OFFSET" => set(config, &name, "LONGOFFSET", value)?,
            "SHORT_VWAP_OFFSET" => set(config, &name, "SHORTOFFSET", value)?,
            "ENABLE_PERCENTILE_FILTER" => {
                if !switch(&value).ok_or_else(|| refused("must be true or false"))? {
                    switched_off.push("PERCENTILE");
                }
            }
            "VWAP_ENABLED" => {
                if !switch(&value).ok_or_else(|| refused("must be true or false"))? {
                    switched_off.extend(["LONGOFFSET", "SHORTOFFSET"]);
                }
            }
            "MIN_LIQUIDATION_SIZE_DEFAULT" => set(config, &name, "MINSIZE", value)?,
            other => {
                if let Some(base) = other.strip_prefix("MIN_LIQUIDATION_SIZE_") {
                    set(config, &name, &format!("MIN_SIZE_{base}"), value)?;
                }
            }
        }
    }
    for option in switched_off {
        config.series.set(option, "0");
    }
    Ok(())
}

/// Sets an option of series, or says which variable it is that `LIQ.CREATE` would refuse.
fn set(config: &mut Config, variable: &str, option: &str, value: String) -> Result<(), ConfigError> {
    match SeriesConfig::refusal(option, &value) {
        Some(problem) => Err(ConfigError::Variable { name: variable.to_owned(), problem }),
        None => {
            config.series.set(option, value);
            Ok(())
        }
    }
}

/// Reads a switch as shells and Python spell it.
pub(super) fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
