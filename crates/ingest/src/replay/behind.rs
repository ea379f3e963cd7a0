//! Records that wait behind one of which an event still waits for its price. Told there, at its own place and under its own
//! number, it is the same at every reading, however far the recording has grown since.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::records::{Bytes, Record};
use crate::event::Batch;
use crate::venue::Decoder;

/// So many records wait at most: then the events are priced by what is known.
const MOST_BEHIND: usize = 65_536;

struct Held {
    number: u64,
    batch: Batch,
    is_control: bool,
    line: Vec<u8>,
}

/// Records in their order, from the first one of which an event waits.
#[derive(Default)]
pub struct Behind {
    records: VecDeque<Held>,
}

impl Behind {
    /// Takes a record, of which nothing is left in `batch`.
    pub fn push(&mut self, number: u64, batch: &mut Batch, is_control: bool, line: &[u8]) {
        self.records.push_back(Held { number, batch: std::mem::take(batch), is_control, line: line.to_vec() });
    }

    /// Passes on the records of which nothing waits any more, up to the first one of which something does.
    pub fn pass(
        &mut self,
        decoder: &mut Decoder,
        each: &mut impl FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.records.len() > MOST_BEHIND {
            decoder.finish(&mut Batch::default());
        }
        for (number, event) in decoder.take_priced() {
            let place = self.records.binary_search_by_key(&number, |held| held.number);
            if let Some(held) = place.ok().and_then(|place| self.records.get_mut(place)) {
                held.batch.push(event);
                held.is_control = false;
            }
        }
        let until = decoder.first_waiting().unwrap_or(u64::MAX);
        let due = self.records.partition_point(|held| held.number < until);
        for Held { number, mut batch, is_control, line } in self.records.drain(..due) {
            each(Record { number, batch: &mut batch, is_control, is_end: false, raw: Bytes::Line(&line) })?;
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::records;
    use super::super::source::Source;
    use super::*;
    use crate::contract::Contracts;

    /// A position: its price is told, or 0.
    fn position(id: u64, received_ms: u64, is_match: u64, price: u64) -> String {
        let row = format!(r#"["pos",{id},{received_ms},null,"tBTCF0:USTF0",-0.5,9000,null,{is_match},1,null,{price}]"#);
        format!(r#"{{"venue":"bitfinex","received_ms":{received_ms},"frame":[7,[{row}]]}}"#)
    }

    /// What a recording's first lines give: numbers, each with its events' ids and prices.
    fn read(lines: &[String]) -> BTreeMap<u64, Vec<(String, f64)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frames.ndjson");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let mut decoder = Decoder::new(Contracts::default());
        let (mut batches, mut last) = (BTreeMap::new(), 0);
        records::read(Source::open(&path, None).unwrap(), None, &mut decoder, |record| {
            assert!(record.number > last, "{} comes behind {last}", record.number);
            last = record.number;
            let events: Vec<_> = record.batch.events.iter().map(|event| (event.id.to_string(), event.price)).collect();
            if !events.is_empty() {
                batches.insert(record.number, events);
            }
            ControlFlow::Continue(())
        })
        .unwrap();
        batches
    }

    #[test]
    fn a_recording_that_grows_gives_every_event_once_also_one_whose_price_comes_late() {
        let lines = [
            position(1, 1_000, 0, 9_100),
            position(2, 2_000, 0, 0),
            position(3, 3_000, 0, 9_300),
            position(4, 4_000, 0, 0),
            position(2, 5_000, 1, 9_200),
            position(5, 6_000, 0, 9_500),
            position(6, 40_000, 0, 9_600),
        ];
        let whole = read(&lines);
        let one = |id: u64, price: f64| vec![(id.to_string(), price)];
        // Two was priced by its execution, four by where its position was opened.
        let expected = [(1, 9_100.0), (2, 9_200.0), (3, 9_300.0), (4, 9_000.0), (6, 9_500.0), (7, 9_600.0)];
        let ids = [1, 2, 3, 4, 5, 6];
        let expected: BTreeMap<_, _> = expected.iter().zip(ids).map(|((n, price), id)| (*n, one(id, *price))).collect();
        assert_eq!(whole, expected);
        // As a server does that takes a batch whose number is higher than the last.
        for first in 0..=lines.len() {
            for second in first..=lines.len() {
                let (mut last, mut counted) = (0, Vec::new());
                for length in [first, second, lines.len()] {
                    for (number, events) in read(&lines[..length]) {
                        if number > last {
                            last = number;
                            counted.extend(events.into_iter().map(|(id, _)| id));
                        }
                    }
                }
                assert_eq!(counted, ids.map(|id| id.to_string()), "read to {first}, {second} and the end");
            }
        }
    }
}
