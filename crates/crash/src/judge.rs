//! The verdict after a crash: whether the writer kept what it had promised.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use tempfile::TempDir;

use crate::child::{Promised, Running};
use crate::state::{Found, Golden, differences, files, is_partial};
use crate::writer::{Place, Writer};
use crate::{Failure, Result};

/// The length of a file and when it was last changed, if it is there.
fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

/// Runs a writer to its end, with and without old files in its place.
pub(crate) fn golden(writer: &dyn Writer, place: &Place<'_>) -> Result<Golden> {
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
        left.push(Golden { old, new, input: stamp(place.input), needs_old });
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

/// The promises of a run together with those of the runs before it, which `told` keeps, if its
/// writer resumes where they stopped.
pub(crate) fn with_earlier(
    promised: Promised,
    writer: &dyn Writer,
    told: &mut Option<usize>,
) -> Promised {
    if !writer.resumes() {
        return promised;
    }
    *told = promised.durable.max(*told);
    Promised { durable: *told, ..promised }
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
