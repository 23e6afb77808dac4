//! The arrays of the corpus. Integers from splitmix64 become elements by their bits alone, without
//! the platform's math library.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;

use rowmill::file::{Backend, ByteOrder, Order, RawSpec, npy};
use rowmill::view::{SliceSource, Tile, TileBuffer};
use rowmill::{
    Array, Complex, DType, Element, FileError, Numeric, OpenOptions, Shape, Source, bf16, f16,
};
use tempfile::TempDir;
use twox_hash::XxHash3_64;

use crate::answer::Number;
use crate::common::Rng;

/// An element type.
pub(crate) trait TestElement: Element {
    /// An element of a kind of values, from two random numbers.
    fn generate(values: &str, a: u64, b: u64) -> Self;
    /// Appends its bytes.
    fn put(self, byte_order: ByteOrder, to: &mut Vec<u8>);
}

/// A type that supports all reductions.
pub(crate) trait Real: TestElement + Numeric<Sum: Into<Number>> {
    fn number(self) -> Number;
}

macro_rules! put {
    () => {
        fn put(self, byte_order: ByteOrder, to: &mut Vec<u8>) {
            match byte_order {
                ByteOrder::Little => to.extend(self.to_le_bytes()),
                ByteOrder::Big => to.extend(self.to_be_bytes()),
            }
        }
    };
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl TestElement for $t {
            fn generate(values: &str, a: u64, b: u64) -> Self {
                match (values, a % 4) {
                    ("small", _) => (b % 10) as Self,
                    ("extreme", 0) => Self::MIN,
                    ("extreme", 1) => Self::MAX,
                    ("extreme", 2) => Self::MAX - 1,
                    _ => (b as Self) >> ((a >> 8) % u64::from(Self::BITS)),
                }
            }
            put!();
        }
        impl Real for $t {
            fn number(self) -> Number {
                Number::Integer(self.into())
            }
        }
    )*};
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

impl TestElement for bool {
    fn generate(_: &str, a: u64, _: u64) -> Self {
        !a.is_multiple_of(3)
    }
    fn put(self, _: ByteOrder, to: &mut Vec<u8>) {
        to.push(self.into());
    }
}

impl Real for bool {
    fn number(self) -> Number {
        self.into()
    }
}

/// A float format: the bits of the fraction, the exponent bias, and the distance of one in four
/// elements from 1, in binary exponents.
struct Bits {
    fraction: u32,
    bias: u64,
    reach: u64,
}

impl Bits {
    /// Zero to nine, as the exponent and the leading bits of the fraction.
    fn small(&self, n: u64) -> u64 {
        let exponent = u64::from(n.checked_ilog2().unwrap_or(0));
        let leading = (n ^ 1 << exponent) << (u64::from(self.fraction) - exponent);
        if n == 0 { 0 } else { (self.bias + exponent) << self.fraction | leading }
    }

    fn of(&self, values: &str, a: u64, b: u64) -> u64 {
        let (exponents, sign) =
            (2 * self.bias + 1, (b >> 63) * (exponents_end(self) << self.fraction));
        let infinity = exponents << self.fraction;
        match (values, a % 40) {
            ("small", _) => return self.small(b % 10),
            // All values are far from zero and close to each other.
            ("offset", _) => {
                let low = (1 << (self.fraction - self.fraction / 3)) - 1;
                return (self.bias + 13).min(exponents - 2) << self.fraction | (b & low);
            }
            ("nan" | "special", 0) => return infinity | 1 << (self.fraction - 1),
            ("special", 1) => return infinity | sign,
            ("special", 2) => return sign,
            ("special", 3) => return 1 | sign,
            _ => {}
        }
        let near = (a >> 8) % 6;
        let far = (a >> 8) % (2 * self.reach) + 3;
        let from_one =
            if (a >> 40).is_multiple_of(4) { far.wrapping_sub(self.reach) } else { near };
        let exponent = self.bias.wrapping_add(from_one).wrapping_sub(3);
        sign | exponent << self.fraction | (b & ((1 << self.fraction) - 1))
    }
}

/// The position of the sign, above the exponent.
fn exponents_end(bits: &Bits) -> u64 {
    2 * bits.bias + 2
}

macro_rules! floats {
    ($($t:ty: $bits:ty, $fraction:literal, $bias:literal, $reach:literal;)*) => {$(
        impl TestElement for $t {
            fn generate(values: &str, a: u64, b: u64) -> Self {
                let bits = Bits { fraction: $fraction, bias: $bias, reach: $reach };
                Self::from_bits(bits.of(values, a, b) as $bits)
            }
            put!();
        }
        impl Real for $t {
            fn number(self) -> Number {
                Number::Float(self.into())
            }
        }
    )*};
}
floats! {
    f16: u16, 10, 15, 8;
    bf16: u16, 7, 127, 40;
    f32: u32, 23, 127, 40;
    f64: u64, 52, 1023, 100;
}

macro_rules! complex {
    ($($t:ty),*) => {$(
        impl TestElement for Complex<$t> {
            fn generate(values: &str, a: u64, b: u64) -> Self {
                let swapped = b.rotate_left(24) ^ a;
                Self::new(<$t>::generate(values, a, b), <$t>::generate(values, swapped, a))
            }
            fn put(self, byte_order: ByteOrder, to: &mut Vec<u8>) {
                self.re.put(byte_order, to);
                self.im.put(byte_order, to);
            }
        }
    )*};
}
complex!(f32, f64);

/// The elements of an array, in C order. The seed is the XXH3 of `DTYPE SHAPE VALUES`.
pub(crate) fn elements<T: TestElement>(dtype: &str, shape: &str, values: &str) -> Vec<T> {
    let len = dims(shape, T::DTYPE).iter().product();
    let seed = XxHash3_64::oneshot(format!("{dtype} {shape} {values}").as_bytes());
    let mut random = Rng::new(seed);
    (0..len).map(|_| T::generate(values, random.bits(), random.bits())).collect()
}

/// The shapes, from empty to many blocks of 512 KiB.
pub(crate) fn dims(shape: &str, dtype: DType) -> Vec<usize> {
    match shape {
        "scalar" => vec![],
        "no-rows" => vec![0, 3],
        "no-columns" => vec![3, 0],
        "tiny" => vec![5, 3],
        "vector" => vec![1000],
        "edges" => vec![129, 33],
        // Two to five blocks.
        "blocks" => vec![if dtype.size() < 4 { 2100 } else { 1100 }, 257],
        // A row longer than 16 KiB is cut into tiles.
        "wide" => vec![5, 20_000],
        "long" => vec![50_000, 3],
        "longer" => vec![200_000, 3],
        "cube" => vec![7, 12, 10],
        "blocks-cube" => vec![12, 40, 310],
        other => panic!("{other:?} is no shape"),
    }
}

/// The layouts of a file, and the ways to read it.
pub(crate) const LAYOUTS: [&str; 7] = [
    "in memory",
    "mapped",
    "big-endian, mapped",
    "fortran, mapped",
    "fortran big-endian, read",
    "misaligned, mapped",
    "read",
];

/// An array of any layout.
pub(crate) type AnySource<'a, T> = Box<dyn Source<T> + 'a>;

/// An array of the corpus.
pub(crate) struct Input<T> {
    pub(crate) dims: Vec<usize>,
    pub(crate) values: Vec<T>,
    /// The path of its files, without the extension.
    stem: PathBuf,
}

impl<T: TestElement> Input<T> {
    fn bytes(&self, order: Order, byte_order: ByteOrder, to: &mut Vec<u8>) {
        match order {
            Order::C => self.values.iter().for_each(|x| x.put(byte_order, to)),
            Order::F => fortran(&self.dims, &mut |i| self.values[i].put(byte_order, to)),
        }
    }

    pub(crate) fn source(&self, layout: &str) -> AnySource<'_, T> {
        let has = |word: &str| layout.contains(word);
        if has("memory") {
            return Box::new(
                SliceSource::new(&self.values, &self.dims[..]).expect("matching shape"),
            );
        }
        let order = if has("fortran") { Order::F } else { Order::C };
        let byte_order = if has("big") { ByteOrder::Big } else { ByteOrder::Little };
        let backend = if has("read") { Backend::Positioned } else { Backend::Mapped };
        let options = OpenOptions::new().backend(backend);
        let shape = Shape::new(&self.dims[..]).expect("a shape");
        let path = self.stem.with_extension(layout.replace([',', ' '], "-"));
        // .npy has no code for bfloat16.
        let raw = has("misaligned") || T::DTYPE == DType::Bf16;
        let offset = if has("misaligned") { 3 } else { 0 };
        let spec = RawSpec::new(T::DTYPE, shape.clone()).offset(offset);
        let spec = spec.order(order).byte_order(byte_order);
        if !path.exists() {
            let mut bytes = if raw {
                vec![0xff; offset as usize]
            } else {
                npy::write(T::DTYPE, byte_order, order, &shape)
            };
            self.bytes(order, byte_order, &mut bytes);
            std::fs::write(&path, bytes).expect("enough space");
        }
        let options = if raw { options.spec(spec) } else { options };
        let array: Array<T> = options.open(&path).unwrap_or_else(|error| panic!("{error}"));
        Box::new(array)
    }
}

/// Visits the C-order indices of all elements in Fortran order.
fn fortran(dims: &[usize], each: &mut dyn FnMut(usize)) {
    let Some((&last, before)) = dims.split_last() else { return each(0) };
    for i in 0..last {
        fortran(before, &mut |i_rest| each(i_rest * last + i));
    }
}

type ShapeAndValues = (&'static str, &'static str);

/// The arrays of one dtype, each created once.
pub(crate) struct Inputs<T> {
    dtype: &'static str,
    folder: TempDir,
    cache: RefCell<HashMap<ShapeAndValues, Rc<Input<T>>>>,
}

impl<T: TestElement> Inputs<T> {
    pub(crate) fn new(dtype: &'static str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { dtype, folder, cache: RefCell::default() }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn get(&self, shape: &'static str, values: &'static str) -> Rc<Input<T>> {
        let mut cache = self.cache.borrow_mut();
        let make = || {
            Rc::new(Input {
                dims: dims(shape, T::DTYPE),
                values: elements(self.dtype, shape, values),
                stem: self.folder.path().join(format!("{}-{shape}-{values}", self.dtype)),
            })
        };
        Rc::clone(cache.entry((shape, values)).or_insert_with(make))
    }
}

/// The elements or rows that an array mask keeps: two in three.
pub(crate) fn mask(dims: &[usize], rows_only: bool) -> (Vec<bool>, Vec<usize>) {
    let dims = if rows_only { &dims[..dims.len().min(1)] } else { dims };
    let mut random = Rng::new(dims.iter().fold(17, |seed, dim| seed * 31 + *dim as u64));
    let len = dims.iter().product();
    ((0..len).map(|_| !random.bits().is_multiple_of(3)).collect(), dims.to_vec())
}

/// A weight for each element: multiples of 1/8 below 4, including zero.
pub(crate) fn weights(len: usize) -> Vec<f64> {
    let mut random = Rng::new(len as u64);
    (0..len).map(|_| (random.bits() % 32) as f64 / 8.0).collect()
}

/// A source whose reads start to fail, and whose identity never changes.
pub(crate) struct Failing<'a, T> {
    pub(crate) source: &'a AnySource<'a, T>,
    pub(crate) left: std::sync::atomic::AtomicUsize,
}

impl<T: Element> Source<T> for Failing<'_, T> {
    fn shape(&self) -> &Shape {
        self.source.shape()
    }

    fn tile<'a>(
        &'a self,
        rows: Range<usize>,
        cols: Range<usize>,
        buffer: &'a mut TileBuffer<T>,
    ) -> Result<Tile<'a, T>, FileError> {
        use std::sync::atomic::Ordering;
        let decrement = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, decrement).is_err() {
            let source = std::io::Error::other("the disk is gone");
            return Err(FileError::Io { action: "read", path: PathBuf::from("golden"), source });
        }
        self.source.tile(rows, cols, buffer)
    }

    fn identity(&self) -> Option<rowmill::file::Identity> {
        let file = serde_json::json!({"number": 4, "created": 5, "len": 1, "hash": 6});
        let identity = serde_json::json!({"file": file, "modified": 2, "changed": 3});
        serde_json::from_value(identity).ok()
    }
}
