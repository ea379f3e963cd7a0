//! The `liq.*` parameters: the defaults of a series' options, and the limits of the module.
//!
//! Every value is a text in the grammar of the option it is the default of, so that CONFIG SET, `redis.conf`, load
//! arguments and commands refuse the same things in the same words.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

use liq_core::grammar::{Args, RequestError, format_duration, format_real};
use liq_core::liq::series::{MAX_RETENTION_MS, Options, OptionsPatch};

use crate::ffi::{Loader, Parameter};
use crate::limit::{Limit, Unit};
use crate::{audits, memory, policies};

mod markets;

pub use markets::default_market_options;

/// How far an event may be ahead of the server's clock, ms.
pub fn max_future_ms() -> u64 {
    MAX_FUTURE.get()
}

/// How old an event may be and still signal, ms.
pub fn signal_max_age_ms() -> u64 {
    SIGNAL_MAX_AGE.get()
}

/// How far a tick or quote may be ahead of the server's clock, ms.
pub fn tick_max_future_ms() -> u64 {
    TICK_MAX_FUTURE.get()
}

/// How old a price may be and still make triggers fire, ms.
pub fn trigger_max_age_ms() -> u64 {
    TRIGGER_MAX_AGE.get()
}

/// Most triggers of one market, armed, waiting and pending together.
pub fn max_triggers() -> usize {
    usize::try_from(MAX_TRIGGERS.get()).unwrap_or(usize::MAX)
}

/// Most fires that one command tells.
pub fn max_fires() -> usize {
    usize::try_from(MAX_FIRES.get()).unwrap_or(usize::MAX)
}

/// Most events of one batch.
pub fn max_batch() -> usize {
    usize::try_from(MAX_BATCH.get()).unwrap_or(usize::MAX)
}

static MAX_FUTURE: Limit = Limit::new(c"max-future", Unit::Duration, 0..=MAX_RETENTION_MS, 300_000);
static SIGNAL_MAX_AGE: Limit = Limit::new(c"signal-max-age", Unit::Duration, 0..=MAX_RETENTION_MS, 60_000);
static TICK_MAX_FUTURE: Limit = Limit::new(c"tick-max-future", Unit::Duration, 0..=MAX_RETENTION_MS, 60_000);
static TRIGGER_MAX_AGE: Limit = Limit::new(c"trigger-max-age", Unit::Duration, 0..=MAX_RETENTION_MS, 60_000);
static MAX_TRIGGERS: Limit = Limit::new(c"max-triggers", Unit::Count, 0..=1_000_000, 100_000);
static MAX_FIRES: Limit = Limit::new(c"max-fires", Unit::Count, 1..=100_000, 1_000);
static MAX_BATCH: Limit = Limit::new(c"max-batch", Unit::Count, 1..=1_048_576, 65_536);

/// Every limit.
static LIMITS: [&Limit; 10] = [
    &MAX_FUTURE,
    &SIGNAL_MAX_AGE,
    &TICK_MAX_FUTURE,
    &TRIGGER_MAX_AGE,
    &MAX_TRIGGERS,
    &MAX_FIRES,
    &MAX_BATCH,
    &memory::BUDGET,
    &audits::BUDGET_PCT,
    &audits::MAX_GROUPS,
];

/// The default of every option, named like the option, in capitals and without dashes.
static OPTION_DEFAULTS: [OptionDefault; 12] = [
    OptionDefault { name: c"retention", show: |options| format_duration(options.retention_ms) },
    OptionDefault { name: c"window", show: |options| options.window_ms.map_or(AUTOMATIC.into(), format_duration) },
    OptionDefault { name: c"percentile", show: |options| options.percentile.to_string() },
    OptionDefault { name: c"min-events", show: |options| options.min_events.to_string() },
    OptionDefault { name: c"min-size", show: |options| format_real(options.min_size) },
    OptionDefault { name: c"vwap-window", show: |options| format_duration(options.vwap_window_ms) },
    OptionDefault { name: c"long-offset", show: |options| format_real(options.long_offset_pct) },
    OptionDefault { name: c"short-offset", show: |options| format_real(options.short_offset_pct) },
    OptionDefault { name: c"clock", show: |options| options.clock.name().into() },
    OptionDefault { name: c"precision", show: |options| options.precision.to_string() },
    OptionDefault { name: c"tail", show: |options| options.tail.to_string() },
    OptionDefault { name: c"idle", show: |options| options.idle_ms.map_or(AUTOMATIC.into(), format_duration) },
];

/// The value of `window` and `idle` that lets them follow the retention.
const AUTOMATIC: &str = "auto";

/// The options of a series that is made without naming any. Windows that would reach behind the retention end with it,
/// so that the parameters may be set in any order.
pub fn default_options() -> Options {
    let mut options = CONFIGURED.read().unwrap_or_else(PoisonError::into_inner).clone();
    options.window_ms = options.window_ms.filter(|window_ms| *window_ms < options.retention_ms);
    options.vwap_window_ms = options.vwap_window_ms.min(options.retention_ms);
    options
}

/// The options as the parameters have them, each checked by itself.
static CONFIGURED: LazyLock<RwLock<Options>> = LazyLock::new(RwLock::default);

/// Whether to offer redis-cell's command; told while the module is loaded.
pub fn cell_compat() -> bool {
    CELL_COMPAT.value.load(Ordering::Relaxed)
}

static CELL_COMPAT: LoadSwitch = LoadSwitch { name: c"cell-compat", value: AtomicBool::new(false) };

/// `yes` or `no`, fixed when the module is loaded.
struct LoadSwitch {
    name: &'static CStr,
    value: AtomicBool,
}

impl Parameter for LoadSwitch {
    fn name(&self) -> &'static CStr {
        self.name
    }

    fn is_load_only(&self) -> bool {
        true
    }

    fn show(&self) -> String {
        if self.value.load(Ordering::Relaxed) { "yes" } else { "no" }.to_owned()
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        let value = match text.to_ascii_lowercase().as_slice() {
            b"yes" => true,
            b"no" => false,
            _ => return Err(RequestError::argument("value", "must be yes or no", text).to_string()),
        };
        self.value.store(value, Ordering::Relaxed);
        Ok(())
    }
}

/// The default of one option.
struct OptionDefault {
    name: &'static CStr,
    show: fn(&Options) -> String,
}

impl OptionDefault {
    /// `value` as the only option of a LIQ.CREATE.
    fn patch(&self, value: &[u8]) -> Result<OptionsPatch, RequestError> {
        let mut option = self.name.to_bytes().to_ascii_uppercase();
        option.retain(|byte| *byte != b'-');
        OptionsPatch::parse(Args::new(&[&option, value]))
    }
}

impl Parameter for OptionDefault {
    fn name(&self) -> &'static CStr {
        self.name
    }

    fn show(&self) -> String {
        (self.show)(&CONFIGURED.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        let mut options = CONFIGURED.write().unwrap_or_else(PoisonError::into_inner);
        if text.eq_ignore_ascii_case(AUTOMATIC.as_bytes()) && self.name == c"window" {
            options.window_ms = None;
        } else if text.eq_ignore_ascii_case(AUTOMATIC.as_bytes()) && self.name == c"idle" {
            options.idle_ms = None;
        } else {
            let patch = self.patch(text).map_err(|error| error.to_string())?;
            let retention_ms = patch.retention_ms.unwrap_or(options.retention_ms);
            // Windows are fitted to the retention when a series is made, not here.
            let unbounded = Options { retention_ms: MAX_RETENTION_MS, ..options.clone() };
            let patch = OptionsPatch { retention_ms: None, ..patch };
            *options = unbounded.altered(&patch).map_err(|error| error.to_string())?;
            options.retention_ms = retention_ms;
        }
        Ok(())
    }
}

/// Registers every parameter. Load arguments, `name value` pairs with or without the prefix `liq.`, take the place of
/// the defaults; what the server's configuration says goes before both.
pub fn register(server: &Loader<'_>) -> Result<(), String> {
    let (pairs, odd) = server.arguments().as_chunks();
    if let [name] = odd {
        return Err(format!("load argument '{}' has no value", name.escape_ascii()));
    }
    for [name, value] in pairs {
        let bare = name.strip_prefix(b"liq.").unwrap_or(name);
        let parameter = all().find(|parameter| parameter.name().to_bytes().eq_ignore_ascii_case(bare));
        let parameter = parameter.ok_or_else(|| format!("unknown load argument '{}'", name.escape_ascii()))?;
        parameter.take(value).map_err(|problem| format!("load argument {}: {problem}", name.escape_ascii()))?;
    }
    for limit in LIMITS {
        server.parameter(limit, &limit.show())?;
    }
    for option in &OPTION_DEFAULTS {
        server.parameter(option, &option.show())?;
    }
    server.parameter(&policies::PARAMETER, &policies::PARAMETER.show())?;
    server.parameter(&audits::EVERY, &audits::EVERY.show())?;
    server.parameter(&audits::DELIMITER, &audits::DELIMITER.show())?;
    for option in &markets::DEFAULTS {
        server.parameter(option, &option.show())?;
    }
    server.parameter(&CELL_COMPAT, &CELL_COMPAT.show())?;
    server.apply_parameters()
}

/// Every parameter.
pub fn all() -> impl Iterator<Item = &'static dyn Parameter> {
    let limits = LIMITS.iter().map(|limit| *limit as &dyn Parameter);
    let options = OPTION_DEFAULTS.iter().map(|option| option as &dyn Parameter);
    let keys: [&dyn Parameter; 3] = [&policies::PARAMETER, &audits::EVERY, &audits::DELIMITER];
    let markets = markets::DEFAULTS.iter().map(|option| option as &dyn Parameter);
    limits.chain(options).chain(keys).chain(markets).chain([&CELL_COMPAT as &dyn Parameter])
}
