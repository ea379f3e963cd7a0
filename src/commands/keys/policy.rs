//! `KEYS.POLICY`

use liq_core::grammar::Args;
use liq_core::keys::request::PolicyRequest;

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{policies, reply};

pub struct KeysPolicy;

const PREFIX: ArgSpec = ArgSpec::text(c"prefix");

const SET: ArgSpec = ArgSpec::block(
    c"set",
    &[
        PREFIX,
        ArgSpec::text(c"ttl").after(c"TTL").optional(),
        ArgSpec::text(c"max-ttl").after(c"MAXTTL").optional(),
        ArgSpec::text(c"types").after(c"TYPE").optional(),
        ArgSpec::text(c"max-bytes").after(c"MAXBYTES").optional(),
        ArgSpec::integer(c"max-items").after(c"MAXITEMS").optional(),
        ArgSpec::text(c"idle").after(c"IDLE").optional(),
        ArgSpec::word(c"apply", c"APPLY").optional(),
    ],
)
.after(c"SET");

impl Command for KeysPolicy {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"keys.policy",
        arity: -2,
        flags: c"admin",
        key: KeyAccess::None,
        summary: c"Says what keys under a prefix must be like",
        complexity: c"O(P) in the policies, at most 64",
        since: c"0.1.0",
        args: &[ArgSpec::one_of(
            c"subcommand",
            &[SET, ArgSpec::block(c"del", &[PREFIX]).after(c"DEL"), ArgSpec::word(c"list", c"LIST")],
        )],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        match PolicyRequest::parse(Args::new(arguments.all()))? {
            PolicyRequest::Set(policy) => {
                policies::set(policy)?;
                context.reply_status(c"OK");
            }
            PolicyRequest::Del(prefix) => context.reply_integer(policies::remove(&prefix).into()),
            PolicyRequest::List => reply::send(context, &policies::list()),
        }
        Ok(())
    }
}
