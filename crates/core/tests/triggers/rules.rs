//! The rules of a trigger, one by one, by example.

use liq_core::market::triggers::{
    Armed, Cause, Condition, Fire, Fixed, Give, Held, Impossible, Legs, LegsError, MAX_ARMING, ONE, Order, Owed, Price,
    Prices, Row, SetError, Side, Source, Standing, State, Terms, Tick, Totals, Trail, Triggers, Which,
};

const NOTHING_HELD: Prices<'static> = [None; 6];

fn last(price: Price, is_fresh: bool) -> Prices<'static> {
    let mut prices = NOTHING_HELD;
    prices[0] = Some(Held { price: price * ONE, ts_ms: 77, tick: b"t", is_fresh });
    prices
}

fn at(price: Price) -> Option<Fixed> {
    Some(Fixed { at: price * ONE, by: Source::Last })
}

fn by(price: Price, by: Source) -> Option<Fixed> {
    Some(Fixed { at: price * ONE, by })
}

fn long() -> Legs {
    Legs { side: Some(Side::Long), ..Legs::default() }
}

fn trail(distance: Price) -> Option<Trail> {
    Some(Trail { give: Give::Distance(distance * ONE), activate: None, extreme: None, by: Source::Last })
}

/// A market under test, whose every fire is owed to the reply.
#[derive(Default)]
struct Market {
    triggers: Triggers,
    before: Option<Price>,
    now_ms: u64,
}

impl Market {
    fn try_set(
        &mut self,
        id: &str,
        legs: Legs,
        prices: &Prices<'_>,
        condition: Option<Condition>,
    ) -> Result<Option<Standing>, SetError> {
        let terms = Terms::new(legs).unwrap();
        let order = Order { id: id.as_bytes(), terms: &terms, expires_ms: None, payload: None, condition };
        self.triggers.set(&order, 3, self.now_ms, prices, Owed::Reply)
    }

    fn set(&mut self, id: &str, legs: Legs, prices: &Prices<'_>) -> Standing {
        self.try_set(id, legs, prices, None).unwrap().unwrap()
    }

    /// What a price fires: ids, causes and levels.
    fn judge(&mut self, source: Source, price: Price) -> Vec<(String, Cause, Option<Price>)> {
        let tick =
            Tick { source, price: price * ONE, before: self.before.map(|price| price * ONE), ts_ms: 5, id: b"7" };
        self.before = Some(price);
        let count = self.triggers.judge(&tick, Owed::Reply);
        self.triggers.check();
        let fires: Vec<Fire> = self.triggers.owed(Owed::Reply).cloned().collect();
        assert_eq!(fires.len(), count);
        self.triggers.told(Owed::Reply, count);
        let told = |fire: &Fire| {
            let level = fire.level.map(|level| level / ONE);
            (String::from_utf8(fire.id.to_vec()).unwrap(), fire.cause, level)
        };
        fires.iter().map(told).collect()
    }
}

fn fired(id: &str, cause: Cause, level: Price) -> Vec<(String, Cause, Option<Price>)> {
    vec![(id.to_owned(), cause, Some(level))]
}

#[test]
fn what_a_gap_jumps_over_is_due() {
    let mut market = Market::default();
    market.set("a", Legs { sl: at(90), tp: at(110), ..long() }, &last(100, true));
    assert_eq!(market.judge(Source::Last, 91), []);
    assert_eq!(market.judge(Source::Last, 50), fired("a", Cause::Sl, 90));
    assert_eq!(market.judge(Source::Last, 50), [], "once");
}

#[test]
fn each_leg_looks_at_its_source() {
    let mut market = Market::default();
    let legs = Legs { sl: by(90, Source::Mark), tp: at(110), ..long() };
    market.set("a", legs, &NOTHING_HELD);
    assert_eq!(market.judge(Source::Last, 80), []);
    assert_eq!(market.judge(Source::Mark, 111), []);
    assert_eq!(market.judge(Source::Mark, 90), fired("a", Cause::Sl, 90));
    assert!(market.triggers.is_empty(), "one cancels the other");
    // Of different sources any order of levels is one.
    assert_eq!(Terms::new(Legs { sl: by(120, Source::Mark), ..legs }).map(|_| ()), Ok(()));
}

#[test]
fn of_legs_due_at_once_the_one_nearest_to_the_price_before_is_told() {
    let both = Legs { above: at(95), below: at(105), ..Legs::default() };
    for (before, price, cause, level) in
        [(90, 99, Cause::Above, 95), (110, 99, Cause::Below, 105), (100, 101, Cause::Above, 95)]
    {
        let mut market = Market::default();
        market.set("a", both, &NOTHING_HELD);
        market.before = Some(before);
        assert_eq!(market.judge(Source::Last, price), fired("a", cause, level), "{before} to {price}");
    }
}

#[test]
fn fires_of_one_price_come_in_order_of_arming() {
    let mut market = Market::default();
    market.set("c", Legs { sl: at(90), ..long() }, &NOTHING_HELD);
    market.set("a", Legs { trail: trail(5), ..long() }, &last(100, true));
    market.set("b", Legs { below: at(97), ..Legs::default() }, &NOTHING_HELD);
    let ids: Vec<String> = market.judge(Source::Last, 80).into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, ["c", "a", "b"]);
}

#[test]
fn a_stop_that_comes_too_late_fires_at_once() {
    let mut market = Market { now_ms: 1_000, ..Market::default() };
    let standing = market.set("a", Legs { sl: at(90), ..long() }, &last(89, true));
    assert_eq!(standing, Standing { state: State::Fired, arming: 1_000, by: Source::Last, extreme: None });
    let fire = market.triggers.owed(Owed::Reply).next().unwrap();
    assert_eq!((fire.cause, fire.price, fire.ts_ms, &*fire.tick), (Cause::Sl, Some(89 * ONE), 77, b"t".as_slice()));
    assert_eq!(
        market.set("b", Legs { sl: at(90), ..long() }, &last(89, false)).state,
        State::Armed,
        "not by a stale one"
    );
    market.triggers.told(Owed::Reply, 1);
    assert_eq!(market.judge(Source::Last, 89), fired("b", Cause::Sl, 90));
}

#[test]
fn a_trailing_stop_begins_with_a_fresh_price_or_the_next_one() {
    let mut market = Market::default();
    assert_eq!(market.set("fresh", Legs { trail: trail(10), ..long() }, &last(100, true)).state, State::Armed);
    assert_eq!(market.set("stale", Legs { trail: trail(10), ..long() }, &last(100, false)).state, State::Waiting);
    assert_eq!(market.judge(Source::Last, 90), fired("fresh", Cause::Trail, 90));
    assert_eq!((market.triggers.armed(), market.triggers.waiting()), (1, 0), "the stale high would have fired as well");
    assert_eq!(market.judge(Source::Last, 81), []);
    assert_eq!(market.judge(Source::Last, 80), fired("stale", Cause::Trail, 80));
}

#[test]
fn a_stop_waits_for_its_activation_and_an_old_price_activates_but_does_not_fire() {
    let mut market = Market::default();
    let following = Trail { activate: Some(120 * ONE), ..trail(10).unwrap() };
    let legs = Legs { trail: Some(following), ..long() };
    assert_eq!(market.set("a", legs, &last(100, true)).state, State::Waiting);
    assert_eq!(market.judge(Source::Last, 50), []);
    market.triggers.leave_unjudged(Source::Last, 121 * ONE);
    market.triggers.leave_unjudged(Source::Last, 60 * ONE);
    assert_eq!(market.triggers.totals(), Totals { unjudged: 2, ..Totals::default() });
    market.triggers.check();
    assert_eq!(
        market.judge(Source::Last, 100),
        fired("a", Cause::Trail, 111),
        "the high is heeded, by the next fresh price"
    );
}

#[test]
fn an_extreme_that_is_told_begins_at_once() {
    let mut market = Market::default();
    let told = Trail { activate: Some(500 * ONE), extreme: Some(130 * ONE), ..trail(10).unwrap() };
    let legs = Legs { trail: Some(told), ..long() };
    assert_eq!(market.set("a", legs, &NOTHING_HELD).state, State::Armed);
    assert_eq!(market.judge(Source::Last, 121), []);
    assert_eq!(market.judge(Source::Last, 120), fired("a", Cause::Trail, 120));
    assert_eq!(market.set("b", legs, &last(100, true)).state, State::Fired, "and is judged at once");
}

#[test]
fn replacing_keeps_what_a_leg_spelled_the_same_has_seen() {
    let mut market = Market::default();
    let legs = Legs { trail: trail(10), ..long() };
    market.set("a", legs, &last(100, true));
    assert_eq!(market.judge(Source::Last, 200), []);
    // Another stop-loss, the same trail: a worker moves a stop and repeats the rest.
    market.set("a", Legs { sl: at(150), ..legs }, &last(195, true));
    assert_eq!(market.judge(Source::Last, 190), fired("a", Cause::Trail, 190));
    market.set("a", legs, &last(200, true));
    market.set("a", Legs { trail: trail(11), ..long() }, &last(195, true));
    assert_eq!(market.judge(Source::Last, 185), [], "another trail begins anew");
    // What is told again is no step back.
    let told = Legs { trail: trail(11).map(|trail| Trail { extreme: Some(190 * ONE), ..trail }), ..long() };
    market.set("a", told, &last(195, true));
    assert_eq!(market.judge(Source::Last, 184), fired("a", Cause::Trail, 184));
}

#[test]
fn nx_and_xx_hold_back() {
    let mut market = Market::default();
    let legs = Legs { sl: at(90), ..long() };
    assert_eq!(market.try_set("a", legs, &NOTHING_HELD, Some(Condition::Known)), Ok(None));
    assert!(market.try_set("a", legs, &NOTHING_HELD, Some(Condition::New)).unwrap().is_some());
    assert_eq!(market.try_set("a", legs, &NOTHING_HELD, Some(Condition::New)), Ok(None));
    assert!(market.try_set("a", legs, &NOTHING_HELD, Some(Condition::Known)).unwrap().is_some());
    assert_eq!(market.triggers.last_arming(), 2, "what is held back takes no number");
    // A pending fire is fired: its id is free.
    market
        .triggers
        .judge(&Tick { source: Source::Last, price: 80 * ONE, before: None, ts_ms: 1, id: b"" }, Owed::Stream);
    assert_eq!(market.triggers.pending(), 1);
    assert!(market.try_set("a", legs, &NOTHING_HELD, Some(Condition::New)).unwrap().is_some());
}

#[test]
fn armings_only_grow_whatever_the_clock_does() {
    let mut market = Market::default();
    let legs = Legs { sl: at(90), ..long() };
    let mut armings = Vec::new();
    for now_ms in [1_000, 900, 900, 5_000, 0] {
        market.now_ms = now_ms;
        armings.push(market.set("a", legs, &NOTHING_HELD).arming);
        market.triggers.delete(b"a");
    }
    assert_eq!(armings, [1_000, 1_001, 1_002, 5_000, 5_001]);
    let mut exhausted = Triggers::from_parts(MAX_ARMING, Totals::default(), [], [vec![], vec![]]).unwrap();
    let terms = Terms::new(legs).unwrap();
    let order = Order { id: b"a", terms: &terms, expires_ms: None, payload: None, condition: None };
    assert_eq!(exhausted.set(&order, 3, 1, &NOTHING_HELD, Owed::Reply), Err(SetError::NoArming));
    assert!(exhausted.is_empty());
}

#[test]
fn limits_count_what_is_armed_waiting_and_pending() {
    let mut market = Market::default();
    market.set("armed", Legs { sl: at(90), ..long() }, &NOTHING_HELD);
    market.set("waits", Legs { trail: trail(10), ..long() }, &NOTHING_HELD);
    assert_eq!(market.set("fired", Legs { below: at(95), ..Legs::default() }, &last(95, true)).state, State::Fired);
    let more = Legs { sl: at(80), ..long() };
    assert_eq!(market.try_set("more", more, &NOTHING_HELD, None), Err(SetError::TooMany(3)));
    assert!(market.try_set("armed", more, &NOTHING_HELD, None).is_ok(), "in the place of one");
    let terms = Terms::new(more).unwrap();
    let order = |id, payload| Order { id, terms: &terms, expires_ms: None, payload, condition: None };
    for (wrong, error) in [
        (order(b"", None), SetError::Id),
        (order(&[b'a'; 65], None), SetError::Id),
        (order(b"armed", Some(&[0; 1025])), SetError::Payload),
        (Order { expires_ms: Some(9), ..order(b"armed", None) }, SetError::Expired),
    ] {
        assert_eq!(market.triggers.set(&wrong, 3, 10, &NOTHING_HELD, Owed::Reply), Err(error));
    }
    market.triggers.check();
}

#[test]
fn triggers_expire_in_order_of_arming_before_anything_is_judged() {
    let mut triggers = Triggers::new();
    let terms = Terms::new(Legs { sl: at(90), ..long() }).unwrap();
    for (id, expires_ms) in [(b"a", 30), (b"b", 20), (b"c", 31)] {
        let order = Order { id, terms: &terms, expires_ms: Some(expires_ms), payload: Some(b""), condition: None };
        triggers.set(&order, 9, 10, &NOTHING_HELD, Owed::Stream).unwrap();
    }
    assert_eq!((triggers.next_expiry_ms(), triggers.expire(20, Owed::Stream)), (Some(20), 0), "not before it is past");
    assert_eq!(triggers.expire(31, Owed::Stream), 2);
    let told: Vec<_> =
        triggers.owed(Owed::Stream).map(|fire| (&*fire.id, fire.cause, fire.level, fire.ts_ms)).collect();
    assert_eq!(told, [(b"a".as_slice(), Cause::Expired, None, 30), (b"b".as_slice(), Cause::Expired, None, 20)]);
    assert_eq!(
        triggers.owed(Owed::Stream).next().unwrap().payload.as_deref(),
        Some(b"".as_slice()),
        "an empty one is one"
    );
    assert_eq!((triggers.totals().expired, triggers.totals().fires, triggers.next_expiry_ms()), (2, 0, Some(31)));
}

#[test]
fn deleting_leaves_what_has_fired() {
    let mut market = Market::default();
    market.set("user1:a", Legs { below: at(95), ..Legs::default() }, &last(95, true));
    market.set("user1:b", Legs { sl: at(90), ..long() }, &NOTHING_HELD);
    market.set("user10", Legs { sl: at(90), ..long() }, &NOTHING_HELD);
    assert_eq!(market.triggers.delete(b"user1:a"), None, "it has fired");
    assert_eq!(market.triggers.delete_prefix(b"user1:"), [2]);
    assert_eq!((market.triggers.armed(), market.triggers.pending()), (1, 1));
    assert_eq!(market.triggers.delete_prefix(b""), [3]);
}

#[test]
fn lists_are_by_arming_and_say_the_nearest_level() {
    let mut market = Market::default();
    market.set("b:1", Legs { sl: at(90), tp: at(104), ..long() }, &last(100, true));
    market.set("a:1", Legs { trail: trail(3), sl: at(99), ..long() }, &last(100, true));
    market.set("a:2", Legs { below: at(100), ..Legs::default() }, &last(100, true));
    let rows = |which, after, count| {
        let told = |row: &Row<'_>| match row {
            Row::Armed { armed, state, nearest } => (armed.arming, *state, nearest.map(|level| level / ONE)),
            Row::Pending(fire) => (fire.arming, State::Pending, fire.level.map(|level| level / ONE)),
        };
        market.triggers.list(which, after, count, &last(100, true)).iter().map(told).collect::<Vec<_>>()
    };
    let all = [(1, State::Armed, Some(104)), (2, State::Armed, Some(99)), (3, State::Pending, Some(100))];
    assert_eq!(rows(Which::All, 0, 10), all);
    assert_eq!(rows(Which::All, 1, 1), all[1..2]);
    assert_eq!(rows(Which::Prefix(b"a:"), 0, 10), all[1..]);
    assert_eq!(rows(Which::Id(b"a:2"), 0, 10), all[2..]);
    assert_eq!(rows(Which::Id(b"none"), 0, 10), []);
}

#[test]
fn legs_that_are_no_trigger_are_refused() {
    let give = |give| Legs { trail: Some(Trail { give, ..trail(1).unwrap() }), ..long() };
    let short = Legs { side: Some(Side::Short), ..Legs::default() };
    for (legs, error) in [
        (Legs::default(), LegsError::NoLeg),
        (long(), LegsError::NoLeg),
        (Legs { tp: at(1), ..Legs::default() }, LegsError::NoSide(Cause::Tp)),
        (Legs { trail: trail(1), ..Legs::default() }, LegsError::NoSide(Cause::Trail)),
        (Legs { above: Some(Fixed { at: 999, by: Source::Last }), ..Legs::default() }, LegsError::Price(Cause::Above)),
        (Legs { sl: at(1_000_000_000_000_001), ..long() }, LegsError::Price(Cause::Sl)),
        (give(Give::Distance(0)), LegsError::Give),
        (give(Give::Percent(0)), LegsError::Give),
        (give(Give::Percent(100_000_000)), LegsError::Give),
        (Legs { sl: at(5), tp: at(5), ..long() }, LegsError::Crossed(Side::Long)),
        (Legs { sl: at(4), tp: at(5), ..short }, LegsError::Crossed(Side::Short)),
    ] {
        assert_eq!(Terms::new(legs).unwrap_err(), error, "{legs:?}");
    }
}

#[test]
fn the_greatest_and_least_prices_are_followed_exactly() {
    let greatest = 1_000_000_000_000_000;
    for side in [Side::Long, Side::Short] {
        let trail = Trail { give: Give::Percent(99_999_999), activate: None, extreme: None, by: Source::Last };
        let mut market = Market::default();
        market.set("a", Legs { side: Some(side), trail: Some(trail), ..Legs::default() }, &last(greatest, true));
        let legs = *market.triggers.all_armed().next().unwrap().legs();
        let level = Terms::new(legs).unwrap().trail_level().unwrap();
        let expected = if side == Side::Long { 10_000_000 * ONE } else { (2 * greatest - 10_000_000) * ONE };
        assert_eq!(level, expected);
        market
            .triggers
            .judge(&Tick { source: Source::Last, price: 1_000, before: None, ts_ms: 1, id: b"" }, Owed::Reply);
        assert_eq!(market.triggers.pending(), usize::from(side == Side::Long));
        market.triggers.check();
    }
}

#[test]
fn states_that_no_commands_lead_to_are_refused() {
    let terms = Terms::new(Legs { sl: at(90), ..long() }).unwrap();
    let armed = |id, arming| Armed { id, arming, armed_at_ms: 1, expires_ms: None, payload: None, terms };
    let load =
        |last, armed: Vec<Armed<'_>>| Triggers::from_parts(last, Totals::default(), armed, [vec![], vec![]]).err();
    assert_eq!(load(5, vec![armed(b"a", 3), armed(b"b", 5)]), None);
    let refused = Some(Impossible("arming of a trigger"));
    assert_eq!(load(4, vec![armed(b"a", 3), armed(b"b", 5)]), refused, "beyond the last");
    assert_eq!(load(9, vec![armed(b"a", 5), armed(b"b", 5)]), refused, "twice");
    assert_eq!(load(9, vec![armed(b"a", 0)]), refused);
    assert_eq!(load(u64::MAX, vec![]), refused);
    assert_eq!(load(9, vec![armed(b"a", 3), armed(b"a", 5)]), Some(Impossible("trigger: its id is there twice")));
    assert_eq!(load(9, vec![armed(b"", 3)]), refused);
}
