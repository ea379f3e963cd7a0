//! Requests to an exchange, limited as the exchange counts them, by all processes together.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run --example rate_limit`

use std::time::Duration;

use redis_liq::{BlockedBy, Error, Limit, LiqCommands, RateReply, Retry, Usage, redis};

const KEY: &str = "rl:{binance-um}";
const MINUTE: Duration = Duration::from_secs(60);

fn main() -> Result<(), Error> {
    run(&std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".into())).map(drop)
}

/// Returns what was answered before and after the exchange's own header was taken over.
pub fn run(url: &str) -> Result<(RateReply, RateReply), Error> {
    let mut con = redis::Client::open(url)?.get_connection()?;
    // 2400 weight a minute by the clock, and a smooth 20 requests a second beside it.
    let limits = [Limit::aligned(2400, MINUTE), Limit::smooth_with_burst(1200, MINUTE, 20)];

    let order_book = con.rl_check(KEY, &limits, 10)?;
    print_answer(&order_book);

    // The exchange answered with X-MBX-USED-WEIGHT-1M: other programs used the same address.
    con.rl_sync(KEY, &Usage::aligned(MINUTE, 2395))?;
    let denied = con.rl_check(KEY, &limits, 10)?;
    print_answer(&denied);
    Ok((order_book.into_inner(), denied.into_inner()))
}

fn print_answer(answer: &RateReply) {
    match (answer.retry, answer.blocked_by) {
        (Retry::NotNeeded, _) => println!("go ahead, {} of {} left", answer.remaining, answer.limit),
        (Retry::After(pause), BlockedBy::Ban) => println!("banned for {pause:?}"),
        (Retry::After(pause), place) => println!("wait {pause:?} for {place:?}"),
        (Retry::Never, _) => println!("costs more than the limit holds"),
        // Kinds of a newer module.
        (retry, blocked_by) => println!("{retry:?}, {blocked_by:?}"),
    }
}
