//! The trailing scenarios that Binance publishes (binance-spot-api-docs, faqs/trailing-stop-faq.md), those that follow the
//! price in the favourable direction: each fires at the published trade, by equality, and not a step before it.

use liq_core::market::triggers::{
    Cause, Give, Held, Legs, ONE, Order, Owed, Price, Side, Source, State, Terms, Tick, Trail, Triggers,
};

/// Half a dollar: all prices of the scenarios are multiples of it.
const HALF: Price = ONE / 2;

struct Scenario {
    side: Side,
    /// `trailingDelta`.
    bips: u32,
    /// `stopPrice`.
    activate: Option<Price>,
    /// Where each stretch of linear trades ends, the first one being the price at which the order is placed.
    turns: &'static [Price],
    /// The highest or lowest price when it triggers, and the trade that does, in half dollars.
    extreme: Price,
    trade: Price,
}

/// C is an order to buy, which protects a short position; D and E sell.
const SCENARIOS: [Scenario; 3] = [
    Scenario {
        side: Side::Short,
        bips: 850,
        activate: Some(38_000),
        turns: &[40_000, 42_000, 37_000, 39_000, 38_000, 45_000],
        extreme: 37_000,
        trade: 2 * 40_145,
    },
    Scenario {
        side: Side::Long,
        bips: 750,
        activate: Some(42_000),
        turns: &[40_000, 41_500, 39_000, 45_000, 44_000, 46_500, 40_000],
        extreme: 46_500,
        trade: 2 * 43_012 + 1,
    },
    Scenario {
        side: Side::Long,
        bips: 700,
        activate: None,
        turns: &[40_000, 42_000, 39_500, 45_500, 40_000],
        extreme: 45_500,
        trade: 2 * 42_315,
    },
];

#[test]
fn the_published_scenarios_fire_at_the_published_trade() {
    for Scenario { side, bips, activate, turns, extreme, trade } in SCENARIOS {
        let mut triggers = Triggers::new();
        let activate = activate.map(|price| price * ONE);
        let trail = Trail { give: Give::Percent(bips * 10_000), activate, extreme: None, by: Source::Last };
        let terms = Terms::new(Legs { side: Some(side), trail: Some(trail), ..Legs::default() }).unwrap();
        let order = Order { id: b"order", terms: &terms, expires_ms: None, payload: None, condition: None };
        let held = Held { price: turns[0] * ONE, ts_ms: 1, tick: b"", is_fresh: true };
        let standing =
            triggers.set(&order, 1, 1, &[Some(held), None, None, None, None, None], Owed::Reply).unwrap().unwrap();
        assert_eq!(standing.state, if activate.is_some() { State::Waiting } else { State::Armed });
        let mut price = turns[0] * 2;
        for end in &turns[1..] {
            while price != end * 2 && triggers.pending() == 0 {
                let before = Some(price * HALF);
                price += if end * 2 > price { 1 } else { -1 };
                triggers
                    .judge(&Tick { source: Source::Last, price: price * HALF, before, ts_ms: 2, id: b"" }, Owed::Reply);
            }
        }
        let fire = triggers.owed(Owed::Reply).next().expect("it fires");
        assert_eq!((fire.cause, fire.extreme, fire.price), (Cause::Trail, Some(extreme * ONE), Some(trade * HALF)));
        assert_eq!(fire.level, fire.price, "by equality");
    }
}
