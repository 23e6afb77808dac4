//! T3: kill -9 at random instants, again and again, and then to the end.

use std::fs;
use std::time::{Duration, Instant};

use crate::child::Running;
use crate::element::make_input;
use crate::judge::{golden, judge, judge_the_end, with_earlier};
use crate::random::{generator, instant};
use crate::state::Found;
use crate::tally::{Bench, Summary, Tally};
use crate::writer::{Place, Writer};
use crate::writers::{self, IN_PLACE, RESTART};
use crate::{Failure, Result};

/// Large enough to be hit while it works.
const BYTES: usize = 16 << 20;

/// The kills of a round before the writer may finish.
const KILLS: usize = 3;

pub(crate) fn run(bench: &Bench, summary: &mut Summary) -> Result<()> {
    let input = make_input(&bench.work, BYTES)?;
    let dir = bench.work.join("kill");
    fs::create_dir_all(&dir).map_err(Failure::io("create", &dir))?;
    let place = Place { dir: &dir, input: &input, work: &bench.work, rowmill: &bench.rowmill };
    for &writer in writers::ALL.iter().filter(|w| w.name().contains(&bench.options.only)) {
        let tally = Tally::new(format!("T3 kill {}", writer.name()));
        summary.tell(&kills(bench, &place, writer, tally, bench.rounds(5, 500))?);
    }
    for (control, rounds) in [(IN_PLACE, 5), (RESTART, 10)] {
        let tally = Tally::new(format!("T3 kill {}", control.name())).control(Some(true));
        summary.tell(&kills(bench, &place, control, tally, bench.rounds(rounds, 20))?);
    }
    Ok(())
}

fn kills(
    bench: &Bench,
    place: &Place<'_>,
    writer: &dyn Writer,
    mut tally: Tally,
    rounds: usize,
) -> Result<Tally> {
    let golden = golden(writer, place)?;
    let mut random = generator(bench.options.seed, writer.name());
    golden.lay_out(place.dir)?;
    let start = Instant::now();
    Running::start(writer.command(place)?)?.wait()?;
    // A little longer than it takes, so that the end is among the instants as well.
    let took = start.elapsed().mul_f64(1.05).max(Duration::from_millis(5));
    for round in 0..rounds {
        golden.lay_out(place.dir)?;
        let (mut lost, mut told) = (None, None);
        // Kills are spread over a run; a writer that resumes has less to do each time.
        for i in 0..KILLS {
            let wait = match writer.resumes() {
                true => instant(&mut random, 0, 1, took.mul_f64(0.5)),
                false => instant(&mut random, i, KILLS, took),
            };
            let mut running = Running::start(writer.command(place)?)?;
            std::thread::sleep(wait);
            running.kill();
            let ran = running.wait()?;
            // The files that an earlier run finished stay: they count as new.
            let promised = with_earlier(ran.promised, writer, &mut told);
            let found = judge(writer, place, &golden, promised)?;
            if let Found::Lost(what) = &found {
                let when = format!("round {round}, kill {i} after {wait:.1?}");
                lost.get_or_insert(format!("{when}: {what}"));
            }
            tally.add(match found {
                Found::Lost(_) => Found::lost(lost.clone().unwrap_or_default()),
                found => found,
            });
        }
        if let Found::Lost(what) = judge_the_end(writer, place, &golden)? {
            tally.add(Found::lost(format!("round {round}: {what}")));
        }
    }
    Ok(tally)
}
