//! The account of durable rows against a simulated disk, and the thread against one that fails.

use std::collections::BTreeSet;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use proptest::prelude::*;

use super::rows::{Ledger, MOST_RUNS, RowSet};
use super::{Disk, FlushPolicy, Flusher};
use crate::{ArrayMut, Error, Result};

const HOUR: Duration = Duration::from_secs(3600);

fn some_rows(most: usize) -> impl Strategy<Value = Range<usize>> {
    (0..most, 0..most).prop_map(|(a, b)| a.min(b)..a.max(b))
}

proptest! {
    #[test]
    fn sets_of_rows(steps in prop::collection::vec((any::<bool>(), some_rows(40)), 0..60)) {
        let (mut set, mut model) = (RowSet::default(), BTreeSet::new());
        for (insert, rows) in steps {
            if insert {
                set.insert(rows.clone());
                model.extend(rows);
            } else {
                let taken = set.take(rows.clone());
                let expected: BTreeSet<_> = model.extract_if(rows, |_| true).collect();
                prop_assert_eq!(taken, expected.iter().fold(RowSet::default(), |mut s, &r| {
                    s.insert(r..r + 1);
                    s
                }));
            }
            prop_assert_eq!(set.is_empty(), model.is_empty());
            let prefix = (0..).take_while(|r| model.contains(r)).count();
            prop_assert_eq!(set.prefix(), prefix);
        }
    }
}

#[test]
fn scattered_rows_are_forgotten_not_piled_up() {
    let mut set = RowSet::default();
    for i in 0..MOST_RUNS * 2 {
        set.insert(i * 2..i * 2 + 1);
    }
    let kept = set.take(0..usize::MAX);
    let expected = (0..MOST_RUNS).fold(RowSet::default(), |mut s, i| {
        s.insert(i * 2..i * 2 + 1);
        s
    });
    assert_eq!(kept, expected);
}

#[derive(Clone, Debug)]
enum Step {
    Begin(Range<usize>),
    /// The writer is done with all rows that it began.
    End,
    StartSync(Range<usize>),
    EndSync(bool),
    /// The kernel writes these rows by itself, whatever state they are in.
    WriteBack(Range<usize>),
}

const ROWS: usize = 12;

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => some_rows(ROWS + 1).prop_map(Step::Begin),
        3 => Just(Step::End),
        1 => some_rows(ROWS + 1).prop_map(Step::StartSync),
        1 => Just(Step::StartSync(0..usize::MAX)),
        2 => prop::bool::weighted(0.9).prop_map(Step::EndSync),
        1 => some_rows(ROWS + 1).prop_map(Step::WriteBack),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// A row is a version, `None` while it is being written. Power can be cut after any step.
    #[test]
    fn durable_rows_are_on_the_simulated_disk(steps in prop::collection::vec(a_step(), 0..60)) {
        let mut ledger = Ledger::default();
        let mut memory = [Some(0); ROWS];
        let mut disk = [Some(0); ROWS];
        // What a sync under way will have brought to the disk, at least.
        let mut promised: Option<[Option<Option<usize>>; ROWS]> = None;
        let (mut writing, mut written) = (Vec::new(), [false; ROWS]);
        // After a sync that failed the kernel takes these rows for written: later ones skip them.
        let mut lost = [false; ROWS];
        for (version, step) in (1..).zip(steps) {
            match step {
                Step::Begin(rows) => {
                    ledger.begin(rows.clone());
                    memory[rows.clone()].fill(None);
                    written[rows.clone()].fill(false);
                    lost[rows.clone()].fill(false);
                    writing.push(rows);
                }
                Step::End => {
                    for rows in writing.drain(..) {
                        memory[rows.clone()].fill(Some(version));
                        ledger.end(rows);
                    }
                }
                Step::StartSync(rows) if promised.is_none() => {
                    ledger.start_sync(rows.clone());
                    let found = |r| (rows.contains(&r) && !lost[r]).then_some(memory[r]);
                    promised = Some(std::array::from_fn(found));
                }
                Step::StartSync(_) => {}
                Step::EndSync(ok) => {
                    if let Some(promised) = promised.take() {
                        ledger.end_sync(ok);
                        for (r, promised) in promised.into_iter().enumerate() {
                            // A good sync writes at least what it found when it began.
                            let Some(found) = promised else { continue };
                            let same = found.is_some() && found == memory[r];
                            if ok {
                                disk[r] = found;
                                written[r] |= same;
                            } else {
                                lost[r] = same && !written[r];
                            }
                        }
                    }
                }
                Step::WriteBack(rows) => disk[rows.clone()].copy_from_slice(&memory[rows]),
            }
            let durable = ledger.durable_rows();
            for r in 0..durable {
                prop_assert!(disk[r].is_some() && disk[r] == memory[r], "row {} of {}", r, durable);
            }
            // Nor does it promise less than it could.
            let most = (0..ROWS).take_while(|&r| written[r] && memory[r] != Some(0)).count();
            prop_assert_eq!(durable, most);
        }
    }
}

/// What a test's disk has seen, and what it shall do.
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

/// A disk that has what the file held when the last sync began. It can hold a sync back and fail.
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

    /// Waits until so many syncs have begun.
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
    Flusher::start(Path::new("x.npy"), Box::new(disk.clone()), policy, 0..0).expect("a thread")
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
    assert_eq!((disk.syncs(), flusher.durable_rows()), (0, 0));
    disk.set_held(true);
    write(&flusher, 9..10);
    disk.wait_until(|d| d.syncs == 1);
    // The writer goes on meanwhile; nothing is durable before the sync has returned.
    write(&flusher, 10..25);
    assert_eq!(flusher.durable_rows(), 0);
    disk.set_held(false);
    disk.wait_until(|d| d.ended == 2);
    write(&flusher, 25..30);
    flusher.flush(None).expect("flushed");
    assert_eq!((disk.syncs(), flusher.durable_rows()), (3, 30));
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
    assert!(flusher.durable_rows() >= 5);
    // More than that at a time has to come alone; less than half is synced when room is needed.
    flusher.flush(None).expect("flushed");
    write(&flusher, 12..13);
    write(&flusher, 13..113);
    assert!(flusher.durable_rows() >= 13);
    let mut rows = 113;
    for i in 0..300 {
        let next = rows + 1 + i % 4;
        if i % 2 == 0 {
            write(&flusher, rows..next);
        } else {
            flusher.lend(rows..next).expect("not poisoned");
        }
        rows = next;
        let behind = rows - flusher.durable_rows();
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
    assert_eq!((disk.syncs(), flusher.durable_rows()), (2, 3));
}

#[test]
fn lent_rows_are_synced_but_count_when_they_are_back() {
    let disk = Simulated::default();
    let flusher = flusher(&disk, FlushPolicy::Every(Duration::from_millis(1)));
    flusher.lend(0..4).expect("not poisoned");
    disk.wait_until(|d| d.ended == 3);
    let shared_rows = flusher.durable_rows(); // hands them back
    assert_eq!(shared_rows, 0);
    let before = disk.syncs();
    disk.wait_until(|d| d.ended > before);
    flusher.flush(None).expect("flushed");
    assert_eq!(flusher.durable_rows(), 4);
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
fn what_drop_does() {
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
    assert_eq!(flusher.durable_rows(), 2);
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
fn what_counts_as_durable_is_in_the_image_of_the_disk() {
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

#[test]
fn real_files_under_every_policy() {
    let dir = tempfile::tempdir().expect("a folder");
    let policies = [
        FlushPolicy::Manual,
        FlushPolicy::OnClose,
        FlushPolicy::EveryRows(10),
        FlushPolicy::Every(Duration::from_millis(1)) | FlushPolicy::OnClose,
    ];
    for policy in policies {
        for name in ["x.npy", "x.dat"] {
            let path = dir.path().join(name);
            let options = crate::CreateOptions::new().flush_policy(policy);
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
            assert_eq!(x.durable_rows().min(31), x.durable_rows().min(50).min(31));
            drop(x); // the lock goes with it, whatever the thread does
            let x = crate::OpenOptions::new().flush_policy(policy).open_mut::<u32>(&path);
            let x = x.expect("unlocked by dropping");
            assert_eq!(x.durable_rows(), 0, "nobody knows");
            x.flush().expect("flushed");
            assert_eq!(x.durable_rows(), 100);
            x.close().expect("closed");
        }
    }
    for dims in [vec![], vec![0, 3], vec![3, 0]] {
        let x = ArrayMut::<u8>::create(dir.path().join("e.npy"), dims.clone()).expect("created");
        x.flush().expect("flushed");
        assert_eq!(x.durable_rows(), if dims == [3, 0] { 3 } else { 0 }, "{dims:?}");
        x.close().expect("closed");
    }
}
