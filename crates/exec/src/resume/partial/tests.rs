//! Partials of every split give the bits of a single run.

use proptest::prelude::*;
use rowmill_core::{SliceSource, Source};

use super::*;
use crate::engine::Engine;
use crate::error::Error;
use crate::kernel::{CompareOp, Mask, Mean, MinMax, Moments, NanPolicy, Stats, Sum};

/// Three bands and a rest, of whole rows.
const STEP: usize = 131_072 / 4;
const ROWS: usize = 3 * STEP + 1000;

fn values(rows: usize) -> Vec<f32> {
    let value = |i: usize| if i % 997 == 5 { f32::NAN } else { (i as f32 * 0.37).sin() * 1e3 };
    (0..4 * rows).map(value).collect()
}

fn array(values: &[f32]) -> SliceSource<'_, f32> {
    SliceSource::new(values, [values.len() / 4, 4]).expect("rows of 4")
}

fn engine() -> Engine {
    Engine::builder().workers(2).build().expect("two workers")
}

fn error(result: Result<impl std::fmt::Debug>) -> PartialError {
    match result {
        Err(Error::Partial(error)) => error,
        other => panic!("expected an error of a partial, got {other:?}"),
    }
}

#[test]
fn every_kernel_in_any_order() {
    let values = values(ROWS);
    let (x, engine) = (array(&values), engine());
    assert_eq!(Partial::step::<f32>(x.shape()), STEP);
    let skip = NanPolicy::Skip;
    let kernel = (
        Stats::per_column().nan(skip),
        Sum::all().nan(skip).masked(Mask::compare(CompareOp::Gt, 0.5)),
        Mean::per_row(),
        Moments::per_column(),
        MinMax::all().nan(skip),
    );
    let whole = engine.reduce(&x, kernel).expect("a sound array");
    let rows = [2 * STEP..3 * STEP, 0..STEP, 3 * STEP..ROWS, STEP..2 * STEP];
    let mut merged: Option<Partial> = None;
    for rows in rows {
        let json = engine.partial(&x, kernel, rows.clone()).expect("at the grid").to_json();
        let partial = Partial::from_json(&json).expect("just made");
        assert_eq!(partial.rows(), [rows]);
        merged = Some(match merged {
            None => partial,
            Some(merged) => merged.merge(partial).expect("no overlap"),
        });
    }
    let merged = merged.expect("four partials");
    assert_eq!(merged.rows(), vec![0..ROWS; 1]);
    // NaN is not equal to itself; its text is.
    let finished = merged.finish::<f32, _>(kernel).expect("all rows");
    assert_eq!(format!("{finished:?}"), format!("{whole:?}"));
}

#[test]
fn after_an_append_only_new_rows_are_read() {
    let (before, after) = (values(2 * STEP + 77), values(3 * STEP + 5));
    let (engine, kernel) = (engine(), Stats::per_column().nan(NanPolicy::Skip));
    let early = engine.partial(&array(&before), kernel, 0..2 * STEP + 77).expect("all rows");
    let read = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let sum = std::sync::Arc::clone(&read);
    let counting = Engine::builder()
        .workers(1)
        .report(move |report| {
            sum.fetch_add(report.read, std::sync::atomic::Ordering::Relaxed);
        })
        .build()
        .expect("one worker");
    let late = counting.partial_after(&array(&after), kernel, early).expect("it grew");
    // The last block, which has grown, and what follows.
    assert_eq!(read.load(std::sync::atomic::Ordering::Relaxed), 16 * (STEP as u64 + 5));
    let whole = engine.reduce(&array(&after), kernel).expect("a sound array");
    assert_eq!(late.finish::<f32, _>(kernel).expect("all rows"), whole);
    assert!(matches!(
        error(engine.partial_after(&array(&before), kernel, late)),
        PartialError::OtherArray { .. }
    ));
}

#[test]
fn wide_rows_and_none() {
    let engine = engine();
    let wide: Vec<f64> = (0..300 * 5000).map(|i| f64::from(i).sqrt()).collect();
    let x = SliceSource::new(&wide, [300, 5000]).expect("wide rows");
    let kernel = (Sum::all(), Mean::per_column());
    let step = Partial::step::<f64>(x.shape());
    assert_eq!(step, 128);
    let end = engine.partial(&x, kernel, 2 * step..300).expect("the end");
    let start = engine.partial(&x, kernel, 0..2 * step).expect("the start");
    let merged = end.merge(start).expect("apart");
    assert_eq!(
        merged.finish::<f64, _>(kernel).expect("all rows"),
        engine.reduce(&x, kernel).expect("a sound array")
    );
    for dims in [[0, 4], [7, 0]] {
        let x = SliceSource::<f64>::new(&[], dims).expect("nothing");
        let partial = engine.partial(&x, Sum::all(), 0..dims[0]).expect("all rows");
        assert_eq!(partial.finish::<f64, _>(Sum::all()).expect("nothing is missing"), 0.0);
    }
}

#[test]
fn partials_that_do_not_match_are_refused() {
    let values = values(ROWS);
    let (x, engine, kernel) = (array(&values), engine(), Sum::all());
    let partial = |rows| engine.partial(&x, kernel, rows);
    let first = partial(0..STEP).expect("at the grid");
    assert_eq!(
        error(partial(5..STEP + 1)),
        PartialError::Bounds { rows: 5..STEP + 1, step: STEP, of: ROWS, nearest: 0..2 * STEP }
    );
    assert!(matches!(error(partial(0..ROWS + 1)), PartialError::Bounds { .. }));
    #[expect(clippy::reversed_empty_ranges, reason = "bad input")]
    let backwards = 2 * STEP..STEP;
    assert!(matches!(error(partial(backwards)), PartialError::Bounds { .. }));
    assert_eq!(error(first.clone().merge(first.clone())), PartialError::Overlap { rows: 0..STEP });
    assert_eq!(error(first.finish::<f32, _>(kernel)), PartialError::NoEnd { rows: STEP });
    let last = partial(2 * STEP..ROWS).expect("at the grid");
    let gap = first.clone().merge(last).expect("apart");
    assert_eq!(error(gap.finish::<f32, _>(kernel)), PartialError::Missing { rows: STEP..2 * STEP });
    let mean = engine.partial(&x, Mean::all(), STEP..2 * STEP).expect("at the grid");
    assert!(matches!(error(first.clone().merge(mean)), PartialError::OtherJob { .. }));
    assert!(matches!(error(gap.finish::<f32, _>(Mean::all())), PartialError::OtherJob { .. }));
    assert!(matches!(error(gap.finish::<f64, _>(kernel)), PartialError::OtherArray { .. }));
    let closure = Sum::all().masked(Mask::value(|v: f32| v > 0.0));
    assert_eq!(error(engine.partial(&x, closure, 0..STEP)), PartialError::Undescribed);
}

#[test]
fn damage_is_seen() {
    let values = values(ROWS);
    let json = engine().partial(&array(&values), Sum::all(), 0..STEP).expect("fine").to_json();
    let reformatted: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(Partial::from_json(&reformatted.to_string()).is_ok());
    for (from, to) in [
        ("\"array_rows\": null", "\"array_rows\": 12"),
        ("\"block\": 0", "\"block\": 1"),
        ("sum over all", "mean over all"),
        ("float32", "float64"),
    ] {
        assert!(json.contains(from), "{json}");
        let changed = json.replace(from, to);
        assert_eq!(error(Partial::from_json(&changed)), PartialError::Damaged);
    }
    let newer = json.replace("\"version\": 3", "\"version\": 7");
    assert_eq!(
        error(Partial::from_json(&newer)),
        PartialError::Version { expected: VERSION_NOW, found: 7 }
    );
    for text in ["", "{}", "[1]", "{\"format\":\"rowmill partial\",\"version\":3}"] {
        assert!(matches!(error(Partial::from_json(text)), PartialError::Unreadable { .. }));
    }
}

const VERSION_NOW: u32 = crate::error::CHECKPOINT_VERSION;

proptest! {
    /// Arbitrary states with a valid checksum are refused or finished, and never panic.
    #[test]
    fn no_state_panics(
        nodes in prop::collection::vec((0_usize..9, 0_u32..70, prop::collection::vec(any::<u8>(), 0..60)), 0..4),
        end in prop::option::of(0_usize..200_000),
        wide in any::<bool>(),
    ) {
        let partial = Partial {
            job: "stats, ddof 0 over all of everything, NaN: propagate".to_owned(),
            kernels: "stats, ddof 0 over all, NaN: propagate".to_owned(),
            dtype: DType::F32,
            row_dims: if wide { vec![usize::MAX / 7] } else { vec![4] },
            end,
            nodes: nodes.into_iter().map(|(start, level, state)| ((start, level), state)).collect(),
        };
        let _ = partial.rows();
        let _ = partial.finish::<f32, _>(Stats::all());
        let _ = partial.clone().merge(partial.clone());
        if let Ok(again) = Partial::from_json(&partial.to_json()) {
            prop_assert_eq!(again, partial);
        }
    }
}

#[test]
fn nodes_overlap_nowhere_and_lie_inside() {
    let values = values(ROWS);
    let kernel = Sum::all();
    let whole = engine().partial(&array(&values), kernel, 0..ROWS).expect("all rows");
    let unreadable = |change: &dyn Fn(&mut Partial)| {
        let mut changed = whole.clone();
        change(&mut changed);
        let found = error(Partial::from_json(&changed.to_json()));
        assert!(matches!(found, PartialError::Unreadable { .. }), "{found:?}");
    };
    let state = |partial: &Partial| partial.nodes.values().next().expect("a node").clone();
    let add = |at: (usize, u32)| {
        move |partial: &mut Partial| {
            let state = state(partial);
            assert_eq!(partial.nodes.insert(at, state), None, "a new one");
        }
    };
    // A block of a node with two, a node around all, a block past the last, no rows.
    unreadable(&add((1, 0)));
    unreadable(&add((0, 2)));
    unreadable(&add((4, 0)));
    unreadable(&|partial| partial.end = Some(2 * STEP));
    unreadable(&|partial| partial.row_dims = vec![0]);
    // A partial of the first rows alone, with an end from elsewhere.
    let first = engine().partial(&array(&values), kernel, 0..STEP).expect("a block");
    let mut beyond = first.clone();
    add((4, 0))(&mut beyond);
    let beyond = Partial::from_json(&beyond.to_json()).expect("nobody knows the end");
    let last = engine().partial(&array(&values), kernel, STEP..ROWS).expect("the others");
    assert_eq!(error(last.merge(beyond)), PartialError::State);
}

#[test]
fn a_state_that_no_rows_have_is_refused() {
    let values = values(ROWS);
    let (x, kernel) = (array(&values), Mean::all());
    let mut whole = engine().partial(&x, kernel, 0..ROWS).expect("all rows");
    assert!(whole.finish::<f32, _>(kernel).is_ok());
    // One reduction, 21 bytes; one piece, number 0, one cell, the same count for all: two elements
    // more than there are.
    let count = (4 * 2 * STEP + 2) as u32;
    let state = whole.nodes.get_mut(&(0, 1)).expect("a node of two blocks");
    assert_eq!(state[..6], [1, 21, 1, 0, 1, 0]);
    let varint: Vec<u8> = (0..3).map(|i| (count >> (7 * i)) as u8 & 0x7f | 0x80).collect();
    assert_eq!(state[6..8], [0x80, 0x80]);
    state[6..9].copy_from_slice(&[varint[0], varint[1], varint[2] & 0x7f]);
    let read = Partial::from_json(&whole.to_json()).expect("the checksum is right");
    assert_eq!(error(read.finish::<f32, _>(kernel)), PartialError::State);
}

/// Some bytes of JSON may change without effect: white space, and the case of digits.
#[test]
fn changed_bytes_are_refused_or_mean_the_same() {
    let values = values(STEP);
    let partial = engine().partial(&array(&values), Sum::all(), 0..STEP).expect("at the grid");
    let json = partial.to_json();
    for at in 0..json.len() {
        assert!(Partial::from_json(&json[..at]).is_err(), "cut at {at}");
        for bit in [0, 1, 5] {
            let mut changed = json.clone().into_bytes();
            changed[at] ^= 1 << bit;
            let Ok(changed) = String::from_utf8(changed) else { continue };
            let read = Partial::from_json(&changed);
            assert!(read.is_err() || read.as_ref().ok() == Some(&partial), "byte {at}: {changed}");
        }
    }
}
