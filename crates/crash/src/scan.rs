//! T4: the input shrinks, is replaced or overwritten while the command reads it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::child::{Running, this_binary};
use crate::element::make_input;
use crate::random::{generator, instant};
use crate::state::Found;
use crate::tally::{Bench, Summary, Tally};
use crate::{Failure, Result};

/// Takes long enough to be stopped in the middle.
const BYTES: usize = 64 << 20;

/// The change that happens to the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It ends in the middle.
    Truncate,
    /// Nothing is left of it.
    Empty,
    /// Another file takes its name.
    Replace,
    /// Its second half is written over.
    Overwrite,
}

impl Change {
    const ALL: [Self; 4] = [Self::Truncate, Self::Empty, Self::Replace, Self::Overwrite];

    fn name(self) -> &'static str {
        match self {
            Self::Truncate => "truncate",
            Self::Empty => "empty",
            Self::Replace => "replace",
            Self::Overwrite => "overwrite",
        }
    }

    fn make(self, path: &Path) -> Result<()> {
        let file = OpenOptions::new().write(true).open(path).map_err(Failure::io("open", path))?;
        let half = BYTES as u64 / 2;
        let changed = match self {
            Self::Truncate => file.set_len(half + 1000),
            Self::Empty => file.set_len(0),
            Self::Replace => {
                let other = path.with_extension("other");
                fs::write(&other, b"something else").and_then(|()| fs::rename(&other, path))
            }
            // Finite whatever the dtype, and not what was there.
            Self::Overwrite => file.write_all_at(&vec![1; BYTES / 2], half),
        };
        changed.map_err(Failure::io("change", path))
    }
}

/// The reader of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    Mean,
    Normalize,
    Naive,
}

pub(crate) fn run(bench: &Bench, summary: &mut Summary) -> Result<()> {
    let original = make_input(&bench.work, BYTES)?;
    let dir = bench.work.join("scan");
    fs::create_dir_all(&dir).map_err(Failure::io("create", &dir))?;
    let scans = Scans { bench, original, dir };
    let rounds = bench.rounds(1, 30);
    for backend in ["positioned", "mapped"] {
        for change in Change::ALL {
            let name = format!("T4 scan {backend} {}", change.name());
            let mut tally = Tally::new(name);
            for (reader, workers) in
                [(Reader::Mean, 1), (Reader::Mean, 2), (Reader::Mean, 8), (Reader::Normalize, 2)]
            {
                scans.strike(reader, backend, workers, change, rounds, &mut tally)?;
            }
            summary.tell(&tally);
        }
    }
    let mut tally = Tally::new("T4 scan control-naive overwrite").control(Some(true));
    let rounds = bench.rounds(4, 20);
    scans.strike(Reader::Naive, "", 1, Change::Overwrite, rounds, &mut tally)?;
    summary.tell(&tally);
    Ok(())
}

struct Scans<'a> {
    bench: &'a Bench,
    original: PathBuf,
    dir: PathBuf,
}

impl Scans<'_> {
    fn input(&self) -> PathBuf {
        self.dir.join("x.npy")
    }

    fn output(&self) -> PathBuf {
        self.dir.join("z.npy")
    }

    /// The output, if one was published.
    fn written(&self) -> Option<Vec<u8>> {
        fs::read(self.output()).ok()
    }

    fn command(&self, reader: Reader, backend: &str, workers: usize) -> Result<Command> {
        let mut command = match reader {
            Reader::Naive => {
                let mut command = Command::new(this_binary()?);
                command.arg("naive-scan").arg(self.input());
                return Ok(command);
            }
            _ => Command::new(&self.bench.rowmill),
        };
        match reader {
            Reader::Normalize => command.arg("normalize").arg(self.input()).arg(self.output()),
            _ => command.args(["mean", "--axis", "columns"]).arg(self.input()),
        };
        command.args(["--no-progress", "--backend", backend, "--workers", &workers.to_string()]);
        // Small chunks leave more places to stop between.
        command.args(["--chunk", "512KiB"]);
        Ok(command)
    }

    fn lay_out(&self) -> Result<()> {
        crate::filesystem::empty(&self.dir)?;
        let input = self.input();
        fs::copy(&self.original, &input).map_err(Failure::io("write", &input))?;
        Ok(())
    }

    /// Rounds in which the change happens, each at another part of the scan.
    fn strike(
        &self,
        reader: Reader,
        backend: &str,
        workers: usize,
        change: Change,
        rounds: usize,
        tally: &mut Tally,
    ) -> Result<()> {
        self.lay_out()?;
        let start = Instant::now();
        let undisturbed = Running::start(self.command(reader, backend, workers)?)?.wait()?;
        let took = start.elapsed();
        if !undisturbed.is_ok() {
            return Err(Failure::Unstruck { writer: "scan", what: undisturbed.words() });
        }
        let expected = (undisturbed.stdout.clone(), self.written());
        let purpose = format!("{reader:?} {backend} {workers} {change:?}");
        let mut random = generator(self.bench.options.seed, &purpose);
        for i in 0..rounds {
            // A scan that ended before the change was not struck; then it is tried earlier.
            let mut within = took;
            let (ran, after) = loop {
                self.lay_out()?;
                let wait = instant(&mut random, i, rounds, within);
                let mut running = Running::start(self.command(reader, backend, workers)?)?;
                wait_for_open(&mut running, &self.input());
                std::thread::sleep(wait);
                running.signal("STOP")?;
                let stopped = is_stopped(&running);
                if stopped {
                    change.make(&self.input())?;
                }
                running.signal("CONT")?;
                let ran = running.wait()?;
                if stopped {
                    break (ran, wait);
                }
                within = within.mul_f64(0.7);
            };
            let named = ran.stderr.contains("x.npy") && ran.status.code() == Some(1);
            let written = self.written();
            let published = written.is_some();
            let found = if ran.hung {
                Found::lost(ran.words())
            } else if ran.is_ok() && (ran.stdout.clone(), written) == expected {
                Found::New // it was done before, or reads the file that it had opened
            } else if named && !published {
                Found::Refused
            } else {
                let what = if published { "published" } else { "nothing published" };
                Found::lost(format!(
                    "{reader:?} {workers} workers, after {after:.1?}: {what}, {}",
                    ran.words()
                ))
            };
            tally.add(found);
        }
        Ok(())
    }
}

/// Waits until the process has the file open: before, there is nothing to be struck.
fn wait_for_open(running: &mut Running, path: &Path) {
    let table = PathBuf::from(format!("/proc/{}/fd", running.id()));
    let start = Instant::now();
    while !running.has_ended() && start.elapsed() < Duration::from_secs(10) {
        let open = fs::read_dir(&table).into_iter().flatten().flatten();
        if open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|to| to == path) {
            return;
        }
        std::thread::yield_now();
    }
}

/// Waits until the process is stopped; `false` if it has ended.
fn is_stopped(running: &Running) -> bool {
    let path = format!("/proc/{}/stat", running.id());
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let stat = fs::read_to_string(&path).unwrap_or_default();
        match stat.rsplit(") ").next().and_then(|rest| rest.chars().next()) {
            Some('T') => return true,
            Some('Z' | 'X') | None => return false,
            _ => std::thread::sleep(Duration::from_micros(200)),
        }
    }
    false
}

/// The control: a scan that looks at nothing but the bytes.
pub(crate) fn naive(path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(Failure::io("open", path))?;
    let mut buffer = vec![0; 256 << 10];
    let mut sum = 0_u64;
    loop {
        let n = file.read(&mut buffer).map_err(Failure::io("read", path))?;
        if n == 0 {
            break;
        }
        sum = buffer[..n].iter().fold(sum, |sum, &byte| sum.wrapping_mul(31) ^ u64::from(byte));
    }
    let out = writeln!(std::io::stdout(), "{sum}");
    out.map_err(Failure::io("write to", Path::new("stdout")))
}
