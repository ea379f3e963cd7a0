//! Random histories: after every step the triggers hold and have fired what the definition says, a replica that is told
//! what was decided holds the same, and so does what is saved and loaded.

use liq_core::market::triggers::{
    Armed, Cause, Condition, Facts, Fire, Fixed, Give, Held, Legs, ONE, Order, Owed, Price, Prices, Side, Source,
    State, Terms, Tick, Trail, Triggers, Which,
};

use crate::slow::{Fired, Slow};

const MOST: usize = 1_000_000;
const START_MS: u64 = 1_735_689_600_000;
/// How long prices are fresh.
const FRESH_MS: u64 = 100;

/// Small numbers that are the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn chance(&mut self, of_100: u64) -> bool {
        self.below(100) < of_100
    }
}

/// How prices and levels lie: coarse steps meet each other all the time, fine ones hardly ever.
#[derive(Clone, Copy)]
struct Shape {
    step: Price,
    /// Where the walk begins and how far levels lie from it, in steps.
    middle: u64,
    width: u64,
    /// How far a tick goes at most, in steps.
    jump: u64,
    /// Shares of steps, in percent: setting, deleting, prices too old.
    sets: u64,
    deletes: u64,
    old: u64,
}

const SHAPES: [Shape; 5] = [
    Shape { step: ONE, middle: 100, width: 12, jump: 3, sets: 40, deletes: 5, old: 5 },
    Shape { step: ONE / 1_000, middle: 61_755_700, width: 400_000, jump: 60_000, sets: 50, deletes: 10, old: 10 },
    // Steady rises and falls that meld many groups, with hardly a deletion.
    Shape { step: ONE / 100, middle: 5_000, width: 300, jump: 90, sets: 60, deletes: 1, old: 1 },
    // Mostly replaced and deleted: what is dead has to go.
    Shape { step: ONE, middle: 1_000, width: 400, jump: 10, sets: 55, deletes: 30, old: 20 },
    // The least prices there are, where rounding of percentages is everything.
    Shape { step: 1, middle: 1_500, width: 90, jump: 40, sets: 45, deletes: 4, old: 5 },
];

/// A market of one primary, its replica and the definition.
struct Trial {
    random: Random,
    shape: Shape,
    triggers: Triggers,
    replica: Triggers,
    slow: Slow,
    now_ms: u64,
    /// The last price of each source and until when it is fresh.
    held: [Option<(Price, u64)>; 6],
    told: usize,
}

impl Trial {
    fn new(shape: Shape, seed: u64) -> Self {
        Self {
            random: Random(seed),
            shape,
            triggers: Triggers::new(),
            replica: Triggers::new(),
            slow: Slow::default(),
            now_ms: START_MS,
            held: [None; 6],
            told: 0,
        }
    }

    fn source(&mut self) -> Source {
        [Source::Last, Source::Last, Source::Last, Source::Mark, Source::Bid][self.random.below(5) as usize]
    }

    fn middle(&self, source: Source) -> Price {
        self.held[source.number()].map_or(Price::from(self.shape.middle) * self.shape.step, |(price, _)| price)
    }

    /// A price around the last one of the source.
    fn around(&mut self, source: Source, width: u64) -> Price {
        let away = Price::from(self.random.below(2 * width + 1)) - Price::from(width);
        (self.middle(source) + away * self.shape.step).max(1_000)
    }

    fn fixed(&mut self, of_100: u64) -> Option<Fixed> {
        let by = self.source();
        let at = self.around(by, self.shape.width);
        self.random.chance(of_100).then_some(Fixed { at, by })
    }

    fn trail(&mut self) -> Trail {
        let by = self.source();
        let give = if self.random.chance(50) {
            Give::Distance(Price::from(1 + self.random.below(self.shape.width)) * self.shape.step)
        } else {
            Give::Percent([1_000_000, 2_500_000, 5_000_000, 123_457, 1, 99_999_999][self.random.below(6) as usize])
        };
        let activate = self.random.chance(40).then(|| self.around(by, self.shape.width));
        let extreme = self.random.chance(10).then(|| self.around(by, self.shape.width));
        Trail { give, activate, extreme, by }
    }

    fn legs(&mut self) -> Legs {
        let side = [Side::Long, Side::Short][self.random.below(2) as usize];
        match self.random.below(10) {
            0..=2 => Legs { side: Some(side), trail: Some(self.trail()), ..Legs::default() },
            3 => Legs { above: self.fixed(60), below: self.fixed(60), ..Legs::default() },
            4..=6 => Legs { side: Some(side), sl: self.fixed(100), tp: self.fixed(50), ..Legs::default() },
            _ => {
                let trail = self.random.chance(60).then(|| self.trail());
                let (sl, tp, above, below) = (self.fixed(50), self.fixed(50), self.fixed(20), self.fixed(20));
                Legs { side: Some(side), sl, tp, trail, above, below }
            }
        }
    }

    fn prices(&self) -> Prices<'static> {
        let is_fresh = |fresh_ms: u64| fresh_ms >= self.now_ms;
        let at = |held: (Price, u64)| Held { price: held.0, ts_ms: START_MS, tick: b"", is_fresh: is_fresh(held.1) };
        self.held.map(|held| held.map(at))
    }

    /// What was decided since: compared with the definition, told to the replica.
    fn compare(&mut self, expected: &[Fired]) {
        let fires: Vec<Fire> = self.triggers.owed(Owed::Stream).skip(self.told).cloned().collect();
        let found: Vec<Fired> =
            fires.iter().map(|fire| (fire.arming, fire.cause, fire.level, fire.price, fire.extreme)).collect();
        assert_eq!(found, expected);
        for fire in &fires {
            assert_eq!(self.replica.fire(fire.arming, &fire.facts(), Owed::Stream), Ok(true));
        }
        self.told += fires.len();
        if self.told > 3_000 {
            for triggers in [&mut self.triggers, &mut self.replica] {
                triggers.told(Owed::Stream, 3_000);
            }
            self.told -= 3_000;
        }
    }

    fn set(&mut self) {
        let id = format!("user{}:pos{}", self.random.below(30), self.random.below(12));
        let known = self.slow.armed.iter().find(|one| one.id == id.as_bytes());
        // Some are set again as they are, to keep what they have seen.
        let again = known.filter(|_| self.now_ms.is_multiple_of(3)).map(|one| one.legs);
        let legs = again.unwrap_or_else(|| self.legs());
        let legs = Legs {
            trail: legs.trail.map(|trail| Trail { extreme: trail.extreme.filter(|_| again.is_none()), ..trail }),
            ..legs
        };
        let Ok(terms) = Terms::new(legs) else { return };
        let expires_ms = self.random.chance(10).then(|| self.now_ms + self.random.below(300));
        let condition = [None, None, None, Some(Condition::New), Some(Condition::Known)][self.random.below(5) as usize];
        let order = Order { id: id.as_bytes(), terms: &terms, expires_ms, payload: Some(b"{}"), condition };
        let prices = self.prices();
        let expected = self.slow.set(&order, self.now_ms, &prices);
        let standing = self.triggers.set(&order, MOST, self.now_ms, &prices, Owed::Stream).unwrap();
        assert_eq!(standing.is_some(), expected.is_some());
        let Some((standing, fired)) = standing.zip(expected) else { return };
        assert_eq!((standing.arming, standing.state == State::Fired), (self.slow.last_arming, fired.is_some()));
        self.tell_armed(&order, standing.arming);
        self.compare(fired.as_slice());
    }

    /// Tells the replica what was armed, as it stood before it was judged.
    fn tell_armed(&mut self, order: &Order<'_>, arming: u64) {
        let rows = self.triggers.list(Which::Id(order.id), arming - 1, 1, &self.prices());
        let (armed_at_ms, expires_ms) = (self.now_ms, order.expires_ms);
        let terms = match rows.first() {
            Some(liq_core::market::triggers::Row::Armed { armed, .. }) => armed.terms,
            Some(liq_core::market::triggers::Row::Pending(fire)) => {
                let trail = order.terms.legs().trail.map(|trail| Trail { extreme: fire.extreme, ..trail });
                Terms::new(Legs { trail, ..*order.terms.legs() }).unwrap()
            }
            None => panic!("armed or fired"),
        };
        let Order { id, payload, .. } = *order;
        self.replica.arm(&Armed { id, arming, armed_at_ms, expires_ms, payload, terms }).unwrap();
    }

    fn delete(&mut self) {
        if self.random.chance(20) {
            let prefix = format!("user{}:", self.random.below(60));
            let mut gone = self.triggers.delete_prefix(prefix.as_bytes());
            gone.sort_unstable();
            assert_eq!(gone, self.slow.delete(|id| id.starts_with(prefix.as_bytes())));
            gone.iter().for_each(|arming| assert!(self.replica.disarm(*arming)));
            return;
        }
        let id = format!("user{}:pos{}", self.random.below(30), self.random.below(12));
        let gone = self.triggers.delete(id.as_bytes());
        assert_eq!(gone.as_slice(), self.slow.delete(|other| other == id.as_bytes()));
        gone.iter().for_each(|arming| assert!(self.replica.disarm(*arming)));
    }

    fn price(&mut self) {
        let source = self.source();
        let jump = if self.random.chance(3) { self.shape.width } else { self.shape.jump };
        let price = self.around(source, jump);
        let before = self.held[source.number()].map(|(price, _)| price);
        let is_old = self.random.chance(self.shape.old);
        // Some come late, and none is older than the one before.
        let late_ms = if is_old || self.random.chance(10) { self.random.below(400) } else { 0 };
        let since_ms = self.held[source.number()].map_or(0, |(_, fresh_ms)| fresh_ms);
        let fresh_ms = since_ms.max(self.now_ms + FRESH_MS - late_ms);
        self.held[source.number()] = Some((price, fresh_ms));
        self.replica.wake(source, 0..=fresh_ms);
        self.replica.follow(source, price);
        self.triggers.wake(source, 0..=fresh_ms);
        if is_old {
            self.triggers.leave_unjudged(source, price);
            self.slow.follow(source, price, fresh_ms);
            return;
        }
        let tick = Tick { source, price, before, ts_ms: fresh_ms - FRESH_MS, id: b"5266585715" };
        let expected = self.slow.judge(&tick, fresh_ms);
        assert_eq!(self.triggers.judge(&tick, Owed::Stream), expected.len());
        self.compare(&expected);
    }

    fn step(&mut self) {
        self.now_ms += self.random.below(5);
        let expected = self.slow.expire(self.now_ms);
        assert_eq!(self.triggers.expire(self.now_ms, Owed::Stream), expected.len());
        self.compare(&expected);
        match self.random.below(100) {
            chance if chance < self.shape.sets => self.set(),
            chance if chance < self.shape.sets + self.shape.deletes => self.delete(),
            _ => self.price(),
        }
    }

    /// Everything that is held, against the definition, the replica, and what is saved and loaded.
    fn look(&self) {
        self.triggers.check();
        self.replica.check();
        let held: Vec<_> = self.triggers.all_armed().collect();
        let expected: Vec<_> =
            self.slow.armed.iter().map(|one| (one.id.as_slice(), one.arming, one.expires_ms, one.legs)).collect();
        let found: Vec<_> = held.iter().map(|one| (one.id, one.arming, one.expires_ms, *one.legs())).collect();
        assert_eq!(found, expected);
        assert!(self.replica.all_armed().eq(held.iter().copied()), "the replica holds the same");
        assert!(self.replica.owed(Owed::Stream).eq(self.triggers.owed(Owed::Stream)), "and owes the same");
        let owed = Owed::BOTH.map(|owed| self.triggers.owed(owed).cloned().collect());
        let loaded =
            Triggers::from_parts(self.triggers.last_arming(), self.triggers.totals(), held.iter().copied(), owed)
                .unwrap();
        loaded.check();
        assert!(loaded.all_armed().eq(held.iter().copied()), "what is loaded is what was saved");
        assert_eq!((loaded.armed(), loaded.waiting()), (self.triggers.armed(), self.triggers.waiting()));
    }
}

/// Triggers after a random history.
pub fn after_a_history(seed: u64, steps: usize) -> Triggers {
    let mut trial = Trial::new(SHAPES[seed as usize % SHAPES.len()], seed);
    (0..steps).for_each(|_| trial.step());
    trial.triggers
}

#[test]
fn a_hundred_thousand_fires_are_those_of_the_definition() {
    let (mut fires, mut by_cause) = (0, std::collections::BTreeMap::<&str, u64>::new());
    for seed in 0..50 {
        let mut trial = Trial::new(SHAPES[seed as usize % SHAPES.len()], seed);
        let mut counted = 0;
        for step in 0..8_000 {
            let before = trial.triggers.totals();
            trial.step();
            let after = trial.triggers.totals();
            counted += (after.fires - before.fires) + (after.expired - before.expired);
            if step % 101 == 0 {
                trial.look();
            }
            if trial.told > 0 {
                let newest = trial.triggers.owed(Owed::Stream).next_back().unwrap();
                *by_cause.entry(newest.cause.name()).or_default() += 1;
            }
        }
        trial.look();
        fires += counted;
    }
    assert!(fires >= 100_000, "{fires} fires were compared");
    assert_eq!(by_cause.len(), Cause::ALL.len(), "of every cause: {by_cause:?}");
}

#[test]
fn a_loaded_market_goes_on_like_the_one_that_was_saved() {
    for seed in 100..110 {
        let mut trial = Trial::new(SHAPES[seed as usize % SHAPES.len()], seed);
        for step in 0..4_000 {
            trial.step();
            if step % 500 == 499 {
                let owed = Owed::BOTH.map(|owed| trial.triggers.owed(owed).cloned().collect());
                let armed: Vec<_> = trial.triggers.all_armed().collect();
                let totals = trial.triggers.totals();
                trial.triggers = Triggers::from_parts(trial.triggers.last_arming(), totals, armed, owed).unwrap();
            }
        }
        trial.look();
    }
}

#[test]
fn facts_of_no_fire_are_refused() {
    let mut triggers = Triggers::new();
    let facts = Facts {
        cause: Cause::Sl,
        by: Some(Source::Last),
        level: Some(ONE),
        price: Some(ONE),
        ts_ms: 1,
        tick: b"",
        extreme: None,
    };
    assert_eq!(triggers.fire(1, &facts, Owed::Reply), Ok(false), "none is armed");
    for wrong in [
        Facts { level: None, ..facts },
        Facts { by: None, ..facts },
        Facts { price: Some(0), ..facts },
        Facts { tick: &[b'1'; 65], ..facts },
        Facts { cause: Cause::Expired, ..facts },
        Facts { extreme: Some(-1), ..facts },
    ] {
        assert!(triggers.fire(1, &wrong, Owed::Reply).is_err(), "{wrong:?}");
    }
}
