//! One Parquet file: written aside, forced to disk, then named by the ids it holds. Its footer says which stream it is of,
//! the place of its last entry among all that were ever added, and how many entries were gone before it could read them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type as Node;

use crate::Error;
use crate::id::Id;
use crate::kind::{Cells, Column, Rows, Type, Values};

/// The column of the fields without one.
pub const REST: &str = "rest";
/// What a file that is not finished begins with, whichever version began it.
pub const UNFINISHED: &str = ".unfinished-";
/// And what it ends with: `**/*.parquet` of DuckDB and ClickHouse takes names with a dot before them too, and a file
/// without a footer fails the whole query.
const UNREADABLE: &str = ".tmp";
/// Rows are read for the most part in small ranges of time.
pub const ROWS_OF_A_GROUP: usize = 100_000;

/// What a file says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Entries in it.
    pub rows: u64,
    /// How many entries had been added to the stream when the last one here was; none where the server did not tell.
    pub last_offset: Option<u64>,
    /// Entries that were trimmed or deleted before they were read, between the file before and this one.
    pub missing_before: u64,
    /// Whether an unknown number of them is missing there: the stream was deleted and made anew, or its server replaced.
    pub is_unknown_before: bool,
}

/// The first and last id of the rows of a file.
pub fn bounds(groups: &[Rows]) -> Option<(Id, Id)> {
    Some((*groups.first()?.ids.first()?, *groups.last()?.ids.last()?))
}

/// Writes groups of rows, each of which has at least one, and answers the finished file.
pub fn write(
    dir: &Path,
    stream: &[u8],
    columns: &[Column],
    groups: Vec<Rows>,
    facts: &Facts,
) -> Result<PathBuf, Error> {
    let (first, last) = bounds(&groups).ok_or_else(|| Error::Argument("a file holds at least one entry".into()))?;
    make_folder(dir)?;
    let name = format!("{first}-{last}.parquet");
    let (unfinished, finished) = (dir.join(format!("{UNFINISHED}{name}{UNREADABLE}")), dir.join(&name));
    let written = write_groups(&unfinished, stream, columns, groups, facts);
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

fn write_groups(path: &Path, stream: &[u8], columns: &[Column], groups: Vec<Rows>, facts: &Facts) -> Result<(), Error> {
    let broken = Error::content(path);
    let file = File::create(path).map_err(Error::file(path))?;
    let level = ZstdLevel::try_new(3).map_err(&broken)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_key_value_metadata(Some(key_values(stream, facts)))
        .build();
    let schema = Arc::new(schema(columns).map_err(&broken)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(&broken)?;
    for rows in groups {
        let mut group_writer = writer.next_row_group().map_err(&broken)?;
        write_group(&mut group_writer, rows).map_err(&broken)?;
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
    if facts.is_unknown_before {
        pairs.push(KeyValue::new("liq.unknown_before".to_owned(), "1".to_owned()));
    }
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

/// Column by column, as the format wants it.
fn write_group(group: &mut SerializedRowGroupWriter<'_, File>, rows: Rows) -> parquet::errors::Result<()> {
    // Ids are unsigned: those beyond 2^63, which are no time, are written as their two's complement.
    let ids = |part: fn(&Id) -> u64| rows.ids.iter().map(|id| part(id).cast_signed()).collect::<Vec<_>>();
    write_column::<Int64Type>(group, &ids(|id| id.ms), None)?;
    write_column::<Int64Type>(group, &ids(|id| id.seq), None)?;
    for Cells { levels, values } in rows.cells.into_iter().chain([rows.rest]) {
        match values {
            Values::Integers(values) => write_column::<Int64Type>(group, &values, Some(&levels))?,
            Values::Doubles(values) => write_column::<DoubleType>(group, &values, Some(&levels))?,
            Values::Strings(strings) => {
                let (bytes, ends) = strings.into_parts();
                let bytes = Bytes::from(bytes);
                let starts = [0].into_iter().chain(ends.iter().copied());
                let values: Vec<ByteArray> =
                    starts.zip(&ends).map(|(start, end)| bytes.slice(start..*end).into()).collect();
                write_column::<ByteArrayType>(group, &values, Some(&levels))?;
            }
        }
    }
    Ok(())
}

fn write_column<D: parquet::data_type::DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    values: &[D::T],
    levels: Option<&[i16]>,
) -> parquet::errors::Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<D>().write_batch(values, levels, None)?;
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
        is_unknown_before: value("liq.unknown_before").is_some(),
    })
}

/// The first and last id in the name of a finished file.
pub fn range(name: &str) -> Option<(Id, Id)> {
    let stem = name.strip_suffix(".parquet")?;
    let (place, _) = stem.match_indices('-').nth(1)?;
    let (first, last) = stem.split_at(place);
    Some((first.parse().ok()?, last.strip_prefix('-')?.parse().ok()?))
}

/// Whether a file is named so, finished or not.
pub fn is_name(name: &str) -> bool {
    let unfinished = name.strip_prefix(UNFINISHED).and_then(|name| name.strip_suffix(UNREADABLE));
    range(unfinished.unwrap_or(name)).is_some()
}
