//! T5: no room, a file size limit, a filesystem that cannot be written to. An error at once or at
//! that chunk, exit code 1, a message that names the file, and everything as it was.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::child::Running;
use crate::element::make_input;
use crate::filesystem::{Kind, Mounted};
use crate::judge::golden;
use crate::state::{Found, Golden, differences, files};
use crate::tally::{Bench, Summary, Tally};
use crate::writer::{Place, Writer};
use crate::writers::{self, IN_PLACE};
use crate::{Failure, Result};

/// The bytes that are written, and the room that there is for them.
const BYTES: usize = 48 << 20;
const ROOM: u64 = 32 << 20;

pub(crate) fn run(bench: &Bench, summary: &mut Summary) -> Result<()> {
    let input = make_input(&bench.work, BYTES)?;
    let free = bench.work.join("room");
    fs::create_dir_all(&free).map_err(Failure::io("create", &free))?;
    let place = Place { dir: &free, input: &input, work: &bench.work, rowmill: &bench.rowmill };
    let memory = Mounted::memory(&bench.work, ROOM)?;
    let disk = Mounted::image(&bench.work, Kind::Ext4, ROOM)?;
    let read_only = Mounted::read_only(&bench.work, &free)?;
    let limit = format!("--fsize={ROOM}");
    let limited: &[&str] = &["prlimit", &limit];
    let cases: [(&str, &Path, &Path, &[&str]); 4] = [
        ("tmpfs", memory.at(), memory.at(), &[]),
        ("ext4", disk.at(), disk.at(), &[]),
        ("fsize", &free, &free, limited),
        ("read-only", read_only.at(), &free, &[]),
    ];
    let all = writers::ALL.iter().filter(|w| w.name().contains(&bench.options.only));
    // A writer that keeps its work for the next run leaves something behind.
    for &writer in all.filter(|w| !w.keeps_work()).chain([&IN_PLACE]) {
        let golden = golden(writer, &place)?;
        let mut tally = Tally::new(format!("T5 room {}", writer.name()));
        if writer.name() == IN_PLACE.name() {
            tally = tally.control(Some(true));
        }
        for (name, dir, lay_out, prefix) in cases {
            for golden in [&golden, &golden.without_old()] {
                golden.lay_out(lay_out)?;
                let found = refused(writer, &Place { dir, ..place }, golden, prefix)?;
                tally.add(match found {
                    Found::Lost(what) => Found::lost(format!("{name}: {what}")),
                    found => found,
                });
            }
            crate::filesystem::empty(lay_out)?;
        }
        summary.tell(&tally);
    }
    Ok(())
}

/// Runs a writer that has to fail.
fn refused(
    writer: &dyn Writer,
    place: &Place<'_>,
    golden: &Golden,
    prefix: &[&str],
) -> Result<Found> {
    let inner = writer.command(place)?;
    let command = match prefix {
        [] => inner,
        [program, args @ ..] => {
            let mut command = Command::new(program);
            command.args(args).arg(inner.get_program()).args(inner.get_args());
            command
        }
    };
    let ran = Running::start(command)?.wait()?;
    let now = files(place.dir)?;
    if ran.status.code() != Some(1) {
        return Ok(Found::lost(format!("not exit code 1: {}", ran.words())));
    }
    // Everything that was promised before the room was used up is there.
    let promised = || writer.look(place, golden, &now, ran.promised.durable) == Found::Rows;
    if now != golden.old && !promised() {
        let what = differences(&now, golden);
        return Ok(Found::lost(format!("not as it was: {what}; {}", ran.words())));
    }
    if !ran.stderr.contains(writer.output()) || ran.stderr.contains("panicked") {
        return Ok(Found::lost(format!("the message does not name the file: {}", ran.words())));
    }
    Ok(Found::Old)
}
