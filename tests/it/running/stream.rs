//! Streams: order, back-pressure, early ends.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::common::within;
use rowmill::view::SliceSource;
use rowmill::{ChunkSize, Engine, Error, Sum};

fn engine(workers: usize, rows: usize) -> Engine {
    let builder = Engine::builder().workers(workers).chunk(ChunkSize::Rows(rows));
    builder.build().expect("an engine")
}

/// 1.5 MB, enough to involve the workers.
const DIMS: [usize; 2] = [1000, 400];

fn numbers() -> Vec<f32> {
    (0..DIMS[0] * DIMS[1]).map(|i| (i / DIMS[1]) as f32).collect()
}

#[test]
fn every_row_once_and_in_order() {
    for workers in [1, 2, 3, 8] {
        for rows in [1, 7, 64, 1000, 5000] {
            let seen = within(60, move || {
                let data = numbers();
                let x = SliceSource::new(&data, DIMS).expect("matching shape");
                let mut seen = Vec::new();
                let first = |chunk: &rowmill::map::Chunk<'_, f32>| {
                    // Earlier chunks take longer.
                    if chunk.rows().start % 140 == 0 {
                        thread::sleep(Duration::from_millis(1));
                    }
                    Ok((chunk.rows(), chunk.iter_rows().map(|row| row[3]).collect::<Vec<_>>()))
                };
                let outcome = engine(workers, rows).stream(&x, first, |rows, (own, values)| {
                    assert_eq!(rows, own);
                    assert_eq!(values.len(), rows.len());
                    seen.extend(values);
                    ControlFlow::Continue(())
                });
                outcome.expect("a stream");
                seen
            });
            let expected: Vec<f32> = (0..DIMS[0]).map(|row| row as f32).collect();
            assert!(seen == expected, "{workers} workers, {rows} rows");
        }
    }
}

/// There are so many tiny chunks that workers overtake each other in every way.
#[test]
fn tiny_chunks_never_hang() {
    for workers in [2, 3, 8] {
        let seen = within(60, move || {
            let rows = 60_000;
            let data = vec![1.0_f32; rows * 4];
            let x = SliceSource::new(&data, [rows, 4]).expect("four a row");
            let mut seen = 0;
            let sum =
                |chunk: &rowmill::map::Chunk<'_, f32>| Ok(chunk.as_slice().iter().sum::<f32>());
            let outcome = engine(workers, 1).stream(&x, sum, |_, sum| {
                seen += usize::from(sum == 4.0);
                ControlFlow::Continue(())
            });
            outcome.expect("a stream");
            seen
        });
        assert_eq!(seen, 60_000, "{workers} workers");
    }
}

/// Counts its existing instances.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(existing: &Arc<AtomicUsize>, most: &AtomicUsize) -> Self {
        let now = existing.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(existing))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn a_slow_consumer_throttles_the_workers() {
    for workers in [1, 2, 8] {
        let most = within(60, move || {
            let data = numbers();
            let x = SliceSource::new(&data, DIMS).expect("matching shape");
            let (existing, most) = (Arc::default(), AtomicUsize::new(0));
            let mut consumed = 0;
            let outcome = engine(workers, 5).stream(
                &x,
                |_| Ok(Counted::new(&existing, &most)),
                |_, _counted| {
                    consumed += 1;
                    if consumed % 20 == 0 {
                        thread::sleep(Duration::from_millis(10));
                    }
                    ControlFlow::Continue(())
                },
            );
            outcome.expect("a stream");
            assert_eq!((consumed, existing.load(Ordering::SeqCst)), (200, 0));
            most.into_inner()
        });
        // Two for each worker; the one being consumed may add another.
        assert!(most <= 2 * workers + 1, "{most} results existed with {workers} workers");
    }
}

#[test]
fn breaking_early_succeeds_and_stops_the_workers() {
    for workers in [1, 2, 8] {
        let (consumed, computed) = within(60, move || {
            let data = numbers();
            let x = SliceSource::new(&data, DIMS).expect("matching shape");
            let (mut consumed, computed) = (0, AtomicUsize::new(0));
            let outcome = engine(workers, 1).stream(
                &x,
                |_| {
                    computed.fetch_add(1, Ordering::Relaxed);
                    Ok(())
                },
                |_, ()| {
                    consumed += 1;
                    if consumed == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );
            outcome.expect("no error");
            (consumed, computed.into_inner())
        });
        assert_eq!(consumed, 10);
        assert!(computed <= 10 + 3 * workers + 1, "{computed} with {workers} workers");
    }
}

#[test]
fn a_consumer_panic_propagates() {
    for workers in [1, 2, 8] {
        let message = within(60, move || {
            let data = numbers();
            let x = SliceSource::new(&data, DIMS).expect("matching shape");
            let engine = engine(workers, 1);
            let job = || {
                engine.stream(
                    &x,
                    |_| Ok(()),
                    |rows, ()| {
                        assert!(rows.start < 30, "consumed enough");
                        ControlFlow::Continue(())
                    },
                )
            };
            let panic = catch_unwind(AssertUnwindSafe(job)).expect_err("a panic");
            // The engine still works.
            engine.reduce(&x, Sum::all()).expect("a sum");
            panic.downcast_ref::<&str>().map(|s| (*s).to_owned())
        });
        assert_eq!(message.as_deref(), Some("consumed enough"), "{workers} workers");
    }
}

#[test]
fn the_consumer_may_use_the_engine() {
    for workers in [1, 2, 8] {
        let sums = within(60, move || {
            let data = numbers();
            let x = SliceSource::new(&data, DIMS).expect("matching shape");
            let engine = engine(workers, 100);
            let mut sums = Vec::new();
            let outcome = engine.stream(
                &x,
                |_| Ok(()),
                |_, ()| {
                    sums.push(engine.reduce(&x, Sum::all()).expect("a sum"));
                    ControlFlow::Continue(())
                },
            );
            outcome.expect("a stream");
            sums
        });
        assert_eq!(sums, vec![499_500.0 * 400.0; 10], "{workers} workers");
    }
}

#[test]
fn empty_arrays() {
    let engine = engine(2, 3);
    let x = SliceSource::new(&[] as &[f32], [0, 4]).expect("no values");
    let nothing = engine.stream(&x, |_| Ok(()), |_, ()| panic!("there is nothing"));
    nothing.expect("no error");
    // Rows without elements are rows.
    let x = SliceSource::new(&[] as &[f32], [7, 0]).expect("no values");
    let mut seen = Vec::new();
    let rows = engine.stream(
        &x,
        |chunk| Ok(chunk.rows()),
        |rows, own| {
            seen.push((rows, own));
            ControlFlow::Continue(())
        },
    );
    rows.expect("no error");
    assert_eq!(seen, [(0..3, 0..3), (3..6, 3..6), (6..7, 6..7)]);
}

#[test]
fn errors_of_the_kernel_end_the_stream() {
    let data = numbers();
    let x = SliceSource::new(&data, DIMS).expect("matching shape");
    let mut consumed = 0;
    let outcome = engine(2, 10).stream(
        &x,
        |chunk| if chunk.rows().contains(&505) { Err(Error::kernel("505")) } else { Ok(()) },
        |_, ()| {
            consumed += 1;
            ControlFlow::Continue(())
        },
    );
    assert!(matches!(outcome, Err(Error::Kernel(_))), "{outcome:?}");
    assert_eq!(consumed, 50, "all results before the failure, and none after it");
}
