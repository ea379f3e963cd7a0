//! Walking through a recording record by record, whatever its format.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use csv::ByteRecord;

use super::behind::Behind;
use super::layout::Layout;
use super::lines::{self, Line};
use super::rows;
use super::source::{Format, Source};
use crate::event::{Batch, Reject};
use crate::venue::{Decoder, Held, Venue};

/// The longest line that is read; the rest of a longer one is skipped and the line rejected.
const LONGEST_LINE: usize = 1 << 20;
/// Lines that wait for the worth of their contracts; those behind them are rejected at once.
const MOST_HELD: usize = 4_096;

/// One record as it was read.
pub struct Record<'a> {
    /// Place in the recording, from 1: the same at every reading.
    pub number: u64,
    /// What it gave.
    pub batch: &'a mut Batch,
    /// Neither event nor reject: a heading, an acknowledgement, a heartbeat.
    pub is_control: bool,
    /// No record of its own: what was not understood at the recording's end.
    pub is_end: bool,
    pub(super) raw: Bytes<'a>,
}

/// A record's text.
pub(super) enum Bytes<'a> {
    Line(&'a [u8]),
    Row(&'a ByteRecord),
}

impl Record<'_> {
    /// The record's text, for the rejects file.
    pub fn text(&self) -> String {
        match &self.raw {
            Bytes::Line(line) => String::from_utf8_lossy(line).into_owned(),
            Bytes::Row(row) => {
                let fields: Vec<_> = row.iter().map(String::from_utf8_lossy).collect();
                fields.join(",")
            }
        }
    }
}

/// Reads `source` to its end, or until `each` breaks.
pub fn read(
    source: Source,
    venue: Option<Venue>,
    decoder: &mut Decoder,
    each: impl FnMut(Record<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    match source.format {
        Format::Csv(layout) => read_rows(source.content, &layout, venue, decoder, each),
        Format::Ndjson => read_lines(source.content, venue, decoder, each),
    }
}

fn read_rows(
    content: impl io::Read,
    layout: &Layout,
    venue: Option<Venue>,
    decoder: &mut Decoder,
    mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    // None of these formats quotes fields, and a stray quote must not swallow the lines behind it.
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).quoting(false).buffer_capacity(1 << 17);
    let mut reader = reader.from_reader(content);
    let (mut row, mut batch, mut number) = (ByteRecord::new(), Batch::default(), 0);
    while reader.read_byte_record(&mut row).map_err(io::Error::from)? {
        number += 1;
        batch.clear();
        let is_control = rows::is_heading(layout, &row);
        if !is_control {
            rows::decode(decoder, layout, venue, &row, &mut batch);
        }
        let record = Record { number, batch: &mut batch, is_control, is_end: false, raw: Bytes::Row(&row) };
        if each(record).is_break() {
            break;
        }
    }
    Ok(())
}

fn read_lines(
    mut content: impl BufRead,
    venue: Option<Venue>,
    decoder: &mut Decoder,
    mut each: impl FnMut(Record<'_>) -> ControlFlow<()>,
) -> io::Result<()> {
    let (mut line, mut batch, mut number) = (Vec::new(), Batch::default(), 0);
    let (mut lacking, mut behind) = (Lacking::default(), Behind::default());
    decoder.hold_unknown(true);
    while read_line(&mut content, &mut line, number)? {
        number += 1;
        batch.clear();
        decoder.at_record(Some(number));
        let text = line.trim_ascii();
        let kind = if text.is_empty() { Line::Control } else { lines::decode(decoder, venue, &line, &mut batch) };
        lacking.hold(text, decoder.take_unknown(), &mut batch);
        if kind == Line::Contracts {
            lacking.release(decoder, &mut batch);
        }
        let is_control = kind != Line::Items;
        let passed = if decoder.holds_back() {
            behind.push(number, &mut batch, is_control, text);
            behind.pass(decoder, &mut each)
        } else {
            each(Record { number, batch: &mut batch, is_control, is_end: false, raw: Bytes::Line(text) })
        };
        if passed.is_break() {
            return Ok(());
        }
    }
    decoder.hold_unknown(false);
    decoder.at_record(None);
    decoder.finish(&mut batch);
    if behind.pass(decoder, &mut each).is_break() {
        return Ok(());
    }
    // What was never told.
    for (line, events) in &lacking.lines {
        batch.clear();
        batch.rejects.extend(events.iter().map(|_| Reject::UnknownMultiplier));
        let record = Record { number, batch: &mut batch, is_control: false, is_end: true, raw: Bytes::Line(line) };
        if each(record).is_break() {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads the next line, or what is read of one that is too long; false at the end.
fn read_line(content: &mut impl BufRead, line: &mut Vec<u8>, number: u64) -> io::Result<bool> {
    line.clear();
    let length = match io::Read::take(&mut *content, LONGEST_LINE as u64).read_until(b'\n', line) {
        Ok(length) => length,
        // A recorder that was killed leaves its last file so; what is whole of it counts.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && number > 0 => {
            tracing::warn!(records = number, "the recording ends torn: it is read up to there");
            line.clear();
            0
        }
        Err(error) => return Err(error),
    };
    if length == LONGEST_LINE && !line.ends_with(b"\n") {
        skip_line(content)?;
    }
    Ok(length > 0)
}

/// Lines with events of contracts whose worth the recording tells further on: a stream records a frame when it comes, and
/// asks the venue for contracts that it does not know.
#[derive(Default)]
struct Lacking {
    lines: Vec<(Vec<u8>, Vec<Held>)>,
}

impl Lacking {
    /// Holds the events of a line that are among its rejects for want of that, as long as there is room.
    fn hold(&mut self, line: &[u8], events: Vec<Held>, batch: &mut Batch) {
        if events.is_empty() || self.lines.len() >= MOST_HELD {
            return;
        }
        for _ in &events {
            let place = batch.rejects.iter().position(|reject| *reject == Reject::UnknownMultiplier);
            place.map(|place| batch.rejects.remove(place));
        }
        self.lines.push((line.to_vec(), events));
    }

    /// Adds what can be understood by now to the record of the line that told it: one number, and so one batch, which is
    /// the same at every reading.
    fn release(&mut self, decoder: &mut Decoder, batch: &mut Batch) {
        for (_, events) in &mut self.lines {
            events.retain(|held| match decoder.event(held.venue, held.raw()) {
                Err(Reject::UnknownMultiplier) => true,
                known => {
                    batch.push(known);
                    false
                }
            });
        }
        self.lines.retain(|(_, events)| !events.is_empty());
        // Asking made the decoder hold them once more.
        decoder.take_unknown();
    }
}

fn skip_line(content: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = content.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |at| at + 1);
        if length == 0 {
            return Ok(());
        }
        content.consume(length);
        if end.is_some() {
            return Ok(());
        }
    }
}
