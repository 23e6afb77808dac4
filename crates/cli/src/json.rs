//! JSON on stdout: one object on one line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rowmill_any::Nested;
use serde::{Serialize, Serializer};

/// Writes an object and a newline.
pub(crate) fn write(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// A path as text; invalid UTF-8 is replaced.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path of a single file, or a list of several.
pub(crate) fn paths(paths: &[PathBuf]) -> Paths {
    match paths {
        [one] => Paths::One(path(one)),
        many => Paths::Many(many.iter().map(|one| path(one)).collect()),
    }
}

/// See [`paths`].
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Paths {
    One(String),
    Many(Vec<String>),
}

/// The value of an entry: a statistic of every cell, or an option of the call.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Value<'a> {
    Nested(Nested<'a>),
    Floats(&'a [f64]),
    Flag(bool),
}

/// The entries of an object whose keys depend on the request, in order.
pub(crate) struct Entries<'a>(pub(crate) Vec<(&'a str, Value<'a>)>);

/// Written by hand: serde derives fixed keys for structs, and maps would not keep this order.
impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
