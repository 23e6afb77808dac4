//! Real files: created, reopened, written by several threads.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;

use crate::array::ArrayMut;
use crate::durable::FlushPolicy;
use crate::error::Result;

#[test]
fn real_files_under_every_policy() {
    let dir = tempfile::tempdir().expect("a folder");
    let timed = FlushPolicy::Every(Duration::from_millis(1)) | FlushPolicy::OnClose;
    let policies = [FlushPolicy::Manual, FlushPolicy::OnClose, FlushPolicy::EveryRows(10), timed];
    for policy in policies {
        for name in ["x.npy", "x.dat"] {
            let path = dir.path().join(name);
            let options = crate::array::CreateOptions::new().overwrite(true).flush_policy(policy);
            let mut x = options.create::<u32>(&path, [100, 2]).expect("created");
            assert_eq!(x.durable_rows(), 0, "nothing was written");
            for row in 0..50 {
                x.write_rows(row, &[7, 8]).expect("written");
            }
            x.flush_rows(0..20).expect("flushed");
            assert!((20..=50).contains(&x.durable_rows()));
            x.flush().expect("flushed");
            assert_eq!(x.durable_rows(), 50);
            x.rows_mut(30..31).expect("lent").fill(9);
            // Up to the row that may have been changed, or all of them, if that was synced
            // meanwhile.
            let durable = x.durable_rows();
            assert!(durable == 30 || (durable == 50 && policy == timed), "{policy:?}: {durable}");
            drop(x); // releases the lock, whatever the thread does
            let x = crate::array::OpenOptions::new().flush_policy(policy).open_mut::<u32>(&path);
            let x = x.expect("unlocked by dropping");
            x.flush().expect("flushed");
            assert_eq!(x.durable_rows(), 0, "nothing was written through this handle");
            x.close().expect("closed");
        }
    }
    for dims in [vec![], vec![0, 3], vec![3, 0]] {
        let x = crate::array::CreateOptions::new().overwrite(true);
        let x = x.create::<u8>(dir.path().join("e.npy"), dims.clone()).expect("created");
        x.flush().expect("flushed");
        assert_eq!(x.durable_rows(), if dims == [3, 0] { 3 } else { 0 }, "{dims:?}");
        x.close().expect("closed");
    }
}

/// An array of 1000 rows, the first 400 of which an earlier handle wrote and synced.
fn begun(path: &Path) {
    let options = crate::array::CreateOptions::new().overwrite(true);
    let mut x = options.create::<u32>(path, [1000, 2]).expect("created");
    x.write_rows(0, &[7; 800]).expect("written");
    x.flush().expect("flushed");
    assert_eq!((x.durable_rows(), x.durable_from(400)), (400, 400..400));
    x.close().expect("closed");
}

#[test]
fn rows_that_were_there_when_opened_do_not_count() {
    let dir = tempfile::tempdir().expect("a folder");
    let every = crate::array::OpenOptions::new().flush_policy(FlushPolicy::EveryRows(10_000));
    for name in ["x.npy", "x.dat"] {
        let path = dir.path().join(name);
        let opens: [&dyn Fn() -> Result<ArrayMut<u32>>; 3] =
            [&|| ArrayMut::open(&path), &|| ArrayMut::open_to_finish(&path), &|| {
                every.open_mut(&path)
            }];
        for open in opens {
            begun(&path);
            let mut x = open().expect("unlocked by closing");
            x.flush().expect("flushed");
            x.flush_rows(0..1000).expect("flushed");
            assert_eq!((x.durable_rows(), x.durable_from(400)), (0, 400..400));
            x.write_rows(400, &[7; 200]).expect("written");
            assert_eq!(x.durable_from(400), 400..400, "not synced yet");
            x.flush_rows(400..450).expect("flushed");
            assert_eq!(x.durable_from(400), 400..450);
            x.flush().expect("flushed");
            let from = [0, 399, 400, 450, 499, 500, 1000, 5000].map(|row| x.durable_from(row).end);
            assert_eq!(from, [0, 399, 500, 500, 500, 500, 1000, 5000]);
            x.write_rows(450, &[8; 2]).expect("written again");
            assert_eq!(x.durable_from(400), 400..450);
            x.write_rows(0, &[7; 800]).expect("written");
            x.flush().expect("flushed");
            assert_eq!((x.durable_rows(), x.durable_from(10)), (500, 10..500));
            x.close().expect("closed");
        }
    }
}

#[test]
fn a_thread_that_pauses_before_its_row_holds_the_count_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    begun(&path);
    let x = Mutex::new(ArrayMut::<u32>::open(&path).expect("unlocked by closing"));
    let next = AtomicUsize::new(400);
    let (paused, go_on) = (Barrier::new(3), Barrier::new(2));
    let write = |row| x.lock().write_rows(row, &[7; 2]).expect("written");
    let take = || Some(next.fetch_add(1, Relaxed)).filter(|&row| row < 1000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let row = take().expect("the first");
            paused.wait();
            go_on.wait();
            write(row);
        });
        let others = [(); 2].map(|()| {
            scope.spawn(|| {
                paused.wait();
                while let Some(row) = take() {
                    write(row);
                }
            })
        });
        for thread in others {
            thread.join().expect("no panic");
        }
        // If killed here, row 400 would be zeros, and all others correct.
        x.lock().flush().expect("flushed");
        assert_eq!(x.lock().durable_from(400), 400..400);
        assert_eq!(x.lock().durable_from(401), 401..1000);
        go_on.wait();
    });
    let x = x.into_inner();
    x.flush().expect("flushed");
    assert_eq!((x.durable_rows(), x.durable_from(400)), (0, 400..1000));
    x.close().expect("closed");
}
