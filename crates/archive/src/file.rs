//! One Parquet file: written aside, forced to disk, then named by the ids it holds. Its footer says which stream it is of,
//! the place of its last entry among all that were ever added, and how many entries were gone before it could read them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Node;

use crate::Error;
use crate::id::Id;
use crate::kind::{Cell, Column, Row, Type};

/// The column of the fields without one.
pub const REST: &str = "rest";
/// What a file that is not finished begins with.
pub const UNFINISHED: &str = ".unfinished-";
/// Rows are read for the most part in small ranges of time.
const ROWS_OF_A_GROUP: usize = 100_000;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Entries in it.
    pub rows: u64,
    /// How many entries had been added to the stream when the last one here was; none where the server did not tell.
    pub last_offset: Option<u64>,
    /// Entries that were trimmed or deleted before they were read, between the file before and this one.
    pub missing_before: u64,
}

/// Writes the rows, of which there is at least one, and answers the finished file.
pub fn write(dir: &Path, stream: &[u8], columns: &[Column], rows: &[Row], facts: &Facts) -> Result<PathBuf, Error> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Err(Error::Argument("a file holds at least one entry".into()));
    };
    make_folder(dir)?;
    let name = format!("{}-{}.parquet", first.id, last.id);
    let (unfinished, finished) = (dir.join(format!("{UNFINISHED}{name}")), dir.join(&name));
    let written = write_rows(&unfinished, stream, columns, rows, facts);
    if written.is_err() {
        // A disk that is full needs the room.
        let _ = std::fs::remove_file(&unfinished);
    }
    written?;
    std::fs::rename(&unfinished, &finished).map_err(Error::file(&finished))?;
    sync_folder(dir)?;
    Ok(finished)
}

/// Makes a folder and what leads to it, so that they survive a power failure too.
fn make_folder(dir: &Path) -> Result<(), Error> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        make_folder(parent)?;
        match std::fs::create_dir(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(Error::file(dir)(error)),
            _ => sync_folder(parent)?,
        }
    }
    Ok(())
}

fn sync_folder(dir: &Path) -> Result<(), Error> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir).and_then(|folder| folder.sync_all()).map_err(Error::file(dir))
}

fn write_rows(path: &Path, stream: &[u8], columns: &[Column], rows: &[Row], facts: &Facts) -> Result<(), Error> {
    let broken = Error::content(path);
    let file = File::create(path).map_err(Error::file(path))?;
    let level = ZstdLevel::try_new(3).map_err(&broken)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_key_value_metadata(Some(key_values(stream, facts)))
        .build();
    let schema = Arc::new(schema(columns).map_err(&broken)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(&broken)?;
    for group in rows.chunks(ROWS_OF_A_GROUP) {
        let mut group_writer = writer.next_row_group().map_err(&broken)?;
        write_group(&mut group_writer, columns, group).map_err(&broken)?;
        group_writer.close().map_err(&broken)?;
    }
    let file = writer.into_inner().map_err(&broken)?;
    file.sync_all().map_err(Error::file(path))
}

fn key_values(stream: &[u8], facts: &Facts) -> Vec<KeyValue> {
    let mut pairs = vec![KeyValue::new("liq.stream".to_owned(), String::from_utf8_lossy(stream).into_owned())];
    if let Some(offset) = facts.last_offset {
        pairs.push(KeyValue::new("liq.last_offset".to_owned(), offset.to_string()));
    }
    pairs.push(KeyValue::new("liq.missing_before".to_owned(), facts.missing_before.to_string()));
    pairs
}

fn schema(columns: &[Column]) -> parquet::errors::Result<Node> {
    let leaf = |name: &str, physical, logical, repetition| {
        let node = Node::primitive_type_builder(name, physical).with_logical_type(logical);
        node.with_repetition(repetition).build().map(Arc::new)
    };
    let mut fields = vec![
        leaf("id_ms", Physical::INT64, None, Repetition::REQUIRED)?,
        leaf("id_seq", Physical::INT64, None, Repetition::REQUIRED)?,
    ];
    for column in columns {
        let (physical, logical) = match column.of {
            Type::Integer => (Physical::INT64, None),
            Type::Double => (Physical::DOUBLE, None),
            Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Type::Bytes => (Physical::BYTE_ARRAY, None),
        };
        fields.push(leaf(column.name, physical, logical, Repetition::OPTIONAL)?);
    }
    fields.push(leaf(REST, Physical::BYTE_ARRAY, Some(LogicalType::Json), Repetition::OPTIONAL)?);
    Node::group_type_builder("entry").with_fields(fields).build()
}

/// Column by column, as the format wants it: the values that are there, and for each row whether one is.
fn write_group(
    group: &mut SerializedRowGroupWriter<'_, File>,
    columns: &[Column],
    rows: &[Row],
) -> parquet::errors::Result<()> {
    // Ids beyond what the columns hold do not exist in practice; they sort behind all others.
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    write_column::<Int64Type>(group, rows.iter().map(|row| signed(row.id.ms)).collect(), None)?;
    write_column::<Int64Type>(group, rows.iter().map(|row| signed(row.id.seq)).collect(), None)?;
    for (place, column) in columns.iter().enumerate() {
        let cells = || rows.iter().map(|row| row.cells.get(place).unwrap_or(&Cell::Null));
        let levels = cells().map(|cell| i16::from(*cell != Cell::Null)).collect();
        match column.of {
            Type::Integer => {
                let values =
                    cells().filter_map(|cell| if let Cell::Integer(value) = cell { Some(*value) } else { None });
                write_column::<Int64Type>(group, values.collect(), Some(levels))?;
            }
            Type::Double => {
                let values =
                    cells().filter_map(|cell| if let Cell::Double(value) = cell { Some(*value) } else { None });
                write_column::<DoubleType>(group, values.collect(), Some(levels))?;
            }
            Type::Text | Type::Bytes => {
                let values = cells().filter_map(|cell| {
                    if let Cell::Bytes(value) = cell { Some(ByteArray::from(value.clone())) } else { None }
                });
                write_column::<ByteArrayType>(group, values.collect(), Some(levels))?;
            }
        }
    }
    let levels = rows.iter().map(|row| i16::from(row.rest.is_some())).collect();
    let values = rows.iter().filter_map(|row| row.rest.as_deref().map(ByteArray::from));
    write_column::<ByteArrayType>(group, values.collect(), Some(levels))
}

fn write_column<D: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: Vec<D::T>,
    levels: Option<Vec<i16>>,
) -> parquet::errors::Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<D>().write_batch(&values, levels.as_deref(), None)?;
        column.close()?;
    }
    Ok(())
}

/// Opens a file of an archive.
pub fn open(path: &Path) -> Result<SerializedFileReader<File>, Error> {
    let file = File::open(path).map_err(Error::file(path))?;
    SerializedFileReader::new(file).map_err(Error::content(path))
}

/// What a file says of itself, from its footer.
pub fn facts(path: &Path) -> Result<Facts, Error> {
    let reader = open(path)?;
    let metadata = reader.metadata().file_metadata();
    let value = |name: &str| {
        let pairs = metadata.key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == name)?.value.as_ref()?.parse::<u64>().ok()
    };
    Ok(Facts {
        rows: u64::try_from(metadata.num_rows()).unwrap_or(0),
        last_offset: value("liq.last_offset"),
        missing_before: value("liq.missing_before").unwrap_or(0),
    })
}

/// The first and last id in the name of a finished file.
pub fn range(name: &str) -> Option<(Id, Id)> {
    let stem = name.strip_suffix(".parquet")?;
    let (place, _) = stem.match_indices('-').nth(1)?;
    let (first, last) = stem.split_at(place);
    Some((first.parse().ok()?, last.strip_prefix('-')?.parse().ok()?))
}
