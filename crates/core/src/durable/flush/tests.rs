//! The thread and its policies against a disk that is simulated, blocked and failing.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::{FlushPolicy, Flusher, Ledger};
use crate::array::ArrayMut;
use crate::error::{Error, Result};
use crate::map::Disk;

mod files;

const HOUR: Duration = Duration::from_secs(3600);

/// The record of a test's disk, and the failures to inject.
#[derive(Debug, Default)]
struct Inner {
    syncs: usize,
    ended: usize,
    under_way: usize,
    /// Which sync fails, counted from 1.
    fails_at: usize,
    held: bool,
    image: Vec<u8>,
}

/// A disk that has the file's contents from the start of the last sync. It can block a sync, and
/// fail.
#[derive(Clone, Debug, Default)]
struct Simulated {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Condvar>,
    file: Option<PathBuf>,
}

impl Simulated {
    fn of(path: &Path) -> Self {
        Self { file: Some(path.to_owned()), ..Self::default() }
    }

    fn failing_at(self, sync: usize) -> Self {
        self.inner.lock().fails_at = sync;
        self
    }

    fn set_held(&self, held: bool) {
        self.inner.lock().held = held;
        self.changed.notify_all();
    }

    /// Waits until this many syncs have begun.
    fn wait_until(&self, what: impl Fn(&Inner) -> bool) {
        let mut inner = self.inner.lock();
        while !what(&inner) {
            let late = self.changed.wait_for(&mut inner, Duration::from_secs(60)).timed_out();
            assert!(!late, "no sync came: {inner:?}");
        }
    }

    fn syncs(&self) -> usize {
        self.inner.lock().syncs
    }
}

impl Disk for Simulated {
    fn sync(&self, bytes: Option<Range<usize>>) -> Result<()> {
        let now = self.file.as_ref().map(|f| std::fs::read(f).expect("the file"));
        let mut inner = self.inner.lock();
        inner.syncs += 1;
        inner.under_way += 1;
        assert_eq!(inner.under_way, 1, "one sync at a time");
        self.changed.notify_all();
        while inner.held {
            self.changed.wait(&mut inner);
        }
        inner.under_way -= 1;
        inner.ended += 1;
        self.changed.notify_all();
        if inner.syncs == inner.fails_at {
            let error = io::Error::other(format!("disk error {}", inner.syncs));
            return Err(Error::io("flush", Path::new("x.npy"))(error));
        }
        if let Some(now) = now {
            let bytes = bytes.unwrap_or(0..now.len());
            inner.image.resize(now.len(), 0xee);
            inner.image[bytes.clone()].copy_from_slice(&now[bytes]);
        }
        Ok(())
    }
}

fn flusher(disk: &Simulated, policy: FlushPolicy) -> Flusher {
    Flusher::start(Path::new("x.npy"), Box::new(disk.clone()), policy, Ledger::default())
        .expect("a thread")
}

fn write(flusher: &Flusher, rows: Range<usize>) {
    flusher.begin(rows.clone()).expect("not poisoned");
    flusher.end(rows);
}

#[test]
fn every_so_many_rows() {
    let disk = Simulated::default();
    let flusher = flusher(&disk, FlushPolicy::EveryRows(10));
    write(&flusher, 0..9);
    assert_eq!((disk.syncs(), flusher.durable_from(0).end), (0, 0));
    disk.set_held(true);
    write(&flusher, 9..10);
    disk.wait_until(|d| d.syncs == 1);
    // The writer continues meanwhile; nothing is durable before the sync has returned.
    write(&flusher, 10..25);
    assert_eq!(flusher.durable_from(0).end, 0);
    disk.set_held(false);
    disk.wait_until(|d| d.ended == 2);
    write(&flusher, 25..30);
    flusher.flush(None).expect("flushed");
    assert_eq!((disk.syncs(), flusher.durable_from(0).end), (3, 30));
    flusher.close().expect("closed");
    assert_eq!(disk.syncs(), 4);
}

#[test]
fn writers_wait_rather_than_leave_more_behind() {
    let disk = Simulated::default();
    let flusher = flusher(&disk, FlushPolicy::AtMost(10));
    disk.set_held(true);
    write(&flusher, 0..5);
    disk.wait_until(|d| d.syncs == 1);
    write(&flusher, 5..10);
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| write(&flusher, 10..12));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!waits.is_finished(), "ten are behind");
        disk.set_held(false);
        waits.join().expect("no panic");
    });
    assert!(flusher.durable_from(0).end >= 5);
    // A larger write has to come alone; less than half is synced when space is needed.
    flusher.flush(None).expect("flushed");
    write(&flusher, 12..13);
    write(&flusher, 13..113);
    assert!(flusher.durable_from(0).end >= 13);
    let mut rows = 113;
    for i in 0..300 {
        let next = rows + 1 + i % 4;
        if i % 2 == 0 {
            write(&flusher, rows..next);
        } else {
            flusher.lend(rows..next).expect("not poisoned");
        }
        rows = next;
        let behind = rows - flusher.durable_from(0).end;
        assert!(behind <= 10 || i < 1, "{behind} rows behind");
    }
    flusher.close().expect("closed");
}

#[test]
fn a_waiting_writer_learns_of_the_failure() {
    let disk = Simulated::default().failing_at(1);
    let flusher = flusher(&disk, FlushPolicy::AtMost(2));
    let late = Instant::now() + Duration::from_secs(60);
    let mut failed = Ok(());
    while failed.is_ok() && Instant::now() < late {
        failed = flusher.begin(0..2);
        flusher.end(0..2);
    }
    assert!(matches!(failed, Err(Error::Poisoned { .. })), "{failed:?}");
}

#[test]
fn every_so_often_and_only_when_something_was_written() {
    let disk = Simulated::default();
    let flusher = flusher(&disk, FlushPolicy::Every(Duration::from_millis(5)));
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(disk.syncs(), 0, "nothing was written");
    write(&flusher, 0..1);
    disk.wait_until(|d| d.ended == 1);
    write(&flusher, 1..3);
    disk.wait_until(|d| d.ended == 2);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!((disk.syncs(), flusher.durable_from(0).end), (2, 3));
}

#[test]
fn lent_rows_are_synced_but_count_when_they_are_back() {
    let disk = Simulated::default();
    let flusher = flusher(&disk, FlushPolicy::Every(Duration::from_millis(1)));
    flusher.lend(0..4).expect("not poisoned");
    disk.wait_until(|d| d.ended >= 3);
    // One is due when they are returned, and no more: it may be over before this thread continues.
    let before = disk.syncs();
    let shared_rows = flusher.durable_from(0).end; // returns them
    assert_eq!(shared_rows, 0);
    disk.wait_until(|d| d.ended > before);
    flusher.flush(None).expect("flushed");
    assert_eq!(flusher.durable_from(0).end, 4);
}

#[test]
fn ends_promptly() {
    for policy in [FlushPolicy::Every(HOUR), FlushPolicy::EveryRows(1000)] {
        let disk = Simulated::default();
        let one = flusher(&disk, policy);
        write(&one, 0..1);
        drop(one); // would take an hour
        assert_eq!(disk.syncs(), 0, "{policy:?}: dropped, not closed");
        let other = flusher(&disk, policy);
        write(&other, 0..1);
        other.close().expect("closed");
        assert_eq!(disk.syncs(), 1, "{policy:?}");
    }
}

#[test]
fn drop_under_each_policy() {
    let every = FlushPolicy::Every(HOUR);
    for (policy, syncs) in [
        (FlushPolicy::Manual, 0),
        (FlushPolicy::OnClose, 1),
        (every, 0),
        (every | FlushPolicy::OnClose, 1),
    ] {
        let disk = Simulated::default();
        let one = flusher(&disk, policy);
        write(&one, 0..1);
        drop(one);
        assert_eq!(disk.syncs(), syncs, "{policy:?}");
        let disk = Simulated::default();
        flusher(&disk, policy).close().expect("closed");
        assert_eq!(disk.syncs(), 1, "{policy:?}: closed once");
    }
}

#[test]
fn a_flush_waits_for_a_sync_under_way_and_then_syncs_itself() {
    let disk = Simulated::default();
    let flusher = flusher(&disk, FlushPolicy::EveryRows(1));
    disk.set_held(true);
    write(&flusher, 0..1);
    disk.wait_until(|d| d.syncs == 1);
    write(&flusher, 1..2);
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| flusher.flush(None));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!flush.is_finished());
        disk.set_held(false);
        flush.join().expect("no panic").expect("flushed");
    });
    // The disk itself checks that they were never two at a time.
    assert_eq!(flusher.durable_from(0).end, 2);
    assert!(disk.syncs() >= 2);
}

/// An array whose syncs go to `disk`.
fn array(path: &Path, disk: &Simulated, policy: FlushPolicy, rows: usize) -> ArrayMut<u64> {
    let x = ArrayMut::<u64>::create(path, [rows, 4]).expect("created");
    x.with_disk(Box::new(disk.clone()), policy)
}

#[test]
fn the_first_failure_stays() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    let disk = Simulated::of(&path).failing_at(2);
    let mut x = array(&path, &disk, FlushPolicy::Manual, 8);
    x.write_rows(0, &[1; 16]).expect("written");
    x.flush_rows(0..3).expect("the first sync is good");
    x.rows_mut(3..5).expect("lent").fill(2);
    let first = x.flush().expect_err("the second is not");
    assert!(matches!(&first, Error::Io { action: "flush", .. }), "{first}");
    let poisoned = |found: Result<()>| match found {
        Err(Error::Poisoned { first, .. }) => assert_eq!(first, "disk error 2"),
        other => panic!("{other:?}"),
    };
    poisoned(x.flush());
    poisoned(x.flush_rows(0..1));
    poisoned(x.write_rows(0, &[3; 4]));
    poisoned(x.rows_mut(0..1).map(|_| ()));
    assert_eq!(x.durable_rows(), 3, "what was durable is so still");
    poisoned(x.close());
    assert_eq!(disk.syncs(), 2, "no sync after one that failed");
}

#[test]
fn a_failure_in_the_background_reaches_the_writer() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    let disk = Simulated::of(&path).failing_at(1);
    let mut x = array(&path, &disk, FlushPolicy::EveryRows(1), 1000);
    let late = Instant::now() + Duration::from_secs(60);
    let mut rows = (0..1000).cycle().take_while(|_| Instant::now() < late);
    let failed = rows.find_map(|row| x.write_rows(row, &[1; 4]).err());
    assert!(matches!(failed, Some(Error::Poisoned { .. })), "{failed:?}");
    assert_eq!(x.durable_rows(), 0);
    assert!(matches!(x.close(), Err(Error::Poisoned { .. })));
    assert_eq!(disk.syncs(), 1, "no sync after one that failed");
}

#[test]
fn durable_rows_are_in_the_image_of_the_disk() {
    const ROWS: usize = 3000;
    let dir = tempfile::tempdir().expect("a folder");
    let policies = [
        FlushPolicy::EveryRows(7),
        FlushPolicy::Every(Duration::from_micros(300)),
        FlushPolicy::EveryRows(50) | FlushPolicy::Every(Duration::from_millis(1)),
        FlushPolicy::AtMost(20),
        FlushPolicy::Manual,
    ];
    for (i, policy) in policies.into_iter().enumerate() {
        let path = dir.path().join(format!("{i}.npy"));
        let disk = Simulated::of(&path);
        let mut x = array(&path, &disk, policy, ROWS);
        let offset = x.meta().offset as usize;
        for row in 0..ROWS {
            let value = row as u64 + 1;
            if row % 3 == 0 {
                x.rows_mut(row..row + 1).expect("lent").fill(value);
            } else {
                x.write_rows(row, &[value; 4]).expect("written");
            }
            let late = Instant::now() + Duration::from_secs(60);
            while row == 100 && policy != FlushPolicy::Manual && x.durable_rows() == 0 {
                assert!(Instant::now() < late, "{policy:?}: no sync came");
                std::thread::sleep(Duration::from_millis(1));
            }
            if row % 500 == 499 {
                x.write_rows(row - 400, &[value; 4]).expect("written again");
                x.flush_rows(row - 450..row + 1).expect("flushed");
            }
            let durable = x.durable_rows();
            let image = disk.inner.lock().image.clone();
            let file = std::fs::read(&path).expect("the file");
            let end = offset + durable * 32;
            assert!(durable == 0 || image[offset..end] == file[offset..end], "{policy:?} {row}");
            assert!(durable <= row + 1);
        }
        x.flush().expect("flushed");
        assert_eq!(x.durable_rows(), ROWS);
        x.close().expect("closed");
        assert_eq!(disk.inner.lock().image, std::fs::read(&path).expect("the file"));
    }
}
