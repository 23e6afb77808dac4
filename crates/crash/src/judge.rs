//! The states that are allowed after a crash.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::child::{Promised, Running};
use crate::writers::{Place, Writer};
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

    /// Says when it was that something was lost.
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

/// The length of a file and when it was last changed, if it is there.
fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// The files that a writer finds, and those that it leaves when nobody strikes it.
#[derive(Debug)]
pub(crate) struct Golden {
    pub(crate) old: Files,
    pub(crate) new: Files,
    /// The length of the input and when it was last changed.
    input: Option<(u64, SystemTime)>,
    needs_old: bool,
}

impl Golden {
    /// Runs a writer to its end, with and without old files in its place.
    pub(crate) fn make(writer: &dyn Writer, place: &Place<'_>) -> Result<Self> {
        let directory = TempDir::new_in(place.work).map_err(Failure::io("make", place.work))?;
        let place = Place { dir: directory.path(), ..*place };
        let unstruck = |what: String| Failure::Unstruck { writer: writer.name(), what };
        let mut left = Vec::new();
        for with_old in [writer.needs_old(), true] {
            if with_old {
                crate::filesystem::empty(place.dir)?;
                writer.prepare(&place)?;
            }
            let old = files(place.dir)?;
            let ran = Running::start(writer.command(&place)?)?.wait()?;
            if !ran.is_ok() {
                return Err(unstruck(ran.words()));
            }
            let mut new = files(place.dir)?;
            new.retain(|name, _| !writer.notes().contains(&name.as_str()));
            let needs_old = writer.needs_old();
            left.push(Self { old, new, input: stamp(place.input), needs_old });
        }
        let (Some(golden), Some(first)) = (left.pop(), left.pop()) else {
            return Err(unstruck("it was not run".to_owned()));
        };
        if golden.new != first.new {
            return Err(unstruck("it leaves other files when old ones are there".to_owned()));
        }
        if golden.old == golden.new || golden.new.keys().any(|name| is_partial(name)) {
            return Err(unstruck("what it leaves cannot be told from what it found".to_owned()));
        }
        Ok(golden)
    }

    /// The same with nothing there before, unless the writer needs something.
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

/// A file that is not finished, which the next writer of the name takes over.
pub(crate) fn is_partial(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".rowmill-partial")
}

/// The state after a writer was struck, and whether that keeps what it had promised.
pub(crate) fn judge(
    writer: &dyn Writer,
    place: &Place<'_>,
    golden: &Golden,
    promised: Promised,
) -> Result<Found> {
    if stamp(place.input) != golden.input {
        return Ok(Found::lost("the input was modified"));
    }
    let mut now = files(place.dir)?;
    now.retain(|name, _| !is_partial(name) && !writer.notes().contains(&name.as_str()));
    let known = |name: &String| golden.old.contains_key(name) || golden.new.contains_key(name);
    if let Some(stray) = now.keys().find(|name| !known(name)) {
        return Ok(Found::lost(format!("{stray} was left behind")));
    }
    let found = if now == golden.new {
        Found::New
    } else if now == golden.old {
        Found::Old
    } else {
        writer.look(place, golden, &now, promised.durable)
    };
    Ok(match (found, promised) {
        (Found::Lost(what), _) => Found::Lost(what),
        (found, Promised { finished: true, .. }) if found != Found::New => {
            Found::lost(format!("it ended well, and {found:?} is what is there"))
        }
        (Found::Old, Promised { durable: Some(rows), .. }) => {
            Found::lost(format!("{rows} rows were durable, and the old file is there"))
        }
        (found, _) => found,
    })
}

/// Runs a writer once more, to its end: everything has to be new then.
pub(crate) fn judge_the_end(
    writer: &dyn Writer,
    place: &Place<'_>,
    golden: &Golden,
) -> Result<Found> {
    let ran = Running::start(writer.command(place)?)?.wait()?;
    let mut now = files(place.dir)?;
    now.retain(|name, _| !writer.notes().contains(&name.as_str()));
    if ran.is_ok() && now == golden.new {
        return Ok(Found::New);
    }
    let (words, what) = (ran.words(), differences(&now, golden));
    Ok(Found::lost(format!("the last run left something else: {what}; {words}")))
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
    let names: std::collections::BTreeSet<&String> =
        golden.old.keys().chain(golden.new.keys()).collect();
    names.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
impl Golden {
    /// For tests of what is found in files: there is no input.
    pub(crate) fn of(old: Files, new: Files) -> Self {
        Self { old, new, input: None, needs_old: false }
    }
}
