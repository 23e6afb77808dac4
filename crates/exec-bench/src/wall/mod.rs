//! The report of `wall`: how close every kind of job comes to the memory wall of this machine.
//!
//! Each line is one job, timed in turns with its yardstick: mostly the bare read of the same bytes,
//! else what its name says. A group of lines makes the array files it needs, one at a time, and
//! removes them.
//!
//! | module | lines |
//! |---|---|
//! | `scans` | kernels over everything, per column and per row, for dtypes and shapes |
//! | `layouts` | a bool mask, foreign byte order, odd offsets, Fortran order |
//! | `write` | z-score to a new file |
//! | `sizes` | the same job on 64 MiB and on much more |
//! | `cold` | a file that is not in the page cache |
//! | `small` | what a call costs, what opening costs |

mod cold;
mod layouts;
mod line;
mod scans;
mod sizes;
mod small;
mod write;

pub use line::{Figure, Line, Target, header};

use std::hint::black_box;
use std::path::PathBuf;

use rowmill_core::{Array, Element, f16};
use rowmill_exec::Engine;
use serde::Serialize;

use crate::files::{DataFile, Folder, Layout, Sample};
use crate::limit::read_all;
use crate::machine::Machine;
use crate::measure::{Samples, Timed, interleaved};
use crate::{Error, Result};

/// The options of a measurement.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the array files are made, in a folder of their own.
    pub dir: PathBuf,
    /// Bytes of each array file, about: rounded down to a shape that all lines can have.
    pub size: usize,
    /// The largest size of the lines about sizes.
    pub max_size: usize,
    /// Runs of each job after the warm-up.
    pub runs: usize,
    /// Only lines with this in their name.
    pub only: Option<String>,
    /// Whether files that are not in the page cache are measured as well.
    pub cold: bool,
}

/// The progress of a measurement.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A file of so many bytes is being made.
    Making {
        /// The name of its contents.
        name: &'a str,
        /// Its size.
        bytes: usize,
    },
    /// A line is done.
    Line(&'a Line),
    /// Something that the reader of the figures should know.
    Note(&'a str),
}

/// The result of a measurement.
#[derive(Clone, Debug, Serialize)]
pub struct Wall {
    /// The machine.
    pub machine: Machine,
    /// Bytes of an array file, about.
    pub size: usize,
    /// Runs of each job.
    pub runs: usize,
    /// The notes that the reader of the figures should know.
    pub notes: Vec<String>,
    /// One for each job.
    pub lines: Vec<Line>,
}

impl Wall {
    /// Everything, with every sample, as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The number of lines that met their target, and of those that have one.
    #[must_use]
    pub fn met(&self) -> (usize, usize) {
        let met: Vec<_> = self.lines.iter().filter_map(Line::met).collect();
        (met.iter().filter(|&&m| m).count(), met.len())
    }
}

/// Every measured shape has a multiple of this many elements.
const UNIT: usize = 900_000;

/// The number of columns of an array, unless a line is about that number.
const COLUMNS: usize = 1000;

/// Measures every line that is asked for. Its files are removed, unless the process is killed: then
/// the folder `rowmill-wall-…` stays.
///
/// # Errors
/// [`Error::TooSmall`], [`Error::NothingToMeasure`], [`Error::File`] when there is no room for the
/// files, and the first error of a job.
pub fn run(options: &Options, event: &mut dyn FnMut(Event<'_>)) -> Result<Wall> {
    let least = UNIT * size_of::<f64>();
    if options.size < least {
        return Err(Error::TooSmall { found: options.size, least });
    }
    let mut bench = Bench {
        options,
        engine: Engine::new()?,
        folder: Folder::new(&options.dir, "wall")?,
        native: None,
        notes: Vec::new(),
        lines: Vec::new(),
        event,
    };
    if rowmill_exec::memory::free().is_some_and(|bytes| bytes < 2 * options.size as u64) {
        bench.note("memory is too small for two files of this size: reads will not all be warm");
    }
    // The lines that share the one float32 file come first.
    scans::add::<f32>(&mut bench)?;
    layouts::add(&mut bench)?;
    write::add(&mut bench)?;
    sizes::add(&mut bench)?;
    cold::add(&mut bench)?;
    small::add(&mut bench)?;
    bench.native = None;
    scans::add::<f64>(&mut bench)?;
    scans::add::<i32>(&mut bench)?;
    scans::add::<i64>(&mut bench)?;
    scans::add::<u8>(&mut bench)?;
    scans::add::<f16>(&mut bench)?;
    let Bench { notes, lines, .. } = bench;
    if let (true, true, Some(only)) = (lines.is_empty(), notes.is_empty(), &options.only) {
        return Err(Error::NothingToMeasure { only: only.clone() });
    }
    let (size, runs) = (options.size, options.runs);
    Ok(Wall { machine: Machine::this(), size, runs, notes, lines })
}

/// The state that the groups of lines share.
struct Bench<'a> {
    options: &'a Options,
    engine: Engine,
    folder: Folder,
    /// The float32 file that many lines are about, once one needed it.
    native: Option<DataFile>,
    notes: Vec<String>,
    lines: Vec<Line>,
    event: &'a mut dyn FnMut(Event<'_>),
}

impl Bench<'_> {
    /// Whether this line is asked for.
    fn wants(&self, name: &str) -> bool {
        self.options.only.as_deref().is_none_or(|only| name.contains(only))
    }

    fn add(&mut self, line: Line) {
        (self.event)(Event::Line(&line));
        self.lines.push(line);
    }

    fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        (self.event)(Event::Note(&text));
        self.notes.push(text);
    }

    /// The shape of an array of about `bytes` bytes.
    fn dims<T: Element>(bytes: usize) -> [usize; 2] {
        let elements = bytes / size_of::<T>() / UNIT * UNIT;
        [elements / COLUMNS, COLUMNS]
    }

    fn make<T: Sample>(&mut self, dims: [usize; 2], layout: Layout) -> Result<DataFile> {
        let name = layout.name::<T>(dims);
        let bytes = dims[0] * dims[1] * size_of::<T>();
        (self.event)(Event::Making { name: &name, bytes });
        self.folder.make::<T>(&name, dims, layout)
    }

    /// The float32 array of the size that was asked for.
    fn native(&mut self) -> Result<Array<f32>> {
        let file = match self.native.take() {
            Some(file) => file,
            None => self.make::<f32>(Self::dims::<f32>(self.options.size), Layout::Native)?,
        };
        let x = Array::open(file.path())?;
        self.native = Some(file);
        Ok(x)
    }

    /// The bare read of these bytes on all cores.
    fn read_limit<'b>(&self, parts: Vec<&'b [u8]>) -> Timed<'b> {
        let (threads, isa) = (self.engine.workers(), self.engine.isa());
        Timed::new("read limit", move || {
            for bytes in &parts {
                black_box(read_all(bytes, threads, isa));
            }
            Ok(())
        })
    }

    /// Times jobs in turns; returns the samples of each lap.
    fn time<const LAPS: usize>(&self, jobs: &mut [Timed<'_>]) -> Result<[Samples; LAPS]> {
        let mut samples = interleaved(jobs, self.options.runs)?.into_iter();
        Ok(std::array::from_fn(|_| samples.next().unwrap_or_default()))
    }
}

/// The elements of an array that was made to be read in place, and their bytes.
fn in_place<T: Element>(x: &Array<T>) -> Result<(&[T], &[u8])> {
    let elements = x.as_slice().ok_or_else(|| Error::NotInPlace { path: x.path().to_owned() })?;
    Ok((elements, T::bytes(elements)))
}
