//! The files that the calls read: some from the workspace, others made from integers.

use std::path::Path;

use rowmill::{ArrayMut, Element, bf16, f16};

fn array<T: Element>(folder: &Path, name: &str, dims: &[usize], value: impl Fn(usize) -> T) {
    let values: Vec<T> = (0..dims.iter().product()).map(value).collect();
    let mut array = ArrayMut::<T>::create(folder.join(name), dims).expect("a new array");
    array.write_rows(0, &values).expect("matching shape");
    array.close().expect("written");
}

/// A number from 0 to 2^24, without a pattern that would show in sums.
fn mixed(i: usize) -> u32 {
    let x = (i as u32).wrapping_mul(0x9e37_79b9);
    (x ^ x >> 15).wrapping_mul(0x85eb_ca6b) >> 8
}

pub(crate) fn write(folder: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let copy = |from: &str, to: &str| {
        std::fs::copy(root.join(from), folder.join(to)).unwrap_or_else(|e| panic!("{from}: {e}"));
    };
    copy("examples/data/weather.npy", "weather.npy");
    copy("examples/data/weather.npy.meta.json", "weather.npy.meta.json");
    for name in ["f8-be-f-2d-v1", "i4-be-f-3d-v3", "f4-minus-inf-nan", "f8-inf", "u8-le-c-2d-v1"] {
        copy(&format!("tests/fixtures/npy/{name}.npy"), &format!("{name}.npy"));
    }
    for name in ["i2-le-c-no-columns-v1", "i8-be-c-no-rows-v1", "f2-all-nan", "b1-single-c-2d-v2"] {
        copy(&format!("tests/fixtures/npy/{name}.npy"), &format!("{name}.npy"));
    }
    array(folder, "rows.npy", &[26_115], |i| !mixed(i).is_multiple_of(3));
    array(folder, "elements.npy", &[26_115, 9], |i| !mixed(i).is_multiple_of(4));
    array(folder, "f64.npy", &[40_000, 5], |i| f64::from(mixed(i)) / 1024.0 - 8000.0);
    array(folder, "f16.npy", &[300, 7], |i| f16::from_f32((mixed(i) % 2000) as f32 / 8.0));
    array(folder, "bf16.dat", &[300, 7], |i| bf16::from_f32((mixed(i) % 200) as f32));
    array(folder, "i16.npy", &[30_000, 11], |i| mixed(i) as i16);
    array(folder, "u64.npy", &[100, 3], |i| u64::MAX / 100 - u64::from(mixed(i)));
    array(folder, "i64-overflow.npy", &[4, 2], |i| i64::MAX - i as i64);
    array(folder, "c64.npy", &[50, 4], |i| {
        rowmill::Complex::new((mixed(i) % 100) as f32, -((i % 7) as f32))
    });
    array(folder, "cube.npy", &[6, 50, 40], |i| (mixed(i) % 5000) as f32 / 16.0);
    array(folder, "more.npy", &[3, 7], |i| f16::from_f32(i as f32));
    let text =
        |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("enough space");
    text("raw.dat", "0123456789abcdef0123456789abcdef");
    text("bad.npy", "no array at all");
    text("cut.npy", "\u{1}NUMPY");
}
