//! What a tick costs while 100,000 triggers wait, beside a loop that looks at each: `cargo bench -p liq-core --bench
//! triggers`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use liq_core::market::triggers::{
    Fixed, Give, Held, Legs, ONE, Order, Owed, Price, Side, Source, Terms, Tick, Trail, Triggers,
};

const MANY: u64 = 100_000;

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn tick(price: Price) -> Tick<'static> {
    Tick { source: Source::Last, price, before: Some(price), ts_ms: 1, id: b"5266585715" }
}

/// Nanoseconds each of so many.
fn each(what: &str, count: u64, mut work: impl FnMut(u64)) {
    let begin = Instant::now();
    (0..count).for_each(&mut work);
    println!("{what:<52}{:>12.1} ns", begin.elapsed().as_secs_f64() * 1e9 / count as f64);
}

fn legs(random: &mut Random, price: Price) -> Legs {
    let away = Price::from(2_000 + random.below(9_000)) * ONE;
    let long = Legs { side: Some(Side::Long), ..Legs::default() };
    let trail = |give| Some(Trail { give, activate: None, extreme: None, by: Source::Last });
    match random.below(3) {
        0 => Legs { sl: Some(Fixed { at: price - away, by: Source::Last }), ..long },
        1 => Legs { trail: trail(Give::Distance(away)), ..long },
        _ => Legs { trail: trail(Give::Percent(4_000_000 + random.below(9_000_000) as u32)), ..long },
    }
}

fn main() {
    let (mut triggers, mut random, mut price) = (Triggers::new(), Random(1), 60_000 * ONE);
    let mut terms = Vec::new();
    each("arm one more of 100,000, and a tick", MANY, |number| {
        price += (Price::from(random.below(2_001)) - 1_000) * ONE / 1_000;
        let one = Terms::new(legs(&mut random, price)).unwrap();
        terms.push(one);
        let id = format!("user:{number:011}");
        let order = Order { id: id.as_bytes(), terms: &one, expires_ms: None, payload: None, condition: None };
        let held = Some(Held { price, ts_ms: 1, tick: b"", is_fresh: true });
        triggers.set(&order, MANY as usize, 1, &[held, None, None, None, None, None], Owed::Stream).unwrap();
        triggers.judge(&tick(price), Owed::Stream);
    });
    println!("{:<52}{:>12}", "groups of trailing stops", triggers.groups(Source::Last));
    let calm = price;
    each("a calm tick, nothing due", 2_000_000, |number| {
        black_box(triggers.judge(black_box(&tick(calm - Price::from(number % 7) * ONE / 100)), Owed::Stream));
    });
    each("a wild tick, nothing due", 2_000_000, |_| {
        price += (Price::from(random.below(2_001)) - 998) * ONE / 10_000;
        black_box(triggers.judge(black_box(&tick(price)), Owed::Stream));
    });
    each("the loop over all, nothing due", 200, |_| {
        let due = |terms: &&Terms| {
            let legs = terms.legs();
            let level = legs.sl.map_or_else(|| terms.trail_level(), |sl| Some(sl.at));
            level.is_some_and(|level| calm <= level)
        };
        black_box(terms.iter().filter(due).count());
    });
    let begin = Instant::now();
    let fires = triggers.judge(&tick(ONE), Owed::Stream);
    println!("{:<52}{:>12.1} ns", "all due at once, each", begin.elapsed().as_secs_f64() * 1e9 / fires as f64);
}
