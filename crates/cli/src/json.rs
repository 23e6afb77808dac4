//! JSON on stdout: one object, one line.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rowmill_any::Nested;
use serde::{Serialize, Serializer};

/// Writes an object and ends the line.
pub(crate) fn write(out: &mut dyn Write, object: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// A path as text; what is no UTF-8 in it is replaced.
pub(crate) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The path of the one file that was read, or a list of all.
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

/// An entry of an object: a statistic of every cell, or an option of the call.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Value<'a> {
    Nested(Nested<'a>),
    Floats(&'a [f64]),
    Flag(bool),
}

/// Entries of an object that have their names from what was asked for, in order.
pub(crate) struct Columns<'a>(pub(crate) Vec<(&'a str, Value<'a>)>);

/// By hand: serde derives it for structs, whose keys are known, and for maps, which would sort
/// these or leave them in any order.
impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
