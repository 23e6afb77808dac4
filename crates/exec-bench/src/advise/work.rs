//! The passes themselves, as an embedder would run them.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::{Read as _, Seek, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rowmill_core::{
    Array, ArrayMut, Backend, Element, Kind, Meta, OpenOptions, Outputs, Role, Source, zeros,
};
use rowmill_exec::{Engine, MinMax, Numeric};

use super::part::Part;
use super::{Choice, Pattern, Plan};
use crate::load::{Loaded, join};
use crate::patterns::random;
use crate::{Error, Result};

/// The bytes that a thread rewrites at a time.
const PIECE: u64 = 1 << 20;

/// The seconds of a job: getting ready, then each pass.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Took {
    pub(super) ready: f64,
    pub(super) passes: Vec<f64>,
}

impl Took {
    pub(super) fn total(&self) -> f64 {
        self.ready + self.passes.iter().sum::<f64>()
    }
}

/// Opens a file as a choice says, and does all passes over these rows (over the whole file where it
/// is rewritten).
pub(super) fn run<T: Numeric>(
    path: &Path,
    rows: std::ops::Range<usize>,
    choice: Choice,
    plan: &Plan,
    engine: &Engine,
) -> Result<Took> {
    if plan.pattern == Pattern::Rewrite {
        return rewrite::<T>(path, choice, plan.passes, engine);
    }
    let start = Instant::now();
    let backend = if choice == Choice::Map { Backend::Mapped } else { Backend::Positioned };
    let array: Array<T> = OpenOptions::new().backend(backend).open(path)?;
    let part = if choice == Choice::Load {
        let loaded = Loaded::read(&array, rows, engine.workers())?;
        let rows = 0..loaded.shape().rows();
        Part::new(loaded, rows)
    } else {
        Part::new(array, rows)
    };
    let ready = start.elapsed().as_secs_f64();
    Ok(Took { ready, passes: passes(&part, plan, engine)? })
}

fn passes<T: Numeric>(source: &Part<T>, plan: &Plan, engine: &Engine) -> Result<Vec<f64>> {
    let rows = source.shape().rows();
    let picked = if plan.pattern == Pattern::Random { plan.picked.min(rows) } else { 0 };
    let len = picked * source.shape().row_len();
    let mut out: Vec<T> =
        zeros(len).ok_or(Error::NoMemory { bytes: (len * size_of::<T>()) as u64 })?;
    let mut all = Vec::with_capacity(plan.passes);
    for pass in 0..plan.passes {
        let indices = random(pass as u64, picked, rows);
        let start = Instant::now();
        match plan.pattern {
            Pattern::Sequential => {
                std::hint::black_box(engine.reduce(source, MinMax::all())?);
            }
            Pattern::Random => engine.rows(source, &indices).read_into(&mut out)?,
            Pattern::Epochs => {
                for batch in engine.shuffled_batches(source.clone(), 1).epoch(pass as u64) {
                    drop(std::hint::black_box(batch?));
                }
            }
            Pattern::Rewrite => {}
        }
        all.push(start.elapsed().as_secs_f64());
    }
    Ok(all)
}

/// A change that needs no arithmetic, and that a second pass takes back.
fn change(bytes: &mut [u8]) {
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
}

fn rewrite<T: Element>(
    path: &Path,
    choice: Choice,
    passes: usize,
    engine: &Engine,
) -> Result<Took> {
    let threads = engine.workers();
    let start = Instant::now();
    let mut all = Vec::with_capacity(passes);
    let mut timed = |pass: &mut dyn FnMut() -> Result<()>| -> Result<()> {
        for _ in 0..passes {
            let start = Instant::now();
            pass()?;
            all.push(start.elapsed().as_secs_f64());
        }
        Ok(())
    };
    let ready = match choice {
        Choice::Map => {
            let mut array = ArrayMut::<T>::open(path)?;
            let rows = array.shape().rows();
            let ready = start.elapsed().as_secs_f64();
            timed(&mut || {
                change_elements(array.rows_mut(0..rows)?, threads)?;
                Ok(array.flush()?)
            })?;
            ready
        }
        Choice::Read => {
            let meta = Meta::read(path, None)?;
            let ready = start.elapsed().as_secs_f64();
            timed(&mut || rewrite_at_positions(path, &meta, threads))?;
            ready
        }
        Choice::Load => {
            let array: Array<T> = OpenOptions::new().backend(Backend::Positioned).open(path)?;
            let mut loaded = Loaded::all(&array, engine)?;
            let head = head_of(path, array.meta())?;
            drop(array);
            let ready = start.elapsed().as_secs_f64();
            timed(&mut || {
                change_elements(loaded.elements_mut().unwrap_or_default(), threads)?;
                replace(path, &head, T::bytes(loaded.elements()), threads)
            })?;
            ready
        }
    };
    Ok(Took { ready, passes: all })
}

/// Changes elements in place on some threads.
fn change_elements<T: Element>(elements: &mut [T], threads: usize) -> Result<()> {
    let step = (PIECE as usize / size_of::<T>()).max(1);
    let pieces = Mutex::new(elements.chunks_mut(step));
    let take = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    join(threads, || {
        while let Some(piece) = take() {
            // Neighbours swapped: a change that any type allows.
            piece.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
        }
        Ok(())
    })
}

/// Reads, changes and writes pieces of a file on some threads, and makes it durable.
fn rewrite_at_positions(path: &Path, meta: &Meta, threads: usize) -> Result<()> {
    let (start, end) = (meta.offset, meta.offset + meta.byte_len() as u64);
    let next = AtomicU64::new(start);
    let open = || FileOptions::new().read(true).write(true).open(path);
    let work = || -> std::io::Result<()> {
        let mut file = open()?;
        let mut buffer = vec![0; PIECE as usize];
        loop {
            let at = next.fetch_add(PIECE, Ordering::Relaxed);
            if at >= end {
                return Ok(());
            }
            let piece = &mut buffer[..PIECE.min(end - at) as usize];
            file.seek(SeekFrom::Start(at))?;
            file.read_exact(piece)?;
            change(piece);
            file.seek(SeekFrom::Start(at))?;
            file.write_all(piece)?;
        }
    };
    join(threads, || work().map_err(Error::io("rewrite", path)))?;
    open().and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

/// The bytes before the elements of a file.
fn head_of(path: &Path, meta: &Meta) -> Result<Vec<u8>> {
    let mut head = vec![0; meta.offset as usize];
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    file.read_exact(&mut head).map_err(Error::io("read", path))?;
    Ok(head)
}

/// Writes a file anew, beside the old one, which it replaces when it is durable.
fn replace(path: &Path, head: &[u8], elements: &[u8], threads: usize) -> Result<()> {
    let new = Outputs::new().overwrite(true).create(Role::Output, Kind::Npy, path)?;
    new.allocate((head.len() + elements.len()) as u64)?;
    let file = Mutex::new(new.file());
    let next = AtomicU64::new(0);
    let write = |at: u64, bytes: &[u8]| {
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes))
    };
    join(threads, || {
        loop {
            let at = next.fetch_add(PIECE, Ordering::Relaxed) as usize;
            if at >= elements.len() {
                return Ok(());
            }
            let piece = &elements[at..elements.len().min(at + PIECE as usize)];
            write((head.len() + at) as u64, piece).map_err(Error::io("write", path))?;
        }
    })?;
    write(0, head).map_err(Error::io("write", path))?;
    new.publish()?;
    Ok(())
}
