//! The files around a crash: those before it, those wanted, those found.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::{Failure, Result};

/// The state that was found after a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Everything is as it was before the writer started.
    Old,
    /// Everything is as the writer wanted it.
    New,
    /// The new file, with the rows that were durable and perhaps more.
    Rows,
    /// The data is complete, and opening it is refused until it is written anew.
    Refused,
    /// A promise was broken.
    Lost(String),
}

impl Found {
    pub(crate) fn lost(what: impl Into<String>) -> Self {
        Self::Lost(what.into())
    }

    /// Adds the time of a loss to its message.
    pub(crate) fn at(self, when: &str) -> Self {
        match self {
            Self::Lost(what) => Self::Lost(format!("{when}: {what}")),
            other => other,
        }
    }
}

/// Files by their names.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The files of a directory.
pub(crate) fn files(directory: &Path) -> Result<Files> {
    let mut files = Files::new();
    for entry in fs::read_dir(directory).map_err(Failure::io("list", directory))? {
        let path = entry.map_err(Failure::io("list", directory))?.path();
        if path.is_file() {
            let bytes = fs::read(&path).map_err(Failure::io("read", &path))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.insert(name, bytes);
        }
    }
    Ok(files)
}

/// The files that a writer finds, and those that it leaves after an undisturbed run.
#[derive(Debug)]
pub(crate) struct Golden {
    pub(crate) old: Files,
    pub(crate) new: Files,
    /// The length of the input and when it was last changed.
    pub(crate) input: Option<(u64, SystemTime)>,
    pub(crate) needs_old: bool,
}

impl Golden {
    /// The same without old files, unless the writer needs them.
    pub(crate) fn without_old(&self) -> Self {
        let old = if self.needs_old { self.old.clone() } else { Files::new() };
        Self { old, new: self.new.clone(), ..*self }
    }

    /// Puts the old files in their place.
    pub(crate) fn lay_out(&self, directory: &Path) -> Result<()> {
        crate::filesystem::empty(directory)?;
        for (name, bytes) in &self.old {
            let path = directory.join(name);
            fs::write(&path, bytes).map_err(Failure::io("write", &path))?;
        }
        Ok(())
    }
}

/// Whether a file of this name is unfinished: the next writer takes it over.
pub(crate) fn is_partial(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".rowmill-partial")
}

/// How two versions of the files differ, for a message.
pub(crate) fn differences(now: &Files, golden: &Golden) -> String {
    let one = |name: &String| {
        let len = |files: &Files| match files.get(name) {
            Some(bytes) => format!("{} bytes", bytes.len()),
            None => "nothing".to_owned(),
        };
        let is = |files: &Files| files.get(name) == now.get(name);
        let which = match (is(&golden.old), is(&golden.new)) {
            (true, _) => "as it was",
            (_, true) => "as it should be",
            _ => "neither old nor new",
        };
        let (old, new) = (len(&golden.old), len(&golden.new));
        format!("{name} has {}, {which} (old {old}, new {new})", len(now))
    };
    let names: BTreeSet<&String> = golden.old.keys().chain(golden.new.keys()).collect();
    names.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
impl Golden {
    /// For tests of what is found in files: there is no input.
    pub(crate) fn of(old: Files, new: Files) -> Self {
        Self { old, new, input: None, needs_old: false }
    }
}
