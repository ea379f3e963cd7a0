//! The files of the repository, as the rules look at them.

use std::path::{Path, PathBuf};

/// A text file of the repository.
pub struct Source {
    /// Relative to the root of the repository, with forward slashes.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file git knows of, or every file but the build's where there is no git.
fn files() -> Vec<PathBuf> {
    let listed =
        std::process::Command::new("git").args(["ls-files", "-co", "--exclude-standard"]).current_dir(root()).output();
    match listed {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().map(PathBuf::from).filter(|path| root().join(path).is_file()).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root(), &mut found);
            found.into_iter().map(|path| path.strip_prefix(root()).unwrap().to_path_buf()).collect()
        }
    }
}

fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", ".git", "node_modules"].contains(&name.as_str()) {
            walk(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Text files whose path ends with `suffix`.
pub fn sources(suffix: &str) -> Vec<Source> {
    let named = |path: &PathBuf| path.to_string_lossy().replace('\\', "/");
    let of_suffix = files().into_iter().filter(|path| named(path).ends_with(suffix));
    let read =
        |path: PathBuf| Some(Source { path: named(&path), text: std::fs::read_to_string(root().join(path)).ok()? });
    of_suffix.filter_map(read).collect()
}

/// The words of a source's code, with comments and the insides of strings left out.
pub fn code_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    text.lines().enumerate().map(|(at, line)| {
        let code = line.split("//").next().unwrap_or_default();
        let outside: Vec<&str> = code.split('"').step_by(2).collect();
        (at + 1, outside.join("\"\""))
    })
}

/// Whether `word` stands in `line` by itself.
pub fn has_word(line: &str, word: &str) -> bool {
    line.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|found| found == word)
}
