//! `scripts/package`: what it installs, packs and sums up, with this build's module and stand-ins for the
//! programs, so that nothing is compiled for it.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::module::module_path;
use crate::support::{Options, Server};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A copy of what is packed, with programs that are already built.
fn checkout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in [
        "scripts",
        "docs",
        "ops",
        "redis.conf",
        "redis-256mb.conf",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Cargo.toml",
    ] {
        symlink(Path::new(ROOT).join(path), folder.path().join(path)).unwrap();
    }
    // The script works in the folder above its own.
    std::fs::remove_file(folder.path().join("scripts")).unwrap();
    std::fs::create_dir(folder.path().join("scripts")).unwrap();
    std::fs::copy(Path::new(ROOT).join("scripts/package"), folder.path().join("scripts/package")).unwrap();
    std::fs::remove_file(folder.path().join("docs")).unwrap();
    copy_folder(&Path::new(ROOT).join("docs"), &folder.path().join("docs"));
    let built = folder.path().join("target/release");
    std::fs::create_dir_all(&built).unwrap();
    std::fs::copy(module_path(), built.join("libliq.so")).unwrap();
    // What debuggers need is most of a development build, and takes most of the time to pack.
    let _ = Command::new("strip").arg(built.join("libliq.so")).status();
    for program in ["liq-ingest", "liq-archive", "liq-top"] {
        std::fs::write(built.join(program), "#!/bin/sh\necho stand-in\n").unwrap();
        std::fs::set_permissions(built.join(program), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy_folder(&path, &target),
            false => std::fs::copy(&path, &target).map(drop).unwrap(),
        }
    }
}

#[track_caller]
fn package(folder: &Path, what: &str, variables: &[(&str, &Path)]) -> Output {
    let mut command = Command::new(folder.join("scripts/package"));
    command.arg(what).env("SOURCE_DATE_EPOCH", "1767225600").envs(variables.iter().map(|(name, value)| (name, value)));
    command.output().unwrap()
}

#[track_caller]
fn succeed(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A server that loads the module from where it was put.
#[track_caller]
fn loads(module: &Path) {
    let server = Options::default().without_module().line(format!("loadmodule {}", module.display())).start();
    assert!(!server.connect().run("LIQ.MEMORY").is_error());
}

#[test]
fn what_is_installed_is_where_the_pages_say() {
    let (folder, into) = (checkout(), tempfile::tempdir().unwrap());
    succeed(&package(folder.path(), "install", &[("DESTDIR", into.path()), ("PREFIX", Path::new("/opt/liq"))]));
    let at = into.path().join("opt/liq");
    for path in ["bin/liq-ingest", "share/redis-liq/redis-256mb.conf", "share/redis-liq/prometheus/alerts.yml"] {
        assert!(at.join(path).is_file(), "{path}");
    }
    assert!(at.join("share/doc/redis-liq/docs/commands/liq.add.md").is_file());
    loads(&at.join("lib/redis/modules/libliq.so"));
    // Again, as an upgrade does it, while a server has the old one loaded.
    let server: Server = Options::default()
        .without_module()
        .line(format!("loadmodule {}", at.join("lib/redis/modules/libliq.so").display()))
        .start();
    succeed(&package(folder.path(), "install", &[("DESTDIR", into.path()), ("PREFIX", Path::new("/opt/liq"))]));
    assert!(!server.connect().run("LIQ.ADD s * buy 1 1").is_error());
}

#[test]
fn the_tarball_is_whole_and_always_the_same() {
    let folder = checkout();
    let tarball = || -> PathBuf {
        succeed(&package(folder.path(), "dist", &[]));
        let entries = std::fs::read_dir(folder.path().join("target/dist")).unwrap().map(|entry| entry.unwrap().path());
        entries.into_iter().find(|path| path.to_string_lossy().ends_with(".tar.gz")).unwrap()
    };
    let first = std::fs::read(tarball()).unwrap();
    let path = tarball();
    assert!(first == std::fs::read(&path).unwrap(), "the same files make the same bytes");
    let into = tempfile::tempdir().unwrap();
    let dist = path.parent().unwrap();
    let sum = format!("{}.sha256", path.file_name().unwrap().to_string_lossy());
    succeed(&Command::new("sha256sum").args(["-c", &sum]).current_dir(dist).output().unwrap());
    succeed(&Command::new("tar").arg("-xzf").arg(&path).arg("-C").arg(into.path()).output().unwrap());
    let unpacked = std::fs::read_dir(into.path()).unwrap().next().unwrap().unwrap().path();
    succeed(&Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(&unpacked).output().unwrap());
    loads(&unpacked.join("lib/redis/modules/libliq.so"));
}

#[test]
fn the_debian_package_holds_what_it_should() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        println!("dpkg-deb is not installed: not run");
        return;
    }
    let folder = checkout();
    succeed(&package(folder.path(), "deb", &[]));
    let entries = std::fs::read_dir(folder.path().join("target/dist")).unwrap().map(|entry| entry.unwrap().path());
    let deb = entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "deb")).unwrap();
    let field = |name: &str| {
        let output = Command::new("dpkg-deb").arg("--field").arg(&deb).arg(name).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!((field("Package"), field("Version")), ("redis-liq".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    let into = tempfile::tempdir().unwrap();
    succeed(&Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(into.path()).output().unwrap());
    for path in ["usr/bin/liq-ingest", "usr/share/redis-liq/redis.conf", "lib/systemd/system/liq-ingest.service"] {
        assert!(into.path().join(path).is_file(), "{path}");
    }
    loads(&into.path().join("usr/lib/redis/modules/libliq.so"));
}

#[test]
fn what_is_not_built_is_named() {
    let folder = checkout();
    std::fs::remove_file(folder.path().join("target/release/liq-ingest")).unwrap();
    let output = package(folder.path(), "dist", &[]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("target/release/liq-ingest is missing"), "{said}");
    assert!(!package(folder.path(), "elsewhere", &[]).status.success());
}
