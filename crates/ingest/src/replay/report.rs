//! What a replay shows while it runs, a bar on a terminal and plain lines elsewhere, and what it tells at the end.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use crate::event::Reject;
use crate::sink::counts::Counts;

/// How often it says how far it is, where there is no bar.
pub const LINE_EVERY: Duration = Duration::from_secs(5);

/// What was read of one recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines or rows.
    pub records: u64,
    /// Headings, acknowledgements, heartbeats, blank lines.
    pub control: u64,
    /// Events.
    pub events: u64,
    /// Events whose price is an estimate.
    pub estimates: u64,
    /// Items that gave no event, by reason.
    pub rejects: [u64; Reject::ALL.len()],
}

impl Tally {
    /// Counts a reject.
    pub fn reject(&mut self, reject: Reject) {
        if let Some(count) = self.rejects.get_mut(reject as usize) {
            *count += 1;
        }
    }

    /// Adds another recording's.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.control += other.control;
        self.events += other.events;
        self.estimates += other.estimates;
        for (sum, count) in self.rejects.iter_mut().zip(other.rejects) {
            *sum += count;
        }
    }
}

/// Shared by the reader and the lanes.
pub struct Progress {
    bar: Option<ProgressBar>,
    delivered: AtomicU64,
    restarts: AtomicU64,
    counts: Mutex<Counts>,
    started: Instant,
    last_line: Mutex<Instant>,
}

impl Progress {
    /// A bar when standard error is a terminal.
    pub fn new(is_quiet: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !is_quiet;
        let bar = is_terminal.then(|| ProgressBar::new(0));
        let now = Instant::now();
        let last_line = Mutex::new(if is_quiet { now + Duration::from_secs(u32::MAX.into()) } else { now });
        Self {
            bar,
            delivered: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            counts: Mutex::default(),
            started: now,
            last_line,
        }
    }

    /// Begins with a recording of so many bytes as stored.
    pub fn begin(&self, title: &str, stored_bytes: Option<u64>) {
        let Some(bar) = &self.bar else { return };
        let template = if stored_bytes.is_some() {
            "{prefix} {wide_bar} {percent}% {msg} {elapsed} eta {eta}"
        } else {
            "{prefix} {bytes} {msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_length(stored_bytes.unwrap_or_default());
        bar.set_prefix(title.to_owned());
    }

    /// So many bytes of it were read.
    pub fn at(&self, title: &str, read_bytes: u64, stored_bytes: Option<u64>) {
        if let Some(bar) = &self.bar {
            bar.set_position(read_bytes);
            bar.set_message(format!("{} events/s", HumanCount(self.rate())));
            return;
        }
        let Ok(mut last) = self.last_line.lock() else { return };
        let now = Instant::now();
        if now.checked_duration_since(*last).is_some_and(|passed| passed >= LINE_EVERY) {
            *last = now;
            let percent = stored_bytes.map(|all| format!(" {}%", 100 * read_bytes / all.max(1))).unwrap_or_default();
            let delivered = self.delivered.load(Ordering::Relaxed);
            eprintln!("{title}:{percent} {delivered} events delivered, {} events/s", self.rate());
        }
    }

    /// Events delivered in a second, since the beginning.
    fn rate(&self) -> u64 {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        (self.delivered.load(Ordering::Relaxed) as f64 / seconds) as u64
    }

    /// A batch was counted.
    pub fn delivered(&self, events: u64, counts: &Counts) {
        self.delivered.fetch_add(events, Ordering::Relaxed);
        if let Ok(mut sum) = self.counts.lock() {
            sum.add(counts);
        }
    }

    /// The server may have lost events, so all are delivered again.
    pub fn begins_again(&self, why: &str) {
        self.delivered.store(0, Ordering::Relaxed);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        if let Ok(mut sum) = self.counts.lock() {
            *sum = Counts::default();
        }
        self.say(&format!("{why}: from the beginning again, what is there is recognised"));
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Redis does not take events; said at the first failure and then ever more rarely.
    pub fn interrupted(&self, why: &str, failures: u32) {
        if failures.is_power_of_two() {
            self.say(&format!("waiting for redis: {why}"));
        }
    }

    /// Ends the bar.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// The answers so far.
    pub fn counts(&self) -> Counts {
        self.counts.lock().map(|counts| *counts).unwrap_or_default()
    }

    /// What the server has said so far, where the reading was broken off.
    pub fn summary_so_far(&self) -> String {
        let mut text = format!("{} events delivered\n", HumanCount(self.delivered.load(Ordering::Relaxed)));
        for (name, count) in self.counts().iter().filter(|(_, count)| *count > 0) {
            let _ = writeln!(text, "  {name:<20} {count:>12}");
        }
        text
    }

    /// What was read and what the server said to it.
    pub fn summary(&self, tally: &Tally) -> String {
        let seconds = self.started.elapsed().as_secs_f64().max(1e-3);
        let counts = self.counts();
        let mut text = format!(
            "{} records, {} events in {seconds:.1} s ({} events/s)\n",
            HumanCount(tally.records),
            HumanCount(tally.events),
            HumanCount((tally.events as f64 / seconds) as u64)
        );
        for (name, count) in counts.iter().filter(|(_, count)| *count > 0) {
            let _ = writeln!(text, "  {name:<20} {count:>12}");
        }
        for (reason, count) in Reject::ALL.iter().zip(tally.rejects).filter(|(_, count)| *count > 0) {
            let _ = writeln!(text, "  rejected: {:<10} {count:>12}", reason.name());
        }
        if tally.estimates > 0 {
            let _ = writeln!(text, "  {:<20} {:>12}", "priced by estimate", tally.estimates);
        }
        let restarts = self.restarts.load(Ordering::Relaxed);
        if restarts > 0 {
            let _ = writeln!(text, "  begun again {restarts} times, because the server may have lost events");
        }
        if counts.get("late") > 0 {
            text.push_str("  late events are older than their series keeps: was it made without CLOCK EVENT?\n");
        }
        text
    }
}
