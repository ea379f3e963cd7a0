//! Arguments that several `TICK.*` commands share, as COMMAND DOCS shows them.

use crate::ffi::ArgSpec;

pub const AT: ArgSpec = ArgSpec::integer(c"at").after(c"AT").optional();
pub const GAP: ArgSpec = ArgSpec::word(c"gap", c"GAP").optional();
/// A time in milliseconds, or `*`.
pub const TS: ArgSpec = ArgSpec::text(c"ts");
pub const SIDE: ArgSpec = ArgSpec::one_of(c"side", SIDES);
/// A decimal, or `-` for what is no trade.
pub const PRICE: ArgSpec = ArgSpec::text(c"price");
pub const QTY: ArgSpec = ArgSpec::real(c"qty");
pub const BATCH: ArgSpec =
    ArgSpec::block(c"batch", &[ArgSpec::text(c"producer"), ArgSpec::integer(c"seq")]).after(c"BATCH").optional();

const SIDES: &[ArgSpec] =
    &[ArgSpec::word(c"buy", c"BUY"), ArgSpec::word(c"sell", c"SELL"), ArgSpec::word(c"unknown", c"-")];
const ORDERS: &[ArgSpec] = &[ArgSpec::word(c"time", c"TIME"), ArgSpec::word(c"id", c"ID")];
const CLOCKS: &[ArgSpec] = &[ArgSpec::word(c"server", c"SERVER"), ArgSpec::word(c"event", c"EVENT")];

macro_rules! options_behind {
    ($($first:expr),+) => {
        &[
            $($first,)+
            ArgSpec::block(c"keep", &[ArgSpec::text(c"level"), ArgSpec::integer(c"n")]).after(c"KEEP").optional().multiple(),
            ArgSpec::integer(c"tail").after(c"TAIL").optional(),
            ArgSpec::one_of(c"order", ORDERS).after(c"ORDER").optional(),
            ArgSpec::text(c"tz").after(c"TZ").optional(),
            ArgSpec::text(c"grace").after(c"GRACE").optional(),
            ArgSpec::text(c"stale").after(c"STALE").optional(),
            ArgSpec::real(c"max-jump").after(c"MAXJUMP").optional(),
            ArgSpec::block(c"closes", &[ArgSpec::text(c"stream"), ArgSpec::integer(c"maxlen").after(c"MAXLEN").optional()])
                .after(c"CLOSES")
                .optional(),
            ArgSpec::text(c"announce").after(c"ANNOUNCE").optional().multiple(),
            ArgSpec::block(c"fires", &[ArgSpec::text(c"stream"), ArgSpec::integer(c"maxlen").after(c"MAXLEN").optional()])
                .after(c"FIRES")
                .optional(),
            ArgSpec::one_of(c"clock", CLOCKS).after(c"CLOCK").optional(),
            ArgSpec::text(c"idle").after(c"IDLE").optional(),
        ]
    };
}

/// `key [options]` of TICK.ALTER.
pub const KEY_AND_OPTIONS: &[ArgSpec] = options_behind![ArgSpec::KEY];

/// `key [NX] [options]` of TICK.CREATE.
pub const KEY_NX_AND_OPTIONS: &[ArgSpec] = options_behind![ArgSpec::KEY, ArgSpec::word(c"nx", c"NX").optional()];
