//! Arguments that several `LIQ.*` commands share, as COMMAND DOCS shows them.

use crate::ffi::ArgSpec;

pub const WINDOW: ArgSpec = ArgSpec::text(c"window").after(c"WINDOW").optional();
pub const SIDE: ArgSpec = ArgSpec::one_of(c"side", SIDES).after(c"SIDE").optional();
pub const AT: ArgSpec = ArgSpec::integer(c"at").after(c"AT").optional();
pub const EXCHANGE: ArgSpec = ArgSpec::text(c"exchange").after(c"EXCHANGE").optional();
pub const BATCH: ArgSpec =
    ArgSpec::block(c"batch", &[ArgSpec::text(c"producer"), ArgSpec::integer(c"seq")]).after(c"BATCH").optional();

/// An event's time in milliseconds, or `*`.
pub const TS: ArgSpec = ArgSpec::text(c"ts");
pub const EVENT_SIDE: ArgSpec = ArgSpec::one_of(c"side", SIDES);
pub const PRICE: ArgSpec = ArgSpec::real(c"price");
pub const SIZE: ArgSpec = ArgSpec::real(c"size");

const SIDES: &[ArgSpec] = &[
    ArgSpec::word(c"buy", c"BUY"),
    ArgSpec::word(c"sell", c"SELL"),
    ArgSpec::word(c"short", c"SHORT"),
    ArgSpec::word(c"long", c"LONG"),
];

const CLOCKS: &[ArgSpec] = &[ArgSpec::word(c"server", c"SERVER"), ArgSpec::word(c"event", c"EVENT")];

macro_rules! options_behind {
    ($($first:expr),+) => {
        &[
            $($first,)+
            ArgSpec::text(c"retention").after(c"RETENTION").optional(),
            WINDOW,
            ArgSpec::real(c"percentile").after(c"PERCENTILE").optional(),
            ArgSpec::integer(c"min-events").after(c"MINEVENTS").optional(),
            ArgSpec::real(c"min-size").after(c"MINSIZE").optional(),
            ArgSpec::text(c"vwap-window").after(c"VWAPWINDOW").optional(),
            ArgSpec::real(c"long-offset").after(c"LONGOFFSET").optional(),
            ArgSpec::real(c"short-offset").after(c"SHORTOFFSET").optional(),
            ArgSpec::block(c"signals", &[ArgSpec::text(c"stream"), ArgSpec::integer(c"maxlen").after(c"MAXLEN").optional()])
                .after(c"SIGNALS")
                .optional(),
            ArgSpec::block(c"accepted", &[ArgSpec::text(c"stream"), ArgSpec::integer(c"maxlen").after(c"MAXLEN").optional()])
                .after(c"ACCEPTED")
                .optional(),
            ArgSpec::text(c"market").after(c"MARKET").optional(),
            ArgSpec::one_of(c"clock", CLOCKS).after(c"CLOCK").optional(),
            ArgSpec::integer(c"precision").after(c"PRECISION").optional(),
            ArgSpec::integer(c"tail").after(c"TAIL").optional(),
            ArgSpec::text(c"idle").after(c"IDLE").optional(),
        ]
    };
}

/// `key [options]` of LIQ.ALTER.
pub const KEY_AND_OPTIONS: &[ArgSpec] = options_behind![ArgSpec::KEY];

/// `key [NX] [options]` of LIQ.CREATE.
pub const KEY_NX_AND_OPTIONS: &[ArgSpec] = options_behind![ArgSpec::KEY, ArgSpec::word(c"nx", c"NX").optional()];
