//! The spool's file: opening it, its tables, and telling whether it is sound and ours.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Transaction};

use crate::SpoolError;

const SCHEMA: &str = "
    CREATE TABLE series (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, symbol TEXT NOT NULL, exchange TEXT NOT NULL, threshold REAL,
        venue TEXT, numbered INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE event (
        id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, epoch INTEGER NOT NULL, at INTEGER NOT NULL,
        protected INTEGER NOT NULL, size REAL NOT NULL, body BLOB NOT NULL
    );
    CREATE TABLE epoch (id INTEGER PRIMARY KEY, producer TEXT NOT NULL);
    CREATE TABLE room (filler BLOB NOT NULL);
    CREATE INDEX event_of_series ON event (series, id);
    CREATE INDEX smallest ON event (protected, size);
    PRAGMA user_version = 3;
";

/// From the second form, which knew no markets.
const FROM_SECOND: &str = "
    ALTER TABLE series ADD COLUMN venue TEXT;
    ALTER TABLE series ADD COLUMN numbered INTEGER NOT NULL DEFAULT 0;
    PRAGMA user_version = 3;
";

/// From the first form, where one producer sent everything and batches were numbered in the file. A batch had the
/// number of its last row, as it has now, so what was sent is recognised.
const FROM_FIRST: &str = "
    CREATE TABLE epoch (id INTEGER PRIMARY KEY, producer TEXT NOT NULL);
    INSERT INTO epoch (id, producer) SELECT 1, name FROM producer LIMIT 1;
    DROP TABLE producer;
    ALTER TABLE event ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE event ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
    UPDATE event SET at = unixepoch() * 1000000;
    CREATE TABLE room (filler BLOB NOT NULL);
    DROP INDEX smallest;
    CREATE INDEX smallest ON event (protected, size);
    PRAGMA user_version = 2;
";

/// The form of the tables that is written.
const VERSION: i64 = 3;

/// How long another process may still hold the file while it ends.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// Opens or begins the database in a file.
pub fn open(file: &Path) -> Result<Connection, SpoolError> {
    let mut db = Connection::open(file)?;
    db.busy_timeout(LOCK_WAIT)?;
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    // Before anything is written: another program's file stays as it is.
    form_of(&db)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    // Emptying the log waits for the disk; the pages are few and the same again and again, so the log may grow.
    db.pragma_update(None, "wal_autocheckpoint", 4096)?;
    db.pragma_update(None, "cache_size", -4096)?;
    db.pragma_update(None, "journal_size_limit", 16 << 20)?;
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(SpoolError::Damaged(verdict));
    }
    prepare(&mut db)?;
    Ok(db)
}

/// A database that is gone with the process.
pub fn in_memory() -> Result<Connection, SpoolError> {
    let mut db = Connection::open_in_memory()?;
    prepare(&mut db)?;
    Ok(db)
}

/// What stands in a file.
enum Form {
    Empty,
    /// With one producer and numbered batches.
    First,
    /// Without markets.
    Second,
    Current,
}

fn form_of(db: &Connection) -> Result<Form, SpoolError> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")?;
    let ours = number("SELECT count(*) FROM sqlite_schema WHERE name IN ('producer', 'event', 'series')")?;
    match (version, tables, ours) {
        (VERSION, ..) => Ok(Form::Current),
        (2, ..) => Ok(Form::Second),
        (0, 0, _) => Ok(Form::Empty),
        (0, _, 3) => Ok(Form::First),
        _ => Err(SpoolError::Foreign(version)),
    }
}

fn prepare(db: &mut Connection) -> Result<(), SpoolError> {
    let changes: &[&str] = match form_of(db)? {
        Form::Empty => &[SCHEMA],
        Form::First => &[FROM_FIRST, FROM_SECOND],
        Form::Second => &[FROM_SECOND],
        Form::Current => {
            // Epochs of which nothing is left, so that restarts leave no trace. A full disk may refuse.
            let _ = db.execute("DELETE FROM epoch WHERE id NOT IN (SELECT DISTINCT epoch FROM event)", []);
            return Ok(());
        }
    };
    let transaction = db.transaction()?;
    for change in changes {
        transaction.execute_batch(change)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Whether the disk takes a good many events: it would be no help if it took a few.
pub fn try_room(db: &Connection) -> Result<(), rusqlite::Error> {
    db.execute("INSERT INTO room VALUES (zeroblob(262144))", [])?;
    db.execute("DELETE FROM room", []).map(drop)
}

/// Begins an epoch under a new name.
pub fn begin_epoch(transaction: &Transaction<'_>) -> Result<(i64, Arc<str>), rusqlite::Error> {
    let drawn: String =
        transaction.query_row("SELECT 'stream:' || lower(hex(randomblob(12)))", [], |row| row.get(0))?;
    transaction.execute("INSERT INTO epoch (producer) VALUES (?)", [&drawn])?;
    Ok((transaction.last_insert_rowid(), Arc::from(drawn)))
}
