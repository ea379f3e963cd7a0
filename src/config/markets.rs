//! The defaults of a market's options, as parameters `liq.tick-…`.

use std::ffi::CStr;
use std::sync::{LazyLock, PoisonError, RwLock};

use liq_core::grammar::{Args, RequestError, format_duration};
use liq_core::market::reading::format_keep;
use liq_core::market::request::parse_keep;
use liq_core::market::store::{Options, OptionsPatch};

use crate::ffi::Parameter;

/// The default of every option, named like it behind `tick-`.
pub static DEFAULTS: [MarketDefault; 10] = [
    MarketDefault { name: c"tick-keep", option: "KEEP", show: |options| format_keep(options.keep) },
    MarketDefault { name: c"tick-tail", option: "TAIL", show: |options| options.tail.to_string() },
    MarketDefault { name: c"tick-order", option: "ORDER", show: |options| options.order.name().into() },
    MarketDefault { name: c"tick-tz", option: "TZ", show: |options| options.zone.to_string() },
    MarketDefault { name: c"tick-grace", option: "GRACE", show: |options| format_duration(options.grace_ms) },
    MarketDefault { name: c"tick-stale", option: "STALE", show: |options| format_duration(options.stale_ms) },
    MarketDefault { name: c"tick-max-jump", option: "MAXJUMP", show: |options| options.max_jump.to_string() },
    MarketDefault { name: c"tick-announce", option: "ANNOUNCE", show: show_announce },
    MarketDefault { name: c"tick-clock", option: "CLOCK", show: |options| options.clock.name().into() },
    MarketDefault {
        name: c"tick-idle",
        option: "IDLE",
        show: |options| options.idle_ms.map_or("auto".into(), format_duration),
    },
];

/// The options of a market that is made without naming any. Intervals of closes that no level is held for are left out, so
/// that the parameters may be set in any order.
pub fn default_market_options() -> Options {
    let mut options = CONFIGURED.read().unwrap_or_else(PoisonError::into_inner).clone();
    let finest_ms = options.keep.finest().width_ms;
    options.announce.retain(|interval| interval.is_multiple_of(finest_ms));
    options
}

static CONFIGURED: LazyLock<RwLock<Options>> = LazyLock::new(RwLock::default);

/// The default of one option.
pub struct MarketDefault {
    name: &'static CStr,
    option: &'static str,
    show: fn(&Options) -> String,
}

fn show_announce(options: &Options) -> String {
    options.announce.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl MarketDefault {
    /// `text` as options of a TICK.CREATE; several intervals stand for as many options.
    fn patch(&self, text: &[u8]) -> Result<OptionsPatch, RequestError> {
        let option = self.option.as_bytes();
        let words: Vec<&[u8]> = match self.option {
            "ANNOUNCE" => text.split(|byte| *byte == b' ').flat_map(|interval| [option, interval]).collect(),
            _ => vec![option, text],
        };
        OptionsPatch::parse(Args::new(&words))
    }

    fn changed(&self, options: &Options, text: &[u8]) -> Result<Options, String> {
        if self.option == "KEEP" {
            let keep = parse_keep(text).map_err(|error| error.to_string())?;
            return Ok(Options { keep, ..options.clone() });
        }
        if self.option == "IDLE" && text.eq_ignore_ascii_case(b"auto") {
            return Ok(Options { idle_ms: None, ..options.clone() });
        }
        let patch = self.patch(text).map_err(|error| error.to_string())?;
        // Whether intervals fit the levels is looked at when a market is made.
        let announce = patch.announce.clone().unwrap_or_else(|| options.announce.clone());
        let patch = OptionsPatch { announce: Some(Vec::new()), ..patch };
        let options = options.altered(&patch).map_err(|error| error.to_string())?;
        Ok(Options { announce, ..options })
    }
}

impl Parameter for MarketDefault {
    fn name(&self) -> &'static CStr {
        self.name
    }

    fn show(&self) -> String {
        (self.show)(&CONFIGURED.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, text: &[u8]) -> Result<(), String> {
        let mut options = CONFIGURED.write().unwrap_or_else(PoisonError::into_inner);
        *options = self.changed(&options, text)?;
        Ok(())
    }
}
