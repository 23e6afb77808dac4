//! T2: each system call that changes a file is the last one, or fails, one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::child::{Ran, Running};
use crate::element::make_input;
use crate::filesystem::empty;
use crate::judge::{golden, judge};
use crate::state::{Found, Golden, files, is_partial};
use crate::tally::{Bench, Summary, Tally};
use crate::writer::{Place, Writer};
use crate::writers::{self, IN_PLACE};
use crate::{Failure, Result};

/// The calls that change files, by the names that strace knows on any architecture.
const CALLS: [&str; 15] = [
    "msync",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "rename",
    "renameat",
    "renameat2",
    "write",
    "pwrite64",
    "ftruncate",
    "fallocate",
    "fchmod",
    "flock",
    "unlink",
    "unlinkat",
];

/// The fault that happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Kill,
    Error(&'static str),
}

impl Fault {
    fn option(self) -> String {
        match self {
            Self::Kill => "signal=KILL".to_owned(),
            Self::Error(error) => format!("error={error}"),
        }
    }
}

pub(crate) fn run(bench: &Bench, summary: &mut Summary) -> Result<()> {
    // Small files are written by one thread; large ones by the workers, with more calls.
    let bytes = if bench.options.long { 8 << 20 } else { 64 << 10 };
    let input = make_input(&bench.work, bytes)?;
    let dir = bench.work.join("syscalls");
    fs::create_dir_all(&dir).map_err(Failure::io("create", &dir))?;
    let place = Place { dir: &dir, input: &input, work: &bench.work, rowmill: &bench.rowmill };
    let faults: &[Fault] = if bench.options.long {
        &[Fault::Kill, Fault::Error("EIO"), Fault::Error("ENOSPC"), Fault::Error("EINTR")]
    } else {
        &[Fault::Kill, Fault::Error("EIO")]
    };
    for &writer in writers::ALL.iter().filter(|w| w.name().contains(&bench.options.only)) {
        let golden = golden(writer, &place)?;
        for &fault in faults {
            let mut tally = Tally::new(format!("T2 {} {}", fault.option(), writer.name()));
            strike_all(writer, &place, &golden, fault, &mut tally)?;
            // The fate of an old file matters most; an error is the same with and without one.
            if bench.options.long || fault == Fault::Kill {
                strike_all(writer, &place, &golden.without_old(), fault, &mut tally)?;
            }
            summary.tell(&tally);
        }
    }
    let golden = golden(IN_PLACE, &place)?;
    for fault in [Fault::Kill, Fault::Error("EIO")] {
        let name = format!("T2 {} {}", fault.option(), IN_PLACE.name());
        let mut tally = Tally::new(name).control(Some(true));
        strike_all(IN_PLACE, &place, &golden, fault, &mut tally)?;
        summary.tell(&tally);
    }
    Ok(())
}

/// Strikes each call of a writer, one a run.
fn strike_all(
    writer: &dyn Writer,
    place: &Place<'_>,
    golden: &Golden,
    fault: Fault,
    tally: &mut Tally,
) -> Result<()> {
    golden.lay_out(place.dir)?;
    let log = place.work.join("strace.log");
    let trace = CALLS.map(|call| format!("?{call}")).join(",");
    let ran = Running::start(under_strace(writer, place, &log, &[format!("trace={trace}")])?)?;
    let unstruck = |what| Failure::Unstruck { writer: writer.name(), what };
    let ran = ran.wait()?;
    let text = fs::read_to_string(&log).map_err(Failure::io("read", &log))?;
    let calls = calls(&text);
    if !ran.is_ok() || calls.is_empty() {
        return Err(unstruck(format!("{} calls; {}", calls.len(), ran.words())));
    }
    for (call, nth) in calls {
        golden.lay_out(place.dir)?;
        tally.add(match (Strike { call, fault, nth }).at(writer, place, golden)? {
            Found::Lost(what) => {
                let old = if golden.old.is_empty() { "without" } else { "with" };
                Found::lost(format!("{call} {nth} {old} an old file: {what}"))
            }
            found => found,
        });
    }
    Ok(())
}

/// The calls in a log of strace that change files, each with its number among those of its name in
/// its thread, which is how strace counts. Writes to stdout and stderr do not count.
fn calls(log: &str) -> BTreeSet<(&str, usize)> {
    let mut counts = BTreeMap::new();
    let mut calls = BTreeSet::new();
    for line in log.lines() {
        // `1234  fsync(5</some/path>) = 0`; a call that is resumed in a later line does not count
        // again.
        let Some((thread, rest)) = line.trim_start().split_once(' ') else { continue };
        let Some((call, arguments)) = rest.trim_start().split_once('(') else { continue };
        if !CALLS.contains(&call) {
            continue;
        }
        let count: &mut usize = counts.entry((thread, call)).or_default();
        *count += 1;
        let says = call == "write" && (arguments.starts_with("1<") || arguments.starts_with("2<"));
        if !says {
            calls.insert((call, *count));
        }
    }
    calls
}

/// A writer under strace.
fn under_strace(
    writer: &dyn Writer,
    place: &Place<'_>,
    log: &Path,
    expressions: &[String],
) -> Result<Command> {
    let inner = writer.command(place)?;
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e", "signal=none"]);
    for expression in expressions {
        command.args(["-e", expression]);
    }
    command.arg("-o").arg(log).arg(inner.get_program()).args(inner.get_args());
    Ok(command)
}

/// One call of a writer, and what happens at it.
#[derive(Clone, Copy, Debug)]
struct Strike<'a> {
    call: &'a str,
    fault: Fault,
    nth: usize,
}

impl Strike<'_> {
    /// Runs the writer under strace.
    fn at(&self, writer: &dyn Writer, place: &Place<'_>, golden: &Golden) -> Result<Found> {
        let Self { call, fault, nth } = self;
        let log = place.work.join("strace.log");
        // A question mark: not every architecture has every call.
        let expressions =
            [format!("trace=?{call}"), format!("inject=?{call}:{}:when={nth}", fault.option())];
        let ran = Running::start(under_strace(writer, place, &log, &expressions)?)?.wait()?;
        let log = fs::read_to_string(&log).map_err(Failure::io("read", &log))?;
        let hit = match fault {
            Fault::Kill => ran.was_killed(),
            Fault::Error(_) => log.contains("(INJECTED)"),
        };
        if ran.hung {
            return Ok(Found::lost(ran.words()));
        }
        if !hit {
            // Threads share the work differently each time: one may make a call less.
            let found = judge(writer, place, golden, ran.promised)?;
            return Ok(if ran.is_ok() { found } else { Found::lost(ran.words()) });
        }
        match judge(writer, place, golden, ran.promised)? {
            Found::Lost(what) => Ok(Found::Lost(what)),
            found if *fault == Fault::Kill => self.again(writer, place, golden, found),
            found => self.judge_error(writer, place, &ran, found),
        }
    }

    /// After an error: an exit code of 1, a message that names the file, nothing unfinished left.
    fn judge_error(
        &self,
        writer: &dyn Writer,
        place: &Place<'_>,
        ran: &Ran,
        found: Found,
    ) -> Result<Found> {
        let Self { call, .. } = self;
        if ran.is_ok() {
            return Ok(found); // it did not matter, and everything is there
        }
        if ran.status.code() != Some(1) {
            return Ok(Found::lost(format!("not exit code 1: {}", ran.words())));
        }
        let stem = writer.output().split('.').next().unwrap_or_default();
        let names = |name: &str| ran.stderr.contains(name);
        // The message may have been struck itself: calls are counted in each thread.
        let struck = *call == "write" && ran.stderr.is_empty();
        if !struck && !names(stem) && !writer.notes().iter().any(|note| names(note)) {
            return Ok(Found::lost(format!("the message does not name the file: {}", ran.words())));
        }
        let left = files(place.dir)?.into_keys().find(|name| is_partial(name));
        match left {
            // A failed flock cannot tell whether a writer lives, and a failed unlink removes
            // nothing: the file stays.
            Some(name)
                if !writer.keeps_work() && !["unlink", "unlinkat", "flock"].contains(call) =>
            {
                Ok(Found::lost(format!("{name} was left behind after an error")))
            }
            _ => Ok(found),
        }
    }

    /// After a kill, the next run takes over what was left and finishes.
    fn again(
        &self,
        writer: &dyn Writer,
        place: &Place<'_>,
        golden: &Golden,
        found: Found,
    ) -> Result<Found> {
        let ran = Running::start(writer.command(place)?)?.wait()?;
        if !ran.is_ok() {
            return Ok(Found::lost(format!("the next run failed: {}", ran.words())));
        }
        let mut now = files(place.dir)?;
        now.retain(|name, _| !writer.notes().contains(&name.as_str()));
        empty(place.dir)?;
        if now != golden.new {
            let names: Vec<&String> = now.keys().collect();
            return Ok(Found::lost(format!("the next run left something else: {names:?}")));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_in_their_thread() {
        let log = "\
100  flock(3</a/.out.npy.rowmill-partial>, LOCK_EX|LOCK_NB) = 0
100  write(1<pipe:[7]>, \"durable rows 0\\n\", 15) = 15
100  write(4</a/x.json>, \"{}\", 2) = 2
101  msync(0x7f0000000000, 4096, MS_SYNC <unfinished ...>
100  fsync(3</a/.out.npy.rowmill-partial>) = 0
101  <... msync resumed>) = 0
101  msync(0x7f0000001000, 4096, MS_SYNC) = 0
100  fsync(5</a>) = 0
100  +++ exited with 0 +++
";
        let expected =
            [("flock", 1), ("fsync", 1), ("fsync", 2), ("msync", 1), ("msync", 2), ("write", 2)];
        assert_eq!(calls(log), BTreeSet::from(expected));
    }
}
