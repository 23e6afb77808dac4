//! Files written by release 0.1: checkpoints, partials, a fit. A later release resumes from them,
//! or refuses their version and explains what to do.
//!
//! Recording creates missing files and never changes an existing one.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;

use rowmill::error::{CheckpointError, PartialError};
use rowmill::{Checkpoint, ChunkSize, Engine, Error, Fitted, Normalize, Partial, Source};
use rowmill_exec::fuzzing::frame_checkpoint;

use crate::answer::text;
use crate::ask_resumable::kernel;
use crate::book::{Answers, Book, folder, insert, records};
use crate::input::{AnySource, Failing, Inputs, Real};
use crate::normalizations::output;
use crate::partials::{checkpoint, in_parts, merged, resume, stop};

const OF_F64: [&str; 6] = [
    "sum, all",
    "stats, columns",
    "argminmax, columns",
    "histogram uniform, columns",
    "exact sum, all and exact mean, columns",
    "covariance",
];
const OF_I16: [&str; 3] = ["sum, all", "kurtosis, all", "top 3 largest, all, mask x > 0.25"];

fn fixture(name: &str) -> PathBuf {
    folder()
        .join("written-by-0.1")
        .join(name.replace(" > ", " above ").replace(", ", "-").replace(' ', "-"))
}

/// Creates a missing fixture, if recording.
fn make(path: &Path, bytes: impl FnOnce() -> Vec<u8>) {
    if records() && !path.exists() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of fixtures");
        std::fs::write(path, bytes()).expect("a fixture can be written");
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The version of checkpoints and partials that this release writes.
fn version() -> u32 {
    version_of(&frame_checkpoint(&[]))
}

fn version_of(checkpoint: &[u8]) -> u32 {
    u32::from_le_bytes(*checkpoint[8..].first_chunk().expect("a version behind the magic"))
}

/// Checks that a checkpoint of this version was resumed, and one of another version refused.
fn resumes<V>(bytes: &[u8], done: rowmill::Result<V>) -> Option<V> {
    match done {
        Ok(done) => {
            assert_eq!(version_of(bytes), version(), "another version was read");
            Some(done)
        }
        Err(Error::Checkpoint { source: source @ CheckpointError::Version { .. }, .. }) => {
            assert_ne!(version_of(bytes), version(), "this version was refused");
            let advice = "finish the job with the release that began it, or remove the checkpoint";
            assert!(source.to_string().contains(advice), "{source}");
            None
        }
        Err(other) => panic!("{other}"),
    }
}

fn one_worker<T: Real>(x: &AnySource<'_, T>) -> Engine {
    let rows = ChunkSize::Rows(Partial::step::<T>(x.shape()));
    Engine::builder().workers(1).chunk(rows).build().expect("an engine")
}

fn reductions<T: Real>(
    answers: &mut Answers,
    (dtype, shape, values): (&'static str, &'static str, &'static str),
    names: &[&str],
) {
    let inputs = Inputs::<T>::new(dtype);
    let input = inputs.get(shape, values);
    let x = input.source("in memory");
    let engine = one_worker(&x);
    for name in names {
        let kernel = kernel::<T>(name).expect("good options");
        let of = format!("{name}, {dtype} {shape} {values}");
        let expected = text(&engine.reduce(&x, &kernel));
        let scratch = inputs.folder().join("checkpoint");

        let path = fixture(&format!("{dtype} {name}.checkpoint"));
        make(&path, || {
            stop(&x, &kernel, &scratch);
            read(&scratch)
        });
        let bytes = read(&path);
        std::fs::write(&scratch, &bytes).expect("a copy");
        let (answer, reads) = resume(&engine, &x, &kernel, &scratch);
        if let Some(answer) = resumes(&bytes, answer) {
            assert_eq!(text(&Ok(answer)), expected, "{of}, resumed");
            let blocks = x.shape().rows().div_ceil(Partial::step::<T>(x.shape()));
            assert_eq!(reads, blocks - 2, "{of}: two blocks were done");
        }

        let parts: Vec<String> = (0..3)
            .map(|i| {
                let path = fixture(&format!("{dtype} {name}.{i}.json"));
                let part = || in_parts(&engine, &x, &kernel).expect("partials")[i].to_json();
                make(&path, || part().into_bytes());
                String::from_utf8(read(&path)).expect("text")
            })
            .collect();
        let ours = parts[0].contains(&format!("\"version\": {},", version()));
        match merged(&parts, &kernel) {
            Ok(answer) => assert_eq!((text(&Ok(answer)), ours), (expected.clone(), true), "{of}"),
            Err(Error::Partial(error @ PartialError::Version { .. })) => {
                assert!(!ours && error.to_string().contains("make it again"), "{of}: {error}");
            }
            Err(other) => panic!("{of}: {other}"),
        }
        insert(answers, of, expected, String::new());
    }
}

/// A normalization that was stopped in its second read, and a fit.
fn normalization(answers: &mut Answers) {
    let inputs = Inputs::<f64>::new("f64");
    let input = inputs.get("long", "plain");
    let x = input.source("in memory");
    let (engine, how) = (one_worker(&x), Normalize::z_score().per_column());
    let (scratch, out) = (inputs.folder().join("checkpoint"), inputs.folder().join("z.npy"));
    engine.normalize(&x, how).write_npy(&out).expect("written");
    let expected = output::<f64>(&out);
    let run = |left: usize| {
        let failing = Failing { source: &x, left: AtomicUsize::new(left) };
        let checkpoint = checkpoint(&scratch);
        let job = engine.normalize(&failing, how).checkpoint(&checkpoint).overwrite(true);
        let done = job.write_npy(&out);
        done.map(|()| usize::MAX - failing.left.into_inner())
    };
    let all_reads = run(usize::MAX).expect("written");
    let path = fixture("f64 zscore columns.checkpoint");
    make(&path, || {
        assert!(
            matches!(run(all_reads - 1), Err(Error::File(_))),
            "it had to fail in the second read"
        );
        read(&scratch)
    });
    // The unfinished output is gone, so it is written again in full; the fit is kept.
    std::fs::write(&scratch, read(&path)).expect("a copy");
    if let Some(reads) = resumes(&read(&path), run(usize::MAX)) {
        assert_eq!(output::<f64>(&out), expected, "resumed");
        assert!(reads < all_reads, "{reads} of {all_reads} reads: the fit was done");
    }
    insert(answers, "zscore, columns, f64 long plain".to_owned(), expected.clone(), String::new());

    let path = fixture("f64 zscore columns.fit.json");
    make(&path, || engine.fit(&x, how).expect("finite").to_json().into_bytes());
    let json = String::from_utf8(read(&path)).expect("text");
    let fitted = Fitted::from_json(&json).expect("fits have no version: they are read for ever");
    engine.normalize_by(&x, &fitted).overwrite(true).write_npy(&out).expect("written");
    assert_eq!(output::<f64>(&out), expected, "by the fit of then");
}

/// A stream that was stopped after two chunks.
fn stream() {
    let inputs = Inputs::<f64>::new("f64");
    let input = inputs.get("long", "plain");
    let x = input.source("in memory");
    let step = Partial::step::<f64>(x.shape());
    let scratch = inputs.folder().join("checkpoint");
    let run = |stop_after: usize| {
        let mut seen = Vec::new();
        let checkpoint: Checkpoint = checkpoint(&scratch).label("rows");
        let x = Failing { source: &x, left: AtomicUsize::new(usize::MAX) };
        let consume = |rows: std::ops::Range<usize>, ()| {
            seen.push(rows.start);
            if seen.len() < stop_after { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let engine = one_worker(&input.source("in memory"));
        let done = engine.on(&x).checkpoint(&checkpoint).stream(|_| Ok(()), consume);
        done.map(|()| seen)
    };
    let path = fixture("f64 stream.checkpoint");
    make(&path, || {
        run(2).expect("stopped");
        read(&scratch)
    });
    std::fs::write(&scratch, read(&path)).expect("a copy");
    if let Some(seen) = resumes(&read(&path), run(usize::MAX)) {
        assert_eq!(seen, [2 * step], "goes on behind the second chunk");
    }
}

#[test]
fn files_of_release_0_1() {
    let mut answers = Answers::new();
    reductions::<f64>(&mut answers, ("f64", "long", "plain"), &OF_F64);
    reductions::<i16>(&mut answers, ("i16", "longer", "small"), &OF_I16);
    normalization(&mut answers);
    stream();
    Book::new("written.tsv", "Answers of the jobs that the files of written-by-0.1 are of")
        .check(&answers);
}
