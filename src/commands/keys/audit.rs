//! `KEYS.AUDIT`

use liq_core::grammar::Args;
use liq_core::keys::request::AuditRequest;

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{audits, reply};

pub struct KeysAudit;

const START: ArgSpec =
    ArgSpec::block(c"start", &[ArgSpec::integer(c"budget").after(c"BUDGET").optional()]).after(c"START");

const ORDER: ArgSpec = ArgSpec::one_of(
    c"order",
    &[
        ArgSpec::word(c"bytes", c"BYTES"),
        ArgSpec::word(c"keys", c"KEYS"),
        ArgSpec::word(c"no-ttl", c"NO_TTL"),
        ArgSpec::word(c"idle", c"IDLE"),
        ArgSpec::word(c"broken", c"BROKEN"),
        ArgSpec::word(c"growth", c"GROWTH"),
    ],
)
.after(c"BY")
.optional();

const REPORT: ArgSpec = ArgSpec::block(
    c"report",
    &[
        ORDER,
        ArgSpec::integer(c"count").after(c"COUNT").optional(),
        ArgSpec::text(c"prefix").after(c"PREFIX").optional(),
        ArgSpec::integer(c"db").after(c"DB").optional(),
    ],
)
.after(c"REPORT");

impl Command for KeysAudit {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"keys.audit",
        arity: -2,
        flags: c"admin",
        key: KeyAccess::None,
        summary: c"Walks over all keys in the background and tells by prefix what is there and what breaks its policy",
        complexity: c"O(G log G) in the groups of keys for REPORT, else O(D) in the databases; the walk is O(N) in the keys, in slices",
        since: c"0.1.0",
        args: &[ArgSpec::one_of(
            c"subcommand",
            &[START, ArgSpec::word(c"stop", c"STOP"), ArgSpec::word(c"status", c"STATUS"), REPORT],
        )],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        const NONE_YET: Refusal = Refusal::Because(std::borrow::Cow::Borrowed("no audit yet"));
        match AuditRequest::parse(Args::new(arguments.all()))? {
            AuditRequest::Start(budget_pct) => {
                if !audits::start(context, budget_pct) {
                    return Err(Refusal::because("an audit is running"));
                }
                context.reply_status(c"OK");
            }
            AuditRequest::Stop => context.reply_integer(audits::stop().into()),
            AuditRequest::Status => reply::send(context, &audits::status()),
            AuditRequest::Report { order, count } => {
                reply::send(context, &audits::report(order, count).ok_or(NONE_YET)?);
            }
            AuditRequest::ReportPrefix { prefix, db } => {
                reply::send(context, &audits::detail(&prefix, db).ok_or(NONE_YET)?);
            }
        }
        Ok(())
    }
}
