//! Running the command, and making files for it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rowmill::{ArrayMut, Element};
use serde_json::Value;
use tempfile::TempDir;

/// The outcome of a command.
#[derive(Debug)]
pub(crate) struct CommandResult {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl CommandResult {
    /// Expects success, and returns stdout.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Expects success, and returns the printed JSON object.
    pub(crate) fn json(self) -> Value {
        let out = self.ok();
        assert!(out.ends_with("}\n") && out.lines().count() == 1, "one object, one line: {out}");
        serde_json::from_str(&out).expect("stdout is JSON")
    }

    /// Expects a failure with this code, these texts on stderr and an empty stdout.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "a failure prints no data");
        for text in texts {
            assert!(self.err.contains(text), "{text:?} is not in {:?}", self.err);
        }
        let start = if code == 1 { "rowmill: " } else { "" };
        assert!(self.err.starts_with(start), "{:?}", self.err);
        assert!(!self.err.contains("panicked"), "{:?}", self.err);
    }
}

impl From<Output> for CommandResult {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs the command.
pub(crate) fn rowmill<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> CommandResult {
    command().args(args).output().expect("the command starts").into()
}

pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rowmill"));
    command.stdin(Stdio::null()).env_remove("ROWMILL_ISA");
    command
}

/// Runs the command on a file: `run(&["sum", "--json"], path)`.
pub(crate) fn run(args: &[&str], file: &Path) -> CommandResult {
    rowmill(args.iter().map(OsStr::new).chain([file.as_os_str()]))
}

/// 26,115 hours of weather: nine named columns of float32, with NaN.
pub(crate) fn weather() -> PathBuf {
    root().join("examples/data/weather.npy")
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn dir() -> TempDir {
    tempfile::tempdir().expect("a directory")
}

/// Writes a `.npy` file.
pub(crate) fn write<T: Element>(
    dir: &TempDir,
    name: &str,
    dims: &[usize],
    values: &[T],
) -> PathBuf {
    let path = dir.path().join(name);
    let mut array = ArrayMut::<T>::create(&path, dims).expect("a new array");
    array.write_rows(0, values).expect("matching shape");
    array.close().expect("written");
    path
}

/// Writes a file with these bytes.
pub(crate) fn write_bytes(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("a new file");
    path
}
