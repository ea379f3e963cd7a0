//! Arguments of the `TRIG.*` commands, as COMMAND DOCS shows them.

use crate::ffi::ArgSpec;

const SOURCES: &[ArgSpec] = &[
    ArgSpec::word(c"last", c"LAST"),
    ArgSpec::word(c"bid", c"BID"),
    ArgSpec::word(c"ask", c"ASK"),
    ArgSpec::word(c"mid", c"MID"),
    ArgSpec::word(c"mark", c"MARK"),
    ArgSpec::word(c"index", c"INDEX"),
];
const BY: ArgSpec = ArgSpec::one_of(c"by", SOURCES).after(c"BY").optional();

const SIDES: &[ArgSpec] = &[ArgSpec::word(c"long", c"LONG"), ArgSpec::word(c"short", c"SHORT")];
const GIVES: &[ArgSpec] = &[ArgSpec::real(c"distance").after(c"TRAIL"), ArgSpec::real(c"percent").after(c"TRAILPCT")];
const CONDITIONS: &[ArgSpec] = &[ArgSpec::word(c"nx", c"NX"), ArgSpec::word(c"xx", c"XX")];

pub const ID: ArgSpec = ArgSpec::text(c"id");

/// The arguments of TRIG.SET.
pub const SET: &[ArgSpec] = &[
    ArgSpec::KEY,
    ID,
    ArgSpec::one_of(c"side", SIDES).optional(),
    ArgSpec::block(c"sl", &[ArgSpec::real(c"price").after(c"SL"), BY]).optional(),
    ArgSpec::block(c"tp", &[ArgSpec::real(c"price").after(c"TP"), BY]).optional(),
    ArgSpec::block(
        c"trail",
        &[
            ArgSpec::one_of(c"give", GIVES),
            ArgSpec::real(c"activate").after(c"ACTIVATE").optional(),
            ArgSpec::real(c"extreme").after(c"EXTREME").optional(),
            BY,
        ],
    )
    .optional(),
    ArgSpec::block(c"above", &[ArgSpec::real(c"price").after(c"ABOVE"), BY]).optional(),
    ArgSpec::block(c"below", &[ArgSpec::real(c"price").after(c"BELOW"), BY]).optional(),
    ArgSpec::integer(c"expires").after(c"EXPIRES").optional(),
    ArgSpec::text(c"payload").after(c"PAYLOAD").optional(),
    ArgSpec::one_of(c"condition", CONDITIONS).optional(),
    ArgSpec::integer(c"at").after(c"AT").optional(),
];

const WHOM: &[ArgSpec] = &[ID.multiple(), ArgSpec::text(c"prefix").after(c"PREFIX")];

/// The arguments of TRIG.DEL.
pub const DEL: &[ArgSpec] = &[ArgSpec::KEY, ArgSpec::one_of(c"which", WHOM)];

const WHICH: &[ArgSpec] = &[ArgSpec::text(c"id").after(c"ID"), ArgSpec::text(c"prefix").after(c"PREFIX")];

/// The arguments of TRIG.LIST.
pub const LIST: &[ArgSpec] = &[
    ArgSpec::KEY,
    ArgSpec::one_of(c"which", WHICH).optional(),
    ArgSpec::integer(c"after").after(c"AFTER").optional(),
    ArgSpec::integer(c"count").after(c"COUNT").optional(),
];
