//! Shared helpers: seeded numbers, exact arithmetic, files of every layout.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

pub mod erased;
pub mod exact;
pub mod layouts;
pub mod number;
pub mod oracle;
pub mod value;

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use rowmill::engine::Isa;
use rowmill::file::{ByteOrder, Order, npy};
use rowmill::{ChunkSize, Engine, Shape};
use value::Value;

/// Seeded random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    /// A float in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// A float from the normal distribution with mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

pub fn engine(workers: usize, chunk: ChunkSize, isa: Isa) -> Engine {
    Engine::builder().workers(workers).chunk(chunk).isa(isa).build().expect("an engine")
}

pub fn two_workers() -> Engine {
    engine(2, ChunkSize::Auto, Isa::detect())
}

/// Runs `work`, which could hang, and fails the test if it takes longer than `seconds`.
pub fn within<R: Send + 'static>(seconds: u64, work: impl FnOnce() -> R + Send + 'static) -> R {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(work()));
    match receive.recv_timeout(Duration::from_secs(seconds)) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("no end after {seconds} seconds"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("the work panicked"),
    }
}

/// The position in Fortran order of each element, in C order.
pub fn fortran_positions(dims: &[usize]) -> Vec<usize> {
    let len: usize = dims.iter().product();
    let mut strides = vec![1; dims.len()];
    for axis in 1..dims.len() {
        strides[axis] = strides[axis - 1] * dims[axis - 1];
    }
    (0..len)
        .map(|mut i| {
            let mut place = 0;
            for axis in (0..dims.len()).rev() {
                place += i % dims[axis] * strides[axis];
                i /= dims[axis];
            }
            place
        })
        .collect()
}

/// The bytes of elements given in C order, in any layout.
pub fn encode<T: Value>(
    values: &[T],
    dims: &[usize],
    order: Order,
    byte_order: ByteOrder,
) -> Vec<u8> {
    let (size, native) = (size_of::<T>(), T::bytes(values));
    if (order, byte_order) == (Order::C, ByteOrder::NATIVE) {
        return native.to_vec();
    }
    let mut bytes = vec![0; native.len()];
    let places = match order {
        Order::C => (0..values.len()).collect(),
        Order::F => fortran_positions(dims),
    };
    for (value, place) in native.chunks_exact(size).zip(places) {
        let to = &mut bytes[place * size..][..size];
        to.copy_from_slice(value);
        if byte_order != ByteOrder::NATIVE {
            to.reverse();
        }
    }
    bytes
}

/// Writes a `.npy` file of any layout, from elements in C order.
pub fn write_npy<T: Value>(
    path: &Path,
    values: &[T],
    dims: &[usize],
    order: Order,
    byte_order: ByteOrder,
) {
    let shape = Shape::new(dims).expect("a shape");
    let mut bytes = npy::write(T::DTYPE, byte_order, order, &shape);
    bytes.extend(encode(values, dims, order, byte_order));
    std::fs::write(path, bytes).expect("the file is written");
}

/// The names of all files in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> = entries
        .map(|e| e.expect("an entry").file_name().into_string().expect("a plain name"))
        .collect();
    names.sort();
    names
}
