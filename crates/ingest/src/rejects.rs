//! The rejects file: what could not be read, kept for whoever wants to know why, within bounds.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::event::Reject;

/// The longest text kept of one reject, in bytes.
const LONGEST_TEXT: usize = 4096;
/// The file's largest size; what comes then is counted elsewhere but not kept.
const LARGEST_FILE: u64 = 64 << 20;

/// Where rejects are kept, opened when there is one to keep.
pub struct RejectsFile {
    path: PathBuf,
    open: Option<(File, u64)>,
    is_broken: bool,
    logged: HashSet<(String, Reject)>,
}

impl RejectsFile {
    /// Rejects go to the end of this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, open: None, is_broken: false, logged: HashSet::new() }
    }

    /// Keeps a reject that a healthy feed would not have, and logs the first of each kind.
    pub fn keep(&mut self, source: &str, reject: Reject, text: impl FnOnce() -> String) {
        if reject.is_expected() {
            return;
        }
        if self.logged.insert((source.to_owned(), reject)) {
            let path = self.path.display();
            tracing::warn!(source, reason = reject.name(), %path, "rejected; more of the kind are only counted and kept");
        }
        if self.is_broken {
            return;
        }
        if let Err(error) = self.write(source, reject, &text()) {
            tracing::error!(%error, path = %self.path.display(), "rejects can no longer be kept, only counted");
            self.is_broken = true;
        }
    }

    fn write(&mut self, source: &str, reject: Reject, text: &str) -> io::Result<()> {
        let (file, size) = match &mut self.open {
            Some(open) => open,
            None => self.open.insert(opened(&self.path)?),
        };
        if *size >= LARGEST_FILE {
            return Ok(());
        }
        let end = text.floor_char_boundary(LONGEST_TEXT);
        let text = text.get(..end).unwrap_or_default();
        let line = format!("{}\n", serde_json::json!({"source": source, "reason": reject.name(), "text": text}));
        *size += line.len() as u64;
        file.write_all(line.as_bytes())
    }
}

fn opened(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}
