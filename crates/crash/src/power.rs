//! T1: the power is cut while a writer works, beside a bystander that makes other files durable.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::child::{Promised, Running, tool};
use crate::element::make_input;
use crate::filesystem::{Kind, Mounted};
use crate::judge::{golden, judge, judge_the_end, with_earlier};
use crate::random::{generator, instant};
use crate::state::{Found, Golden};
use crate::tally::{Bench, Summary, Tally};
use crate::writer::{Place, Writer};
use crate::writers::{self, EARLY, RESTART, UNSYNCED};
use crate::{Failure, Result};

/// Large enough that writing takes a while.
const BYTES: usize = 8 << 20;

pub(crate) fn run(bench: &Bench, summary: &mut Summary) -> Result<()> {
    let input = make_input(&bench.work, BYTES)?;
    for kind in Kind::ALL {
        let mounted = Mounted::image(&bench.work, kind, 128 << 20)?;
        let at = mounted.at().to_owned();
        let place = Place { dir: &at, input: &input, work: &bench.work, rowmill: &bench.rowmill };
        let name = |writer: &dyn Writer| format!("T1 power {} {}", kind.name(), writer.name());
        for &writer in writers::ALL.iter().filter(|w| w.name().contains(&bench.options.only)) {
            let rounds = bench.rounds(6, 200);
            summary.tell(&cuts(bench, &mounted, &place, writer, Tally::new(name(writer)), rounds)?);
        }
        // ext4 writes a file out by itself that is renamed over another one; not one of a new name.
        for (control, has_to_lose) in
            [(UNSYNCED, kind == Kind::Xfs), (EARLY, true), (RESTART, true)]
        {
            let tally = Tally::new(name(control)).control(Some(has_to_lose));
            let rounds = bench.rounds(6, 20);
            summary.tell(&cuts(bench, &mounted, &place, control, tally, rounds)?);
        }
    }
    Ok(())
}

fn cuts(
    bench: &Bench,
    mounted: &Mounted,
    place: &Place<'_>,
    writer: &dyn Writer,
    mut tally: Tally,
    rounds: usize,
) -> Result<Tally> {
    let golden = golden(writer, place)?;
    let mut random = generator(bench.options.seed, writer.name());
    let took = time(mounted, place, writer, &golden)?;
    for i in 0..rounds {
        // Every other time there is no old file.
        let golden = if i % 2 == 0 { &golden } else { &golden.without_old() };
        golden.lay_out(place.dir)?;
        mounted.settle()?;
        let strikes = if writer.resumes() {
            // Less is left to do each time.
            [Strike::Kill, Strike::Power, Strike::Power]
                .map(|strike| (strike, instant(&mut random, 0, 1, took.mul_f64(0.5))))
                .to_vec()
        } else {
            // A little longer than it takes, so that the end is among the instants as well.
            vec![(Strike::Power, instant(&mut random, i, rounds, took.mul_f64(1.1)))]
        };
        let mut told = None;
        for (strike, wait) in strikes {
            let promised = strike.after(wait, mounted, place, writer)?;
            let found = judge(writer, place, golden, with_earlier(promised, writer, &mut told))?;
            let when = format!("round {i}, {strike:?} after {wait:.1?}");
            tally.add(found.at(&when));
        }
        if writer.resumes() {
            let end = judge_the_end(writer, place, golden)?;
            tally.add(end.at(&format!("round {i}, the end")));
        }
    }
    check(mounted, &mut tally)?;
    Ok(tally)
}

/// The time of an undisturbed run, beside the bystander.
fn time(
    mounted: &Mounted,
    place: &Place<'_>,
    writer: &dyn Writer,
    golden: &Golden,
) -> Result<Duration> {
    golden.lay_out(place.dir)?;
    mounted.settle()?;
    let start = Instant::now();
    let ran = beside_a_bystander(place.dir, || Running::start(writer.command(place)?)?.wait())?;
    if !ran.is_ok() {
        return Err(Failure::Unstruck { writer: writer.name(), what: ran.words() });
    }
    Ok(start.elapsed())
}

/// The event that ends a writer.
#[derive(Clone, Copy, Debug)]
enum Strike {
    /// `kill -9`: what it wrote stays in memory.
    Kill,
    /// The power is cut, and comes back.
    Power,
}

impl Strike {
    /// Starts the writer and strikes after this time; returns its promises up to then.
    fn after(
        self,
        wait: Duration,
        mounted: &Mounted,
        place: &Place<'_>,
        writer: &dyn Writer,
    ) -> Result<Promised> {
        let promised = beside_a_bystander(place.dir, || {
            let mut running = Running::start(writer.command(place)?)?;
            std::thread::sleep(wait);
            if let Self::Kill = self {
                running.kill();
                return Ok(running.wait()?.promised);
            }
            // Promises count up to the power cut. After it the process runs for a moment, and on
            // XFS syncing a directory succeeds although its changes were dropped.
            let promised = running.promised();
            mounted.cut_power()?;
            running.kill();
            running.wait()?;
            Ok(promised)
        })?;
        if let Self::Power = self {
            mounted.recover()?;
        }
        Ok(promised)
    }
}

/// The directory that the bystander writes in.
const BYSTANDER: &str = "bystander";

/// Does `work` while another thread makes a file durable again and again, and with it the log of
/// the filesystem: on an idle machine the log, and every rename in it, would stay in memory.
fn beside_a_bystander<R>(directory: &Path, work: impl FnOnce() -> Result<R>) -> Result<R> {
    let directory = directory.join(BYSTANDER);
    fs::create_dir_all(&directory).map_err(Failure::io("create", &directory))?;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // Fails once the power is cut.
                let file = File::create(directory.join("file"));
                let _ = file.and_then(|mut f| f.write_all(b"other").and_then(|()| f.sync_all()));
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        result
    })
}

/// Checks the filesystem itself: if it is damaged, the rounds say nothing about the writer.
fn check(mounted: &Mounted, tally: &mut Tally) -> Result<()> {
    match tool("find", [mounted.at().as_os_str(), "-type".as_ref(), "f".as_ref()]) {
        Ok(_) => Ok(()),
        Err(failure @ Failure::Tool { .. }) => {
            tally.add(Found::lost(failure.to_string()));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}
