//! Jobs within other people's threads: a thread that waits for a job runs nothing else meanwhile.

use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rayon::prelude::*;
use rowmill::view::SliceSource;
use rowmill::{CancelToken, ChunkSize, Engine, Error, Sum};

/// Enough elements to use several workers.
const LEN: usize = 5 << 18;

fn engine() -> Engine {
    Engine::builder().workers(2).chunk(ChunkSize::Bytes(1 << 20)).build().expect("an engine")
}

/// If waiting ran other rayon work, the next item of the iterator would nest on the last one, until
/// the stack overflows.
#[test]
fn jobs_within_a_parallel_iterator_of_another_pool() {
    thread_local! {
        static DEPTH: Cell<usize> = const { Cell::new(0) };
    }
    let values = vec![1.0_f32; LEN];
    let x = SliceSource::new(&values, [LEN]).expect("a shape");
    let engine = engine();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    let deepest = AtomicUsize::new(0);
    pool.install(|| {
        (0..300).into_par_iter().for_each(|_| {
            let depth = DEPTH.get() + 1;
            DEPTH.set(depth);
            deepest.fetch_max(depth, Ordering::Relaxed);
            assert_eq!(engine.reduce(&x, Sum::all()).expect("a sum"), LEN as f64);
            DEPTH.set(depth - 1);
        });
    });
    assert_eq!(deepest.into_inner(), 1, "an item began while another waited on the same thread");
}

/// A thread that waits for a job with a lock held never takes that lock again.
#[test]
fn jobs_with_a_lock_held() {
    let values = vec![1_u8; 5 << 20];
    let x = SliceSource::new(&values, [5 << 20]).expect("a shape");
    let (engine, done) = (engine(), Mutex::new(0));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("a pool");
    pool.install(|| {
        (0..40).into_par_iter().for_each(|_| {
            let mut done = done.lock().expect("no panic");
            engine.reduce(&x, Sum::all()).expect("a sum");
            *done += 1;
        });
    });
    assert_eq!(done.into_inner().expect("no panic"), 40);
}

#[test]
fn many_jobs_on_clones_of_one_engine() {
    let values: Vec<i32> = (0..LEN as i32).collect();
    let expected: i64 = values.iter().map(|&v| i64::from(v)).sum();
    let engine = engine();
    thread::scope(|scope| {
        for _ in 0..8 {
            let (engine, values) = (engine.clone(), &values);
            scope.spawn(move || {
                let x = SliceSource::new(values, [LEN]).expect("a shape");
                for _ in 0..5 {
                    assert_eq!(engine.reduce(&x, Sum::all()).expect("a sum"), expected);
                }
            });
        }
    });
}

#[test]
fn a_call_token_cancels_only_that_call() {
    let values = vec![1.0_f64; LEN];
    let x = SliceSource::new(&values, [LEN]).expect("a shape");
    let (all, one) = (CancelToken::new(), CancelToken::new());
    let engine = Engine::builder().workers(2).cancel(all.clone()).build().expect("an engine");
    one.cancel();
    let stopped = engine.on(&x).cancel(one.clone()).reduce(Sum::all());
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
    assert_eq!(engine.reduce(&x, Sum::all()).expect("a sum"), LEN as f64);
    one.reset();
    assert!(engine.on(&x).cancel(one.clone()).reduce(Sum::all()).is_ok());
    all.cancel();
    let stopped = engine.on(&x).cancel(one).reduce(Sum::all());
    assert!(matches!(stopped, Err(Error::Cancelled)), "{stopped:?}");
}

#[test]
fn call_progress_is_separate() {
    let values = vec![1.0_f32; LEN];
    let x = SliceSource::new(&values, [LEN]).expect("a shape");
    let seen = std::sync::Arc::new(AtomicUsize::new(0));
    let engine = engine();
    let count = std::sync::Arc::clone(&seen);
    let call = engine.on(&x).progress(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    call.reduce(Sum::all()).expect("a sum");
    let calls = seen.load(Ordering::Relaxed);
    assert!(calls > 0);
    engine.reduce(&x, Sum::all()).expect("a sum");
    assert_eq!(seen.load(Ordering::Relaxed), calls);
}
