//! The archiver against real servers: every entry in exactly one file, whatever is killed; gaps told; nothing trimmed
//! that is not safe; databases that read the files.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may stop at a broken assumption"
)]

mod databases;
mod faults;
mod gaps;
mod kills;
mod rounds;
mod streams;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use liq_archive::cat::{Format, cat};
use liq_archive::id::Id;
use liq_archive::kind::{Column, Rows, Type};
use liq_archive::{file, folder};
use liq_harness::Server;

pub fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liq-archive"));
    command.args(args).env("REDIS_URL", server.url()).env("RUST_LOG", "info");
    command
}

/// Runs one round; answers its exit code and what it said.
#[track_caller]
pub fn once(server: &Server, dir: &Path, more: &[&str]) -> (i32, String) {
    let mut args = vec!["run", "--once", "--to", dir.to_str().unwrap()];
    args.extend(more);
    let Output { status, stderr, .. } = command(server, &args).output().unwrap();
    (status.code().unwrap(), String::from_utf8_lossy(&stderr).into_owned())
}

#[track_caller]
pub fn text_of(server: &Server, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = command(server, args).output().unwrap();
    (status.code().unwrap(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// Every entry on disk by its id, with its other columns as JSON; fails when one stands in two files.
#[track_caller]
pub fn entries(dir: &Path, stream: &str) -> BTreeMap<String, serde_json::Value> {
    let files: Vec<PathBuf> =
        folder::parts(dir, stream.as_bytes()).unwrap().into_iter().map(|part| part.path).collect();
    let mut text = Vec::new();
    cat(&files, Format::Ndjson, &mut text).unwrap();
    let mut found = BTreeMap::new();
    for line in String::from_utf8(text).unwrap().lines() {
        let mut row: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = row.as_object_mut().unwrap();
        let id = format!("{}-{}", object.remove("id_ms").unwrap(), object.remove("id_seq").unwrap());
        assert!(found.insert(id.clone(), row).is_none(), "{id} is in two files");
    }
    found
}

/// Writes a file of `closes:{X}` as the first version did: a candle's figures are among the rest.
pub fn old_close(dir: &Path) -> PathBuf {
    const COLUMNS: &[Column] = &[
        Column { name: "event", of: Type::Text },
        Column { name: "symbol", of: Type::Text },
        Column { name: "key", of: Type::Text },
        Column { name: "interval", of: Type::Text },
    ];
    drop(folder::Owned::take(dir).unwrap());
    let text = "event closed symbol X key tick:{X} interval 1m start 0 close 140.50 trades 3 state closed";
    let words: Vec<Vec<u8>> = text.split(' ').map(Into::into).collect();
    let fields: Vec<_> = words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let mut rows = Rows::new(COLUMNS);
    rows.push(Id { ms: 60_000, seq: 0 }, &fields);
    let day = dir.join("closes/{X}/1970-01-01");
    file::write(&day, b"closes:{X}", COLUMNS, vec![rows], &file::Facts::default()).unwrap()
}
