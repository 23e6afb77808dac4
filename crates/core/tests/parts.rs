//! Parts of arrays, and concatenated arrays: every way to read them against indexing element by
//! element, in every layout; and that elements outside a part are not read.

use std::fmt::Debug;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use rowmill_core::{
    Array, Backend, ByteOrder, Complex, Concat, DType, Element, Error, OpenOptions, Order, Part,
    Pick, RawSpec, Result, Shape, Slice, SliceSource, Source, Tile, TileBuffer, bf16, npy,
};

/// Seeded random numbers (splitmix64).
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// An element made from its position.
trait Made: Element {
    fn made(i: usize) -> Self;
    fn little_endian(self) -> Vec<u8>;
    /// The bytes that byte order applies to.
    const WORD: usize = size_of::<Self>();
}

impl Made for Complex<f64> {
    const WORD: usize = 8;
    fn made(i: usize) -> Self {
        Self::new(i as f64, 0.5 - i as f64)
    }
    fn little_endian(self) -> Vec<u8> {
        [self.re.to_le_bytes(), self.im.to_le_bytes()].concat()
    }
}

impl Made for Complex<f32> {
    const WORD: usize = 4;
    fn made(i: usize) -> Self {
        Self::new(i as f32, 0.5 - i as f32)
    }
    fn little_endian(self) -> Vec<u8> {
        [self.re.to_le_bytes(), self.im.to_le_bytes()].concat()
    }
}

impl Made for bf16 {
    fn made(i: usize) -> Self {
        Self::from_bits(i as u16)
    }
    fn little_endian(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

impl Made for bool {
    fn made(i: usize) -> Self {
        (i * i).is_multiple_of(3)
    }
    fn little_endian(self) -> Vec<u8> {
        vec![self.into()]
    }
}

impl Made for u16 {
    fn made(i: usize) -> Self {
        i as Self
    }
    fn little_endian(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

impl Made for f64 {
    fn made(i: usize) -> Self {
        i as Self + 0.25
    }
    fn little_endian(self) -> Vec<u8> {
        self.to_le_bytes().to_vec()
    }
}

/// The position in the file of element `i` in C order.
fn place(dims: &[usize], order: Order, mut i: usize) -> usize {
    if order == Order::C {
        return i;
    }
    let strides: Vec<usize> = (0..dims.len()).map(|axis| dims[..axis].iter().product()).collect();
    let mut at = 0;
    for axis in (0..dims.len()).rev() {
        at += i % dims[axis] * strides[axis];
        i /= dims[axis];
    }
    at
}

/// In memory, and in files of every layout: mapped and read.
fn layouts<'a, T: Made>(
    dir: &Path,
    values: &'a [T],
    dims: &[usize],
) -> Vec<(String, Box<dyn Source<T> + 'a>)> {
    let slice = SliceSource::new(values, dims).expect("as many");
    let mut all: Vec<(String, Box<dyn Source<T> + 'a>)> = vec![("slice".into(), Box::new(slice))];
    for order in [Order::C, Order::F] {
        for byte_order in [ByteOrder::Little, ByteOrder::Big] {
            for offset in [0, 3] {
                let mut bytes = vec![0xab; offset];
                bytes.resize(offset + size_of_val(values), 0);
                for (i, value) in values.iter().enumerate() {
                    let mut element = value.little_endian();
                    if byte_order == ByteOrder::Big {
                        element.chunks_mut(T::WORD).for_each(<[u8]>::reverse);
                    }
                    let at = offset + place(dims, order, i) * size_of::<T>();
                    bytes[at..at + element.len()].copy_from_slice(&element);
                }
                let name = format!("{order:?} {byte_order:?} {offset}");
                let path = dir.join(&name);
                std::fs::write(&path, bytes).expect("written");
                let spec = RawSpec::new(T::DTYPE, Shape::new(dims).expect("small"));
                let spec = spec.order(order).byte_order(byte_order).offset(offset as u64);
                for backend in [Backend::Mapped, Backend::Positioned] {
                    let options = OpenOptions::new().spec(spec.clone()).backend(backend);
                    let array: Array<T> = options.open(&path).expect("written");
                    all.push((format!("{name} {backend:?}"), Box::new(array)));
                }
            }
        }
    }
    all
}

/// The elements to read, twice: as picks of each axis, and as indices of it.
fn random_pick(rng: &mut Rng, len: usize) -> (Pick, Vec<usize>) {
    let some = |rng: &mut Rng| (0..rng.below(6)).map(|_| rng.below(len)).collect::<Vec<_>>();
    match rng.below(if len == 0 { 2 } else { 6 }) {
        0 => ((..).into(), (0..len).collect()),
        1 => {
            let start = rng.below(len + 1);
            let end = start + rng.below(len - start + 1);
            ((start..end).into(), (start..end).collect())
        }
        2 => {
            let (start, step) = (rng.below(len), 1 + rng.below(4));
            ((start.., step).into(), (start..len).step_by(step).collect())
        }
        3 => {
            let slice: Slice = "::-2".parse().expect("a slice");
            (slice.into(), (0..len).rev().step_by(2).collect())
        }
        4 => {
            let list = some(rng);
            (list.clone().into(), list)
        }
        _ => {
            let one = rng.below(len);
            (one.into(), vec![one])
        }
    }
}

/// The elements of a C-order array at all combinations of these indices.
fn picked<T: Copy>(values: &[T], dims: &[usize], picks: &[Vec<usize>]) -> Vec<T> {
    let mut places = vec![0];
    for (axis, indices) in picks.iter().enumerate() {
        places =
            places.iter().flat_map(|at| indices.iter().map(move |i| at * dims[axis] + i)).collect();
    }
    places.into_iter().map(|at| values[at]).collect()
}

/// Every way to read, against a slice of the expected elements.
fn check<T: Element>(name: &str, source: &impl Source<T>, expected: &[T], rng: &mut Rng) {
    let shape = source.shape().clone();
    let (rows, row_len) = (shape.rows(), shape.row_len());
    assert_eq!(shape.len(), expected.len(), "{name}");
    let model = SliceSource::new(expected, shape.dims()).expect("as many");
    let (mut a, mut b) = (TileBuffer::new(), TileBuffer::new());
    for _ in 0..8 {
        let r = rng.below(rows + 1);
        let r = r..r + rng.below(rows - r + 1);
        let c = rng.below(row_len + 1);
        let c = c..c + rng.below(row_len - c + 1);
        let same = |tile: Tile<'_, T>, of: Tile<'_, T>, what: &str| {
            assert_eq!((tile.rows(), tile.cols()), (of.rows(), of.cols()), "{name} {what}");
            assert!(tile.iter_rows().eq(of.iter_rows()), "{name} {what} {r:?} {c:?}");
        };
        let of = model.tile(r.clone(), c.clone(), &mut b).expect("inside");
        same(source.tile(r.clone(), c.clone(), &mut a).expect("inside"), of, "tile");
        let mut under = TileBuffer::new().below_ceiling(true);
        let below = source.tile(r.clone(), c.clone(), &mut under);
        same(below.expect("inside"), of, "below a ceiling");
        if let Some(stored) = source.stored(r.clone(), c.clone()) {
            for (row, of) in stored.iter_rows().zip(of.iter_rows()) {
                assert!(row.iter().map(|&s| T::load(s)).eq(of.iter().copied()), "{name} stored");
            }
        }
        let of = &expected[r.start * row_len..r.end * row_len];
        assert_eq!(source.rows(r.clone(), &mut a).expect("inside"), of, "{name} rows");
        let below = source.rows(r.clone(), &mut under);
        assert_eq!(below.expect("inside"), of, "{name} rows below a ceiling");
        let mut to = vec![T::default(); of.len()];
        source.read_rows(r.clone(), &mut to, &mut a).expect("inside");
        assert_eq!(to, of, "{name} read_rows");
        source.release(r.clone(), c.clone());
        source.prefetch(r.clone());
    }
    if let Some(all) = source.in_place() {
        assert_eq!(all, expected, "{name} in place");
    }
    for (r, c) in [(rows..rows + 1, 0..row_len), (0..rows, row_len..row_len + 1)] {
        assert!(matches!(source.tile(r, c, &mut a), Err(Error::RowRange { .. })), "{name}");
    }
    source.check().expect("all is there");
    source.verify().expect("nobody wrote");
}

fn parts_of<T: Made>() {
    let mut rng = Rng(7 + size_of::<T>() as u64);
    for dims in
        [&[][..], &[0], &[1], &[40], &[13, 9], &[5, 0], &[7, 3, 4], &[3, 2, 3, 2], &[6, 700]]
    {
        let dir = tempfile::tempdir().expect("a folder");
        let values: Vec<T> = (0..dims.iter().product()).map(T::made).collect();
        for (name, source) in layouts(dir.path(), &values, dims) {
            for _ in 0..12 {
                let (picks, indices): (Vec<Pick>, Vec<Vec<usize>>) =
                    dims.iter().map(|&len| random_pick(&mut rng, len)).unzip();
                let name = format!("{dims:?} {name} {picks:?}");
                let part = Part::new(&*source).slices(picks).expect(&name);
                let expected = picked(&values, dims, &indices);
                check(&name, &part, &expected, &mut rng);
                // Columns and rows of a part.
                let (columns, c) = random_pick(&mut rng, part.shape().row_len());
                let (rows, r) = random_pick(&mut rng, part.shape().rows());
                let flat = [part.shape().rows(), part.shape().row_len()];
                let name = format!("{name} columns {columns} rows {rows}");
                let smaller = part.columns(columns).and_then(|p| p.rows(rows)).expect(&name);
                check(&name, &smaller, &picked(&expected, &flat, &[r, c]), &mut rng);
            }
        }
    }
}

#[test]
fn parts_agree_with_indexing() {
    parts_of::<bool>();
    parts_of::<u16>();
    parts_of::<f64>();
    parts_of::<bf16>();
    parts_of::<Complex<f32>>();
    parts_of::<Complex<f64>>();
}

#[test]
fn many_arrays_are_the_rows_of_all() {
    let mut rng = Rng(3);
    for dims in [&[40][..], &[13, 9], &[7, 3, 4], &[0, 5]] {
        let row_len: usize = dims[1..].iter().product();
        let values: Vec<u16> = (0..dims.iter().product()).map(u16::made).collect();
        for _ in 0..6 {
            let mut cuts: Vec<usize> = (0..rng.below(5)).map(|_| rng.below(dims[0] + 1)).collect();
            cuts.extend([0, dims[0]]);
            cuts.sort_unstable();
            let dirs: Vec<_> =
                cuts.iter().map(|_| tempfile::tempdir().expect("a folder")).collect();
            let mut sources = Vec::new();
            for (cut, dir) in cuts.windows(2).zip(&dirs) {
                let mut part = dims.to_vec();
                part[0] = cut[1] - cut[0];
                let values = &values[cut[0] * row_len..cut[1] * row_len];
                let mut all = layouts(dir.path(), values, &part);
                sources.push(all.swap_remove(rng.below(all.len())));
            }
            let names: Vec<_> = sources.iter().map(|(name, _)| name.clone()).collect();
            let x = Concat::new(sources.into_iter().map(|(_, source)| source)).expect("one array");
            let name = format!("{dims:?} {cuts:?} {names:?}");
            check(&name, &x, &values, &mut rng);
            for row in 0..dims[0] {
                let (source, at) = x.locate(row).expect("inside");
                assert_eq!(cuts[source] + at, row, "{name}");
                assert!(at < x.sources()[source].shape().rows(), "{name}");
            }
            assert_eq!(x.locate(dims[0]), None, "{name}");
            let (rows, r) = random_pick(&mut rng, dims[0]);
            let part = x.part().rows(rows).expect("inside");
            let columns = (0..row_len).collect();
            check(&name, &part, &picked(&values, &[dims[0], row_len], &[r, columns]), &mut rng);
        }
    }
}

/// A source that decodes, and counts the requested elements.
struct Counted<'a, T> {
    of: SliceSource<'a, T>,
    elements: AtomicUsize,
    by_columns: bool,
}

impl<T: Element> Source<T> for Counted<'_, T> {
    fn shape(&self) -> &Shape {
        self.of.shape()
    }
    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>> {
        self.elements.fetch_add(rows.len() * cols.len(), Relaxed);
        self.of.tile(rows, cols, buffer)
    }
    fn rows_at_a_time(&self) -> usize {
        if self.by_columns { 1024 } else { 1 }
    }
}

#[test]
fn little_is_read_beside_the_part() {
    let values: Vec<u32> = (0..1_000_000).collect();
    let count = |by_columns: bool, picks: [Pick; 2]| {
        let of = SliceSource::new(&values, [1000, 1000]).expect("as many");
        let source = Counted { of, elements: AtomicUsize::new(0), by_columns };
        let part = source.part().slices(picks).expect("inside");
        let mut buffer = TileBuffer::new();
        let rows = part.shape().rows();
        Source::rows(&part, 0..rows, &mut buffer).expect("inside");
        (part.shape().len(), source.elements.load(Relaxed))
    };
    // A box, far columns, far rows: nothing else.
    assert_eq!(count(false, [(500..510).into(), (20..40).into()]), (200, 200));
    assert_eq!(count(false, [(..).into(), [3, 900].into()]), (2000, 2000));
    assert_eq!(count(false, [(.., 100).into(), (..).into()]), (10_000, 10_000));
    assert_eq!(count(true, [(5..7).into(), (.., 2).into()]), (1000, 1000));
    // Near columns are combined in row-major files, near rows in column-major ones.
    assert_eq!(count(false, [(0..10).into(), (0..100, 2).into()]), (500, 990));
    assert_eq!(count(true, [(0..100, 2).into(), (0..3).into()]), (150, 297));
}

#[test]
#[cfg(target_os = "linux")]
fn only_the_pages_of_a_part_are_touched() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("big.npy");
    let dims = [20_000, 20_000];
    let header =
        npy::write(DType::U8, ByteOrder::NATIVE, Order::C, &Shape::new(dims).expect("400 MB"));
    std::fs::write(&path, &header).expect("written");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("written");
    file.set_len(header.len() as u64 + 400_000_000).expect("sparse");
    // The pages of the process that belong to files now, in KiB.
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
        let line = status.lines().find(|line| line.starts_with("RssFile:")).expect("a line");
        line.split_whitespace().nth(1).and_then(|n| n.parse::<usize>().ok()).expect("a number")
    };
    let options = OpenOptions::new().backend(Backend::Mapped);
    let x: Array<u8> = options.open(&path).expect("written");
    let part = x.part().slices([10_000..10_050, 5000..5100]).expect("inside");
    let before = resident();
    let mut buffer = TileBuffer::new();
    let tile = part.tile(0..50, 0..100, &mut buffer).expect("inside");
    assert_eq!(tile.parts().1, 20_000, "in place");
    assert!(tile.iter_rows().flatten().all(|&x| x == 0));
    // Holes are read around the fault as well, 64 KiB at a time; other tests run meanwhile.
    let grown = resident().saturating_sub(before);
    assert!(grown < 50_000, "{grown} KiB for 50 rows of 100 bytes, in a file of 400 MB");
}

/// Opens the written array, with its identity.
fn written(dir: &Path, name: &str) -> Array<u8> {
    let path = dir.join(name);
    std::fs::write(&path, [7; 12]).expect("written");
    let spec = RawSpec::new(DType::U8, Shape::new([4, 3]).expect("small"));
    Array::open_raw(path, &spec).expect("written")
}

#[test]
fn each_part_and_each_list_of_files_is_an_array_of_its_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let (a, b) = (written(dir.path(), "a.dat"), written(dir.path(), "b.dat"));
    let whole = a.identity();
    assert_eq!(a.part().identity(), whole);
    assert_eq!(Concat::new([&a]).expect("one").identity(), whole);
    let rows = |pick: Pick| a.part().rows(pick).expect("inside").identity();
    let columns = |pick: Pick| a.part().columns(pick).expect("inside").identity();
    let of = |files: &[&Array<u8>]| Concat::new(files.iter().copied()).expect("one").identity();
    let mut seen = vec![
        whole,
        rows((0..2).into()),
        rows((1..3).into()),
        rows((.., 2).into()),
        rows([0, 3, 1].into()),
        columns((0..2).into()),
        columns([0, 2].into()),
        of(&[&a, &b]),
        of(&[&b, &a]),
        of(&[&a, &b, &a]),
        b.identity(),
    ];
    assert_eq!(rows((0..2).into()), seen[1]);
    assert!(seen.iter().all(Option::is_some));
    let n = seen.len();
    seen.dedup();
    for i in 0..n {
        for j in 0..i {
            assert_ne!(seen[i], seen[j], "{i} and {j}");
        }
    }
    let (one, other) = (seen[1].expect("a file"), seen[2].expect("a file"));
    let words = one.differs_from(&other).expect("another part");
    assert!(words.contains("another part"), "{words}");
    let slice = SliceSource::new(&[1_u8, 2], [2]).expect("two");
    assert_eq!(slice.part().rows(0..1).expect("inside").identity(), None);
}

#[track_caller]
fn says<V: Debug>(result: Result<V>, texts: &[&str]) {
    let error = result.expect_err("refused").to_string();
    for text in texts {
        assert!(error.contains(text), "{text:?} is not in {error:?}");
    }
    assert!(error.len() < 600, "{error}");
}

#[test]
fn missing_indices_are_refused_by_name() {
    let values: Vec<u16> = (0..24).collect();
    let x = SliceSource::new(&values, [4, 2, 3]).expect("24");
    says(x.part().rows(2..5), &["row 2..5", "(4, 2, 3)", "has 4"]);
    says(x.part().rows((1..3, 0)), &["row 1..3 with a step of 0", "step of 1 or more"]);
    says(x.part().columns([5, 6]), &["column [5, 6]", "has 6"]);
    says(x.part().axis(2, 3), &["axis 2, index [3]", "has 3"]);
    says(x.part().axis(3, ..), &["4 axes", "has 3"]);
    says(x.part().slices([0..1, 0..1, 0..1, 0..1]), &["4 axes", "(4, 2, 3) has 3"]);
    says(x.part().rows(vec![9; 1_000_000]), &["row [9, 9"]);
    // Repeated beyond what can be counted: an error, no panic.
    let many = vec![0; 1 << 16];
    let one = SliceSource::new(&[7_u16], [1, 1, 1, 1]).expect("one");
    says(one.part().slices(vec![many; 4]), &["too large"]);

    says(Concat::<Array<u8>>::open::<&str>([]), &["at least one"]);
    let other = SliceSource::new(&values, [6, 4]).expect("24");
    says(Concat::new([&x, &other]), &["array number 2", "rows of shape [4]", "array number 1"]);
    let scalar = SliceSource::new(&values[..1], []).expect("one");
    assert_eq!(Concat::new([&scalar]).expect("one alone").shape().ndim(), 0);
    says(Concat::new([&scalar, &scalar]), &["without axes"]);

    let dir = tempfile::tempdir().expect("a folder");
    let paths = ["a.dat", "b.dat"].map(|name| dir.path().join(name));
    std::fs::write(&paths[0], [0; 4]).expect("written");
    std::fs::write(&paths[1], [0; 6]).expect("written");
    let arrays = [(&paths[0], [2, 2]), (&paths[1], [2, 3])].map(|(path, dims)| {
        Array::<u8>::open_raw(path, &RawSpec::new(DType::U8, Shape::new(dims).expect("small")))
    });
    let arrays: Result<Vec<_>> = arrays.into_iter().collect();
    says(
        Concat::of_arrays(arrays.expect("written")),
        &["b.dat has rows of shape [3]", "a.dat has"],
    );
    let none = dir.path().join("*.npy");
    says(rowmill_core::files_like(none.to_str().expect("plain")), &["*.npy", "no file fits"]);
    says(rowmill_core::files_like("a[.npy"), &["a[.npy", "[abc]"]);
}

#[test]
fn patterns_find_files_sorted_and_none_that_is_hidden() {
    let dir = tempfile::tempdir().expect("a folder");
    for name in ["p-2.npy", "p-10.npy", "p-1.npy", ".p-3.npy", "q.npy"] {
        std::fs::write(dir.path().join(name), []).expect("written");
    }
    let like = |pattern: &str| -> Vec<String> {
        let pattern = dir.path().join(pattern);
        let found = rowmill_core::files_like(pattern.to_str().expect("plain")).expect("some");
        let name = |p: std::path::PathBuf| p.file_name().expect("a name").to_string_lossy().into();
        found.into_iter().map(name).collect()
    };
    assert_eq!(like("p-*.npy"), ["p-1.npy", "p-10.npy", "p-2.npy"]);
    assert_eq!(like("*.npy").len(), 4);
    assert_eq!(like("p-[12].npy"), ["p-1.npy", "p-2.npy"]);
}

/// A structured file of records `(u8, T, u8 padding, [T; 3])`, with every layout of it.
fn fields_of<T: Made>(code: &str) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("records.npy");
    let mut rng = Rng(11);
    for dims in [&[0][..], &[1], &[5000], &[30, 7]] {
        let count: usize = dims.iter().product();
        for sign in ['<', '>'] {
            let descr = format!(
                "[('a', '|u1'), ('one', '{sign}{code}'), ('', '|V1'), ('three', '{sign}{code}', (3,))]"
            );
            let shape = Shape::new(dims).expect("small");
            let dict = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}");
            let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
            bytes.extend((dict.len() as u16).to_le_bytes());
            bytes.extend(dict.bytes());
            for record in 0..count {
                let put = |bytes: &mut Vec<u8>, i: usize| {
                    let mut element = T::made(4 * record + i).little_endian();
                    if sign == '>' {
                        element.chunks_mut(T::WORD).for_each(<[u8]>::reverse);
                    }
                    bytes.extend(element);
                };
                bytes.push(0xcd);
                put(&mut bytes, 0);
                bytes.push(0xab);
                (1..4).for_each(|i| put(&mut bytes, i));
            }
            std::fs::write(&path, &bytes).expect("written");
            let one: Vec<T> = (0..count).map(|r| T::made(4 * r)).collect();
            let three: Vec<T> =
                (0..count).flat_map(|r| (1..4).map(move |i| T::made(4 * r + i))).collect();
            for backend in [Backend::Mapped, Backend::Positioned] {
                for (name, expected) in [("one", &one), ("three", &three)] {
                    let options = OpenOptions::new().backend(backend).field(name);
                    let x: Array<T> = options.open(&path).expect("written");
                    let axes = if name == "one" { vec![] } else { vec![3] };
                    assert_eq!(x.shape().dims(), [dims, &axes].concat());
                    let name = format!("{dims:?} {sign}{code} {name} {backend:?}");
                    check(&name, &x, expected, &mut rng);
                }
            }
            // One byte too few, and one too many.
            for (len, word) in [(bytes.len() - 1, "truncated"), (bytes.len() + 1, "extra")] {
                if count > 0 || len > bytes.len() {
                    let mut other = bytes.clone();
                    other.resize(len, 0);
                    std::fs::write(&path, other).expect("written");
                    says(OpenOptions::new().field("one").open::<T>(&path), &[word]);
                }
            }
        }
    }
}

#[test]
fn fields_of_structured_files() {
    fields_of::<u16>("u2");
    fields_of::<f64>("f8");
    fields_of::<Complex<f32>>("c8");
}

#[test]
fn fields_are_read_only_and_arrays_of_their_own() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("r.npy");
    let dict = "{'descr': [('a', '|u1'), ('b', '|u1')], 'fortran_order': False, 'shape': (2,), }";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dict.len() as u16).to_le_bytes());
    bytes.extend(dict.bytes());
    bytes.extend([1, 2, 3, 4]);
    std::fs::write(&path, bytes).expect("written");
    says(Array::<u8>::open(&path), &["r.npy", "fields a, b", "ask for one"]);
    let a = OpenOptions::new().field("a");
    says(a.open_mut::<u8>(&path), &["\"a\"", "read only"]);
    says(a.open_cow::<u8>(&path), &["\"a\"", "read only"]);
    says(a.open::<u16>(&path), &["uint8"]);
    let b = OpenOptions::new().field("b");
    let (a, b) = (a.open::<u8>(&path).expect("a"), b.open::<u8>(&path).expect("b"));
    assert_ne!(a.identity(), b.identity());
    assert_eq!(b.get(&[1]).expect("inside"), 4);
    let raw = written(dir.path(), "x.dat");
    let spec = RawSpec::new(DType::U8, raw.shape().clone());
    says(OpenOptions::new().spec(spec).field("a").open::<u8>(raw.path()), &["no fields", "\"a\""]);
}

#[test]
fn merged_axes_are_the_same_elements() {
    fn merged<T: Made>() {
        let mut rng = Rng(23);
        for dims in
            [&[6][..], &[3, 5], &[4, 3, 5], &[3, 2, 3, 4], &[2, 30, 40], &[3, 0, 4], &[0, 2, 2]]
        {
            let dir = tempfile::tempdir().expect("a folder");
            let values: Vec<T> = (0..dims.iter().product()).map(T::made).collect();
            for (name, source) in layouts(dir.path(), &values, dims) {
                for axes in 1..=dims.len() {
                    let x = source.merge_axes(axes).expect("so many");
                    let rows: usize = dims[..axes].iter().product();
                    assert_eq!(x.shape().dims(), [&[rows], &dims[axes..]].concat());
                    let name = format!("{dims:?} {name} {axes} merged");
                    check(&name, &x, &values, &mut rng);
                }
            }
        }
    }
    merged::<bool>();
    merged::<u16>();
    merged::<Complex<f64>>();
    let dir = tempfile::tempdir().expect("a folder");
    let x = written(dir.path(), "x.dat");
    assert_ne!(x.merge_axes(2).expect("two").identity(), x.identity());
    says(x.merge_axes(3).map(|_| ()), &["3 axes", "has 2"]);
    says(x.merge_axes(0).map(|_| ()), &["0 axes"]);
}
