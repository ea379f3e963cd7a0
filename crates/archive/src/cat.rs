//! Files of an archive as text, for databases that read pipes.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use serde_json::{Map, Value};

use crate::{Error, file};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line of names, then one a row; null is empty and text is quoted where it must be, as `\copy … CSV HEADER` reads
    /// it. Bytes are base64.
    Csv,
    /// A JSON object a line; what is null is left out.
    Ndjson,
}

/// Writes the rows of all files. As CSV they are one table: with the columns of the file that has most, which must have
/// all that the others have. A newer version may know more fields of a stream.
///
/// # Errors
/// Of the files, or of `out`.
pub fn cat(paths: &[PathBuf], format: Format, out: &mut dyn Write) -> Result<u64, Error> {
    let mut rows = 0;
    let names = if format == Format::Csv { names_of_all(paths)? } else { Vec::new() };
    if let (Format::Csv, Some(path)) = (format, paths.first()) {
        write_line(out, path, &names)?;
    }
    for path in paths {
        let reader = file::open(path)?;
        let own = names_of(&reader);
        let places: Vec<Option<usize>> = names.iter().map(|name| own.iter().position(|own| own == name)).collect();
        for row in reader.get_row_iter(None).map_err(Error::content(path))? {
            let row = row.map_err(Error::content(path))?;
            match format {
                Format::Csv => {
                    let fields: Vec<&Field> = row.get_column_iter().map(|(_, field)| field).collect();
                    let cell = |place: &Option<usize>| Some(text(fields.get((*place)?)?));
                    write_line(
                        out,
                        path,
                        &places.iter().map(|place| cell(place).unwrap_or_default()).collect::<Vec<_>>(),
                    )?
                }
                Format::Ndjson => writeln!(out, "{}", object(&row)).map_err(Error::file(path))?,
            }
            rows += 1;
        }
    }
    Ok(rows)
}

fn names_of(reader: &impl FileReader) -> Vec<String> {
    let schema = reader.metadata().file_metadata().schema_descr();
    schema.columns().iter().map(|column| column.name().to_owned()).collect()
}

fn names_of_all(paths: &[PathBuf]) -> Result<Vec<String>, Error> {
    let all: Vec<Vec<String>> =
        paths.iter().map(|path| Ok(names_of(&file::open(path)?))).collect::<Result<_, Error>>()?;
    let Some(most) = all.iter().max_by_key(|names| names.len()) else { return Ok(Vec::new()) };
    let other = all.iter().zip(paths).find(|(names, _)| names.iter().any(|name| !most.contains(name)));
    match other {
        Some((_, path)) => {
            Err(Error::Content { path: path.clone(), problem: "has other columns than the others".into() })
        }
        None => Ok(most.clone()),
    }
}

fn write_line(out: &mut dyn Write, path: &Path, cells: &[String]) -> Result<(), Error> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let broken = |error: csv::Error| Error::Content { path: path.to_owned(), problem: error.to_string() };
    writer.write_record(cells).map_err(broken)?;
    let line = writer.into_inner().map_err(|error| Error::file(path)(error.into_error()))?;
    out.write_all(&line).map_err(Error::file(path))
}

fn text(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Long(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::Bytes(bytes) => STANDARD.encode(bytes.data()),
        other => other.to_string(),
    }
}

fn object(row: &Row) -> Value {
    let mut object = Map::new();
    for (name, field) in row.get_column_iter() {
        let value = match field {
            Field::Null => continue,
            Field::Long(number) => Value::from(*number),
            Field::Double(number) => Value::from(*number),
            Field::Str(text) if name == file::REST => {
                serde_json::from_str(text).unwrap_or_else(|_| text.clone().into())
            }
            Field::Bytes(bytes) if name == file::REST => serde_json::from_slice(bytes.data()).unwrap_or(Value::Null),
            other => Value::from(text(other)),
        };
        object.insert(name.clone(), value);
    }
    Value::Object(object)
}
