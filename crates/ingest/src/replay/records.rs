//! Walking through a recording record by record, whatever its format.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use csv::ByteRecord;

use super::layout::Layout;
use super::rows;
use super::source::{Format, Source};
use crate::event::Batch;
use crate::venue::{Decoder, Venue};

/// The longest line that is read; the rest of a longer one is skipped and the line rejected.
const LONGEST_LINE: usize = 1 << 20;

/// One record as it was read.
pub struct Record<'a> {
    /// Place in the recording, from 1: the same at every reading.
    pub number: u64,
    /// What it gave.
    pub batch: &'a mut Batch,
    /// Neither event nor reject: a heading, an acknowledgement, a heartbeat.
    pub is_control: bool,
    /// No record at all: what was held back until the recording's end.
    pub is_end: bool,
    raw: Bytes<'a>,
}

enum Bytes<'a> {
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
    loop {
        line.clear();
        let length = match io::Read::take(&mut content, LONGEST_LINE as u64).read_until(b'\n', &mut line) {
            Ok(length) => length,
            // A recorder that was killed leaves its last file so; what is whole of it counts.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && number > 0 => {
                tracing::warn!(records = number, "the recording ends torn: it is read up to there");
                line.clear();
                0
            }
            Err(error) => return Err(error),
        };
        if length == 0 {
            batch.clear();
            decoder.finish(&mut batch);
            if !batch.is_empty() {
                let _ = each(Record {
                    number: number + 1,
                    batch: &mut batch,
                    is_control: false,
                    is_end: true,
                    raw: Bytes::Line(b""),
                });
            }
            return Ok(());
        }
        if length == LONGEST_LINE && !line.ends_with(b"\n") {
            skip_line(&mut content)?;
        }
        number += 1;
        batch.clear();
        let is_blank = line.trim_ascii().is_empty();
        let is_control = is_blank || super::lines::decode(decoder, venue, &line, &mut batch);
        let record =
            Record { number, batch: &mut batch, is_control, is_end: false, raw: Bytes::Line(line.trim_ascii()) };
        if each(record).is_break() {
            return Ok(());
        }
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
