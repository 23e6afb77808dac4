//! Every view forwards every method of [`Source`] to its base.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rowmill_core::{
    Array, ArrayMut, Concat, CreateOptions, Error, Identity, Merged, Part, Permuted, Result, Shape,
    Source, SourceFile, Tile, TileBuffer,
};

const DIMS: [usize; 3] = [12, 3, 4];
const ROW: usize = 12;

/// Elements `cols` of these rows.
type Place = (Range<usize>, Range<usize>);

#[derive(Debug, Default)]
struct Seen {
    /// The requested tiles, and whether below a memory ceiling.
    tiles: Vec<(Place, bool)>,
    released: Vec<Place>,
    prefetched: Vec<Range<usize>>,
    cached: Vec<usize>,
    /// The other methods that were called.
    others: Vec<&'static str>,
}

/// An array file that decodes, records requests and has lost its bytes.
struct Spy {
    array: Array<f32>,
    seen: Mutex<Seen>,
}

impl Spy {
    fn new(path: &Path) -> Self {
        let names = (0..ROW).map(|i| format!("c{i}"));
        let mut x: ArrayMut<f32> =
            CreateOptions::new().columns(names).overwrite(true).create(path, DIMS).expect("new");
        let all: Vec<f32> = (0..DIMS.iter().product::<usize>()).map(|i| i as f32).collect();
        x.write_rows(0, &all).expect("inside");
        x.close().expect("closed");
        Self { array: Array::open(path).expect("opened"), seen: Mutex::default() }
    }

    fn take(&self) -> Seen {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }

    fn asked(&self, what: &'static str) {
        self.seen.lock().expect("no panic").others.push(what);
    }

    fn lost(&self) -> Error {
        Error::RowRange { start: 7, end: 7, rows: 7 }
    }
}

impl Source<f32> for Spy {
    fn shape(&self) -> &Shape {
        self.array.shape()
    }
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<f32>,
    ) -> Result<Tile<'a, f32>> {
        let below = buffer.is_below_ceiling();
        self.seen.lock().expect("no panic").tiles.push(((rows.clone(), cols.clone()), below));
        self.array.tile(rows, cols, buffer)
    }
    fn rows_at_a_time(&self) -> usize {
        5
    }
    fn check(&self) -> Result<()> {
        self.asked("check");
        Err(self.lost())
    }
    fn verify(&self) -> Result<()> {
        self.asked("verify");
        Err(self.lost())
    }
    fn identity(&self) -> Option<Identity> {
        self.array.identity()
    }
    fn files(&self) -> Vec<SourceFile> {
        self.array.files()
    }
    fn column_names(&self) -> Option<Cow<'_, [String]>> {
        self.array.column_names()
    }
    fn release(&self, rows: Range<usize>, cols: Range<usize>) {
        if rows.end > self.shape().rows() {
            return;
        }
        self.seen.lock().expect("no panic").released.push((rows, cols));
    }
    fn is_cached(&self, row: usize) -> bool {
        self.seen.lock().expect("no panic").cached.push(row);
        row >= self.shape().rows()
    }
    fn prefetch(&self, rows: Range<usize>) {
        if rows.end > self.shape().rows() {
            return;
        }
        self.seen.lock().expect("no panic").prefetched.push(rows);
    }
}

/// The least that a user's view has to implement: all rows but the first two.
struct Behind<S>(S, Shape);

impl<S: Source<f32>> Source<f32> for Behind<S> {
    fn shape(&self) -> &Shape {
        &self.1
    }
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<f32>,
    ) -> Result<Tile<'a, f32>> {
        self.0.tile(self.rows_in_base(rows), cols, buffer)
    }
    fn base(&self) -> Option<&dyn Source<f32>> {
        Some(&self.0)
    }
    fn rows_in_base(&self, rows: Range<usize>) -> Range<usize> {
        rows.start + 2..rows.end + 2
    }
}

struct View {
    name: &'static str,
    view: Box<dyn Source<f32>>,
    /// The position of row `i` of the view in the array.
    row: fn(usize) -> usize,
    /// The columns that the names say.
    names: Option<Vec<usize>>,
}

/// Every view of an array, and views of views.
fn views(of: &Arc<Spy>) -> Vec<View> {
    fn view(
        name: &'static str,
        view: impl Source<f32> + 'static,
        row: fn(usize) -> usize,
        names: Option<Vec<usize>>,
    ) -> View {
        View { name, view: Box::new(view), row, names }
    }
    let x = || Arc::clone(of);
    let all = || Some((0..ROW).collect::<Vec<_>>());
    let leaked: &'static Arc<Spy> = Box::leak(Box::new(x()));
    let part = Part::new(x());
    let swapped = Permuted::new(x(), &[0, 2, 1]).expect("an order");
    let behind = Behind(x(), Shape::new([10, 3, 4]).expect("small"));
    vec![
        view("Arc", x(), |i| i, all()),
        view("&Arc", leaked, |i| i, all()),
        view("Box<Arc>", Box::new(x()), |i| i, all()),
        view("all", part.clone(), |i| i, all()),
        view("rows", part.clone().rows(3..9).expect("inside"), |i| i + 3, all()),
        view(
            "reversed",
            part.clone().rows((0..12).rev().collect::<Vec<_>>()).expect("inside"),
            |i| 11 - i,
            all(),
        ),
        view("columns", part.columns(2..11).expect("inside"), |i| i, Some((2..11).collect())),
        view("merged", Merged::new(x(), 2).expect("two axes"), |i| i / 3, None),
        view("one axis merged", Merged::new(x(), 1).expect("one axis"), |i| i, all()),
        view("permuted", swapped.clone(), |i| i, None),
        view("in order", Permuted::new(x(), &[0, 1, 2]).expect("an order"), |i| i, all()),
        view("merged permuted", Merged::new(swapped, 2).expect("two axes"), |i| i / 4, None),
        view("one of one", Concat::new([x()]).expect("one array"), |i| i, all()),
        view("two of one", Concat::new([x(), x()]).expect("one array"), |i| i % 12, all()),
        view("somebody's", behind, |i| i + 2, all()),
    ]
}

#[test]
fn every_view_forwards_requests() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    let spy = Arc::new(Spy::new(&path));
    for View { name, view, row, names } in views(&spy) {
        let (rows, row_len) = (view.shape().rows(), view.shape().row_len());
        let in_base = |rows: Range<usize>| {
            let mut all: Vec<usize> = rows.map(row).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        let covered = |runs: &[Range<usize>]| {
            let mut all: Vec<usize> = runs.iter().cloned().flatten().collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        for some in [0..1, 1..5, rows - 2..rows, 0..rows] {
            view.prefetch(some.clone());
            let seen = covered(&spy.take().prefetched);
            assert_eq!(seen, in_base(some.clone()), "{name}: prefetch {some:?}");

            view.release(some.clone(), 0..row_len);
            let released = spy.take().released;
            let seen = covered(&released.iter().map(|(rows, _)| rows.clone()).collect::<Vec<_>>());
            // A source reordered below a ceiling was released on the way.
            let expected = if name.contains("permuted") { vec![] } else { in_base(some.clone()) };
            assert_eq!(seen, expected, "{name}: release {some:?}");

            for below in [false, true] {
                let mut buffer = TileBuffer::new().below_ceiling(below);
                view.tile(some.clone(), 0..row_len, &mut buffer).expect(name);
                view.rows(some.clone(), &mut buffer).expect(name);
                let mut to = vec![0.0; some.len() * row_len];
                view.read_rows(some.clone(), &mut to, &mut buffer).expect(name);
                let tiles = spy.take().tiles;
                assert!(tiles.iter().all(|(_, seen)| *seen == below), "{name}: {below} {tiles:?}");
                let seen: Vec<_> = tiles.into_iter().map(|((rows, _), _)| rows).collect();
                let expected = in_base(some.clone());
                let read = covered(&seen);
                assert!(expected.iter().all(|row| read.contains(row)), "{name}: {some:?} {read:?}");
            }
        }
        for i in [0, rows / 2, rows - 1] {
            assert!(!view.is_cached(i), "{name}: is_cached");
            assert_eq!(spy.take().cached, [row(i)], "{name}: is_cached {i}");
        }
        // Hints about missing rows do nothing.
        assert!(view.is_cached(rows), "{name}");
        view.prefetch(rows..rows + 1);
        view.release(rows..rows + 1, 0..row_len);
        let seen = spy.take();
        assert!(seen.prefetched.is_empty() && seen.released.is_empty(), "{name}: {seen:?}");

        assert!(matches!(view.check(), Err(Error::RowRange { rows: 7, .. })), "{name}: check");
        assert!(matches!(view.verify(), Err(Error::RowRange { rows: 7, .. })), "{name}: verify");
        let others = spy.take().others;
        assert_eq!(others, ["check", "verify"], "{name}");

        assert!(view.rows_at_a_time() >= 5, "{name}: rows_at_a_time");
        assert!(!view.files().is_empty(), "{name}: files");
        let names = names.map(|cols| cols.iter().map(|i| format!("c{i}")).collect::<Vec<_>>());
        assert_eq!(view.column_names().as_deref(), names.as_deref(), "{name}: column_names");
        assert!(view.identity().is_some(), "{name}: identity");
    }
}

/// An identity distinguishes views of one file, and files.
#[test]
fn identities_tell_views_apart() {
    let dir = tempfile::tempdir().expect("a folder");
    let all = |file: &str| -> Vec<(&'static str, Identity)> {
        let spy = Arc::new(Spy::new(&dir.path().join(file)));
        views(&spy)
            .into_iter()
            .map(|View { name, view, .. }| (name, view.identity().expect(name)))
            .collect()
    };
    let (of_one, of_other) = (all("x.npy"), all("y.npy"));
    // These are the unchanged array.
    let same = ["Arc", "&Arc", "Box<Arc>", "all", "one of one"];
    for (i, (a, x)) in of_one.iter().enumerate() {
        for (b, y) in &of_one[i + 1..] {
            let both = same.contains(a) && same.contains(b);
            assert_eq!(x == y, both, "{a} and {b}");
        }
        assert_ne!(x, &of_other[i].1, "{a} of another file");
    }
}
