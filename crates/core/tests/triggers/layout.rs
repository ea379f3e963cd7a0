//! Triggers as bytes: the way there and back, bytes that mean harm, and decisions told to a replica.

use liq_core::market::format::triggers::{Decision, apply_decisions, put, put_decision, take};
use liq_core::market::format::{self as layout, decided};
use liq_core::market::store::{Market, Options, Resolution, Status, Tally};
use liq_core::market::triggers::{
    Armed, Cause, Facts, Fixed, Legs, ONE, Order, Owed, Side, Source, Terms, Tick, Triggers,
};
use liq_core::wire::{DecodeError, Reader};
use proptest::prelude::*;

use crate::definition::after_a_history;

fn encode(triggers: &Triggers) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, triggers);
    out
}

fn decode(bytes: &[u8]) -> Result<Triggers, DecodeError> {
    let mut reader = Reader::new(bytes);
    let triggers = take(&mut reader)?;
    reader.finish()?;
    Ok(triggers)
}

fn sample() -> Vec<u8> {
    encode(&after_a_history(3, 400))
}

#[test]
fn what_was_encoded_is_decoded() {
    for seed in 0..50 {
        let triggers = after_a_history(seed, 30 * seed as usize);
        let bytes = encode(&triggers);
        let loaded = decode(&bytes).unwrap();
        loaded.check();
        assert_eq!(encode(&loaded), bytes);
        assert!(loaded.all_armed().eq(triggers.all_armed()));
        assert_eq!(loaded.totals(), triggers.totals());
    }
}

#[test]
fn a_stop_takes_few_bytes() {
    let mut triggers = Triggers::new();
    let terms = Terms::new(Legs { side: Some(Side::Long), sl: fixed(61_000), ..Legs::default() }).unwrap();
    let order = Order { id: b"user42:pos7", terms: &terms, expires_ms: None, payload: None, condition: None };
    triggers.set(&order, 1, 1_723_161_300_200, &[None; 6], Owed::Stream).unwrap();
    assert!(encode(&triggers).len() <= 50, "{}", encode(&triggers).len());
}

fn fixed(at: i128) -> Option<Fixed> {
    Some(Fixed { at: at * ONE, by: Source::Last })
}

#[test]
fn cut_or_lengthened_bytes_are_refused() {
    let bytes = sample();
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "cut at {end}");
    }
    assert_eq!(decode(&[&bytes[..], &[0]].concat()).err(), Some(DecodeError::Trailing));
}

/// Whatever decodes must behave: it encodes to the same bytes, and stays readable whatever is done to it.
fn must_behave(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Ok(mut triggers) = decode(bytes) else { return Ok(()) };
    triggers.check();
    prop_assert_eq!(encode(&triggers), bytes, "two byte strings for the same");
    let terms = Terms::new(Legs { side: Some(Side::Long), sl: fixed(61_000), ..Legs::default() }).unwrap();
    let order = Order { id: b"user1:pos1", terms: &terms, expires_ms: Some(1 << 53), payload: None, condition: None };
    let _ = triggers.set(&order, 100_000, 5, &[None; 6], Owed::Stream);
    for price in [1_000, 100 * ONE, 1_000_000_000_000_000 * ONE, ONE] {
        for source in Source::ALL {
            triggers.judge(&Tick { source, price, before: None, ts_ms: 1 << 53, id: &[7; 64] }, Owed::Reply);
            triggers.leave_unjudged(source, price / 2 + 1_000);
        }
        triggers.check();
        prop_assert!(decode(&encode(&triggers)).is_ok(), "written and not read");
    }
    triggers.expire(u64::MAX, Owed::Stream);
    triggers.delete_prefix(b"user1");
    triggers.told(Owed::Stream, 3);
    triggers.check();
    prop_assert!(decode(&encode(&triggers)).is_ok(), "written and not read");
    Ok(())
}

proptest! {
    #[test]
    fn changed_bytes_are_refused_or_behave(
        changes in proptest::collection::vec((0.0..1.0_f64, any::<u8>()), 1..4), seed in 0..20_u64,
    ) {
        let mut bytes = encode(&after_a_history(seed, 120));
        for (place, byte) in changes {
            let place = (place * bytes.len() as f64) as usize;
            bytes[place] = byte;
        }
        must_behave(&bytes)?;
    }

    #[test]
    fn any_bytes_are_refused_or_behave(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        must_behave(&bytes)?;
        let mut triggers = after_a_history(7, 60);
        let _ = apply_decisions(&mut triggers, Reader::new(&bytes));
        triggers.check();
        prop_assert!(decode(&encode(&triggers)).is_ok(), "written and not read");
    }
}

#[test]
fn decisions_are_told_as_they_were_made() {
    let terms =
        Terms::new(Legs { side: Some(Side::Short), sl: fixed(61_000), below: fixed(5), ..Legs::default() }).unwrap();
    let armed = |id, arming| Armed { id, arming, armed_at_ms: 7, expires_ms: Some(9), payload: Some(b""), terms };
    let facts = Facts {
        cause: Cause::Sl,
        by: Some(Source::Mark),
        level: Some(61_000 * ONE),
        price: Some(61_000 * ONE + 1),
        ts_ms: 3,
        tick: b"5266585716",
        extreme: None,
    };
    let expired = Facts { cause: Cause::Expired, by: None, level: None, price: None, tick: b"", ..facts };
    let mut bytes = Vec::new();
    for decision in [
        Decision::Armed(armed(b"a", 10)),
        Decision::Armed(armed(b"b", 11)),
        Decision::Armed(armed(b"c", 12)),
        Decision::Armed(armed(b"b", 13)),
        Decision::Fired(10, Owed::Stream, facts),
        Decision::Fired(13, Owed::Reply, expired),
        Decision::Deleted(12),
        Decision::Told(Owed::Stream, 1),
        Decision::Unjudged(4),
    ] {
        put_decision(&mut bytes, &decision);
    }
    let mut triggers = Triggers::new();
    apply_decisions(&mut triggers, Reader::new(&bytes)).unwrap();
    triggers.check();
    assert_eq!((triggers.armed(), triggers.pending(), triggers.last_arming()), (0, 1, 13));
    let fire = triggers.owed(Owed::Reply).next().unwrap();
    assert_eq!((&*fire.id, fire.facts(), fire.payload.as_deref()), (b"b".as_slice(), expired, Some(b"".as_slice())));
    assert_eq!((triggers.totals().fires, triggers.totals().expired, triggers.totals().unjudged), (1, 1, 4));
    // What is cut does nothing at all.
    for end in 0..bytes.len() {
        let mut triggers = Triggers::new();
        if apply_decisions(&mut triggers, Reader::new(&bytes[..end])).is_err() {
            assert!(triggers.is_empty(), "cut at {end}");
        }
    }
}

#[test]
fn decisions_of_which_the_last_is_impossible_do_nothing() {
    let terms = Terms::new(Legs { sl: fixed(61_000), side: Some(Side::Short), ..Legs::default() }).unwrap();
    let armed = |id, arming| Armed { id, arming, armed_at_ms: 7, expires_ms: None, payload: None, terms };
    // Not behind the one before it, without a name, and one behind the last there can be.
    for impossible in [armed(b"b", 10), armed(b"", 11), armed(b"b", u64::MAX)] {
        let mut bytes = Vec::new();
        put_decision(&mut bytes, &Decision::Armed(armed(b"a", 10)));
        put_decision(&mut bytes, &Decision::Armed(impossible));
        let mut triggers = Triggers::new();
        assert!(apply_decisions(&mut triggers, Reader::new(&bytes)).is_err());
        assert!(triggers.is_empty(), "the first was armed");
        // Behind what was decided of the market as well.
        let mut write = Vec::new();
        decided::begin(&mut write, 1, Resolution::Full, None);
        let mut tally = Tally::default();
        tally.count(Status::Late);
        decided::end(&mut write, &tally);
        write.extend(bytes);
        let mut market = Market::new(Options::default());
        let before = layout::encode(&market);
        assert!(market.apply(&write).is_err());
        assert_eq!(layout::encode(&market), before);
    }
}
