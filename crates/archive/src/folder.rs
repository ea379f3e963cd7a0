//! The folder of an archive: who may write to it, what it holds, and how far it is. The greatest id on disk is the only
//! state there is.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::id::Id;
use crate::{Error, file, name};

/// The file whose lock says that somebody writes.
pub(crate) const LOCK: &str = ".lock";

/// A folder that is ours to write to, until this is dropped or the process ends.
pub struct Owned {
    root: PathBuf,
    _lock: File,
}

impl Owned {
    /// Takes the folder, made where it is missing, and clears away what an archiver that was killed left unfinished. A
    /// folder that holds other things is refused: it is likely not the one that was meant.
    ///
    /// # Errors
    /// [`Error::Locked`] when another archiver has it.
    pub fn take(root: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(root).map_err(Error::file(root))?;
        let path = root.join(LOCK);
        if !path.exists() && std::fs::read_dir(root).map_err(Error::file(root))?.next().is_some() {
            return Err(Error::Argument(format!("--to: {} is not empty and no archive", root.display())));
        }
        let lock = File::options().create(true).append(true).open(&path).map_err(Error::file(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(Error::Locked(root.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => return Err(Error::file(&path)(error)),
        }
        let owned = Self { root: root.to_owned(), _lock: lock };
        owned.clear_unfinished(root)?;
        Ok(owned)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn clear_unfinished(&self, dir: &Path) -> Result<(), Error> {
        for entry in std::fs::read_dir(dir).map_err(Error::file(dir))? {
            let entry = entry.map_err(Error::file(dir))?;
            let path = entry.path();
            if entry.file_type().map_err(Error::file(&path))?.is_dir() {
                self.clear_unfinished(&path)?;
            } else if entry.file_name().to_string_lossy().starts_with(file::UNFINISHED) {
                std::fs::remove_file(&path).map_err(Error::file(&path))?;
            }
        }
        Ok(())
    }
}

/// A finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Where it is.
    pub path: PathBuf,
    /// The ids of its first and last entry, by its name.
    pub first: Id,
    /// See `first`.
    pub last: Id,
}

/// The finished files of a stream, by their ids.
pub fn parts(root: &Path, stream: &[u8]) -> Result<Vec<Part>, Error> {
    let folder = root.join(name::folder(stream));
    let mut parts = Vec::new();
    for day in list(&folder)? {
        if day.is_dir() && is_day(&day) {
            parts.extend(list(&day)?.into_iter().filter_map(part));
        }
    }
    parts.sort_by_key(|part| (part.first, part.last));
    Ok(parts)
}

/// Every stream of an archive and its files.
pub fn streams(root: &Path) -> Result<BTreeMap<Vec<u8>, Vec<Part>>, Error> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in list(&folder)? {
            if !path.is_dir() {
                continue;
            }
            let stream = folder.strip_prefix(root).ok().and_then(name::stream);
            if let Some(stream) = stream.filter(|_| folder != root && is_day(&path))
                && !found.contains_key(&stream)
            {
                let parts = parts(root, &stream)?;
                if !parts.is_empty() {
                    found.insert(stream, parts);
                }
            }
            folders.push(path);
        }
    }
    Ok(found)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => {
            let entries = listed.map_err(Error::file(dir))?;
            entries.map(|entry| entry.map(|entry| entry.path()).map_err(Error::file(dir))).collect()
        }
    }
}

fn is_day(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let shape: Vec<usize> = name.split('-').map(str::len).collect();
    shape.len() == 3
        && shape.first().is_some_and(|year| *year >= 4)
        && name.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit())
}

fn part(path: PathBuf) -> Option<Part> {
    let (first, last) = file::range(path.file_name()?.to_str()?)?;
    Some(Part { path, first, last })
}
