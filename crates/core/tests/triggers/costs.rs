//! What triggers cost whatever they are: steps counted one by one, allocations, bytes.

use liq_core::market::triggers::{
    Fixed, Give, Held, Legs, ONE, Order, Owed, Price, Prices, Side, Source, Terms, Tick, Trail, Triggers,
};
use liq_core::steps;

use crate::definition::Random;

const MANY: u64 = 100_000;

fn last(price: Price) -> Prices<'static> {
    [Some(Held { price, ts_ms: 1, tick: b"", is_fresh: true }), None, None, None, None, None]
}

fn tick(price: Price) -> Tick<'static> {
    Tick { source: Source::Last, price, before: Some(price), ts_ms: 1, id: b"5266585715" }
}

fn set(triggers: &mut Triggers, number: u64, legs: Legs, price: Price) {
    let terms = Terms::new(legs).unwrap();
    let id = format!("user:{number:011}");
    let order = Order { id: id.as_bytes(), terms: &terms, expires_ms: None, payload: None, condition: None };
    triggers.set(&order, MANY as usize, 1, &last(price), Owed::Stream).unwrap().unwrap();
}

fn fixed(at: Price) -> Legs {
    Legs { side: Some(Side::Long), sl: Some(Fixed { at, by: Source::Last }), ..Legs::default() }
}

fn trailing(give: Give, extreme: Option<Price>) -> Legs {
    let trail = Trail { give, activate: None, extreme, by: Source::Last };
    Legs { side: Some(Side::Long), trail: Some(trail), ..Legs::default() }
}

/// Stops armed along a walk, of the kind that `legs` makes at each price.
fn walked(legs: impl Fn(&mut Random, Price) -> Legs) -> (Triggers, Price) {
    let (mut triggers, mut random, mut price) = (Triggers::new(), Random(1), 60_000 * ONE);
    for number in 0..MANY {
        price += (Price::from(random.below(2_001)) - 1_000) * ONE / 1_000;
        let legs = legs(&mut random, price);
        set(&mut triggers, number, legs, price);
        triggers.judge(&tick(price), Owed::Stream);
    }
    assert_eq!((triggers.armed() + triggers.waiting(), triggers.pending()), (MANY as usize, 0));
    (triggers, price)
}

fn give(random: &mut Random) -> Give {
    let away = 1_000 + random.below(9_000);
    if random.below(2) == 0 { Give::Distance(Price::from(away) * ONE) } else { Give::Percent(2_000_000 + away as u32) }
}

/// What `work` takes: steps, allocations.
fn cost_of(mut work: impl FnMut()) -> (u64, u64) {
    let before = steps::taken();
    let allocated = allocation_counter::measure(&mut work);
    (steps::taken() - before, allocated.count_total)
}

#[test]
fn a_price_that_fires_nothing_allocates_nothing_and_looks_at_no_trigger() {
    let (mut triggers, mut price) = walked(|random, price| match random.below(3) {
        0 => fixed(price - Price::from(2_000 + random.below(9_000)) * ONE),
        _ => trailing(give(random), None),
    });
    let mut random = Random(2);
    let (mut steps, mut most) = (0, 0);
    for _ in 0..20_000 {
        // Now and then to a new high of all: groups meld.
        price += (Price::from(random.below(2_001)) - 995) * ONE / 1_000;
        let (taken, allocated) = cost_of(|| assert_eq!(triggers.judge(&tick(price), Owed::Stream), 0));
        assert_eq!(allocated, 0);
        (steps, most) = (steps + taken, most.max(taken));
    }
    assert!(steps <= 2 * 20_000, "{steps} steps for 20,000 prices");
    assert!(most <= 500, "{most} steps for one");
    triggers.check();
}

#[test]
fn stops_that_saw_the_same_extreme_are_one_group() {
    let (triggers, _) = walked(|random, _| trailing(give(random), None));
    assert!(triggers.groups(Source::Last) < 2_000, "{} groups", triggers.groups(Source::Last));
}

#[test]
fn setting_and_deleting_cost_little_among_many() {
    let (mut triggers, price) = walked(|random, _| trailing(give(random), None));
    let mut random = Random(3);
    let (mut all, mut most) = (0, 0);
    for _ in 0..50_000 {
        let number = random.below(MANY);
        let (taken, _) = cost_of(|| {
            set(&mut triggers, number, trailing(Give::Distance(Price::from(1 + number) * ONE / 7 + ONE), None), price);
        });
        (all, most) = (all + taken, most.max(taken));
    }
    assert!(all <= 300 * 50_000, "{} steps a trigger", all / 50_000);
    // Once in as many as there are, what is dead goes.
    assert!(most <= 4 * MANY, "{most} steps for one");
    triggers.check();
}

#[test]
fn the_worst_that_can_be_made_is_bounded() {
    // Every stop has seen something else, and one price is above all of it.
    let mut triggers = Triggers::new();
    for number in 0..MANY {
        let extreme = Price::from(50_000 + number) * ONE;
        set(&mut triggers, number, trailing(Give::Distance(200_000 * ONE), Some(extreme)), 10_000 * ONE);
    }
    assert_eq!(triggers.groups(Source::Last), MANY as usize);
    let (spike, allocated) = cost_of(|| assert_eq!(triggers.judge(&tick(500_000 * ONE), Owed::Stream), 0));
    assert!(spike <= 8 * MANY, "{spike} steps to meld {MANY} groups");
    assert_eq!((triggers.groups(Source::Last), allocated), (1, 0));
    triggers.check();
    // And now all of them are due at once.
    let (crash, _) = cost_of(|| assert_eq!(triggers.judge(&tick(1_000 * ONE), Owed::Stream), MANY as usize));
    assert!(crash <= 200 * MANY, "{crash} steps for {MANY} fires");
    assert_eq!((triggers.armed(), triggers.pending()), (0, MANY as usize));
    triggers.check();
}

#[test]
fn a_mass_of_fixed_levels_is_taken_in_order() {
    let mut triggers = Triggers::new();
    let mut random = Random(4);
    for number in 0..MANY {
        set(&mut triggers, number, fixed(Price::from(1_000 + random.below(1_000_000)) * ONE / 100), 20_000 * ONE);
    }
    let (crash, _) = cost_of(|| assert_eq!(triggers.judge(&tick(ONE), Owed::Stream), MANY as usize));
    assert!(crash <= 300 * MANY, "{crash} steps for {MANY} fires");
}

/// What is asked of the allocator, and 16 bytes for each buffer, since allocators keep books.
fn bytes_each(build: impl FnOnce() -> Triggers) -> u64 {
    let mut held = None;
    let allocated = allocation_counter::measure(|| held = Some(build()));
    drop(held);
    (allocated.bytes_current as u64 + 16 * allocated.count_current as u64) / MANY
}

#[test]
fn an_armed_trigger_takes_at_most_300_bytes() {
    let price = 60_000 * ONE;
    let all = |legs: fn(&mut Random, u64) -> Legs| {
        bytes_each(move || {
            let (mut triggers, mut random) = (Triggers::new(), Random(5));
            (0..MANY).for_each(|number| set(&mut triggers, number, legs(&mut random, number), price));
            triggers
        })
    };
    let stop = all(|random, _| fixed(Price::from(1 + random.below(1_000_000)) * ONE / 100));
    let follows = all(|random, _| trailing(give(random), None));
    // The most that can be made of them: each a group of its own.
    let alone = all(|random, number| trailing(give(random), Some(Price::from(60_000_000 + number) * ONE / 1_000)));
    println!("bytes each: fixed {stop}, trailing {follows}, trailing in a group of its own {alone}");
    assert!(stop <= 300 && follows <= 300, "{stop}, {follows}");
    assert!(alone <= 450, "{alone}");
}

#[test]
fn what_is_measured_is_what_was_allocated() {
    let mut held = None;
    let allocated = allocation_counter::measure(|| held = Some(walked(|random, _| trailing(give(random), None)).0));
    let mut measured = 0;
    held.unwrap().measure(&mut |_, bytes| measured += bytes as i64);
    assert!((allocated.bytes_current - measured).abs() < 1_000, "{} and {measured}", allocated.bytes_current);
}

#[test]
fn nothing_is_kept_when_nothing_is_armed() {
    let mut triggers = Triggers::new();
    for number in 0..1_000 {
        set(&mut triggers, number, trailing(Give::Distance(ONE), None), 100 * ONE);
    }
    triggers.judge(&tick(50 * ONE), Owed::Stream);
    triggers.told(Owed::Stream, 1_000);
    let mut measured = 0;
    triggers.measure(&mut |_, bytes| measured += bytes);
    assert!(triggers.is_empty() && measured == 0, "{measured} bytes");
}
