//! Every instruction set of this machine, operation by operation. In a separate test, so that the
//! loops are not compiled again for unit tests.

use rowmill_lanes::arch::{Interval, Isa, Job, Simd, copy_past_cache};

#[test]
fn copies_past_the_cache_of_every_alignment() {
    let from: Vec<u8> = (0..1000_u32).map(|i| (i * 7) as u8).collect();
    for (start, end) in [(0, 1000), (1, 1), (3, 5), (1, 64), (5, 700), (64, 128), (17, 145)] {
        for shift in [0, 1, 15, 16, 63] {
            let mut to = vec![0_u8; 2000];
            copy_past_cache(&from[start..end], &mut to[shift..shift + end - start]);
            assert_eq!(to[shift..shift + end - start], from[start..end]);
            let others = to[..shift].iter().chain(&to[shift + end - start..]);
            assert!(others.copied().all(|byte| byte == 0));
        }
    }
}

#[test]
fn names_read_back_and_others_are_refused() {
    for isa in Isa::available() {
        assert_eq!(isa.to_string().parse(), Ok(isa));
    }
    let error = "sse9".parse::<Isa>().expect_err("no such thing");
    assert!(error.to_string().contains("baseline"), "{error}");
}

/// Every operation, on numbers of every kind.
struct Operations;

/// The result of an operation, as bits.
fn bits(x: impl IntoIterator<Item = f64>) -> Vec<u64> {
    x.into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
}

impl Job for Operations {
    type Output = Vec<(&'static str, Vec<u64>)>;

    #[inline(always)]
    fn run(self, simd: impl Simd) -> Self::Output {
        let doubles = [0.0, -0.0, 1.5, -3.25, f64::NAN, f64::INFINITY, 1e-310, -1e300];
        let singles = [0.0, -0.0, 0.1, -7.5, f32::NAN, f32::NEG_INFINITY, 1e-40, 3e38];
        let (ints, longs) = (
            [0, -1, 5, i32::MIN, i32::MAX, 7, -7, 6],
            [0_i64, -1, 5, i64::MIN, i64::MAX, 7, -7, 6],
        );
        let mut out = Vec::new();
        for turn in 0..8 {
            let (mut a, mut b, mut x, mut y) = (doubles, doubles, singles, singles);
            a.rotate_left(turn);
            b.reverse();
            x.rotate_left(turn);
            y.reverse();
            out.push(("add", bits(simd.add(a, b))));
            out.push(("sub", bits(simd.sub(a, b))));
            out.push(("mul", bits(simd.mul(a, b))));
            out.push(("widen", bits(simd.widen(x))));
            out.push(("lower_f64", bits(simd.lower_f64(a, b))));
            out.push(("higher_f64", bits(simd.higher_f64(a, b))));
            out.push(("lower_f32", bits(simd.lower_f32(x, y).map(f64::from))));
            out.push(("higher_f32", bits(simd.higher_f32(x, y).map(f64::from))));
            let halves = x.map(half::f16::from_f32);
            out.push(("widen_f16", bits(simd.widen_f16(halves).map(f64::from))));
            let bytes = std::array::from_fn(|i| (i * 37 + turn) as u8);
            let sums = simd.sum_u8([turn as u64; 8], bytes);
            out.push(("sum_u8", vec![sums.iter().sum()]));
            let shorts = std::array::from_fn(|i| (i * 9973 + turn * 4099) as i16);
            let sums = simd.sum_i16([turn as i32; 16], shorts);
            out.push(("sum_i16", vec![sums.iter().sum::<i32>() as u64]));
            let mut keep = [0, 1, 255, 0, 128, 127, 0, 2];
            keep.rotate_left(turn);
            let words = ints.map(|x| x as u32);
            let kept = simd.keep_32(words, keep);
            out.push(("keep_32", kept.map(u64::from).to_vec()));
            out.push(("keep_64", simd.keep_64(longs.map(|x| x as u64), keep).to_vec()));
            let chosen = simd.choose_32(keep, words, [7; 8]);
            out.push(("choose_32", chosen.map(u64::from).to_vec()));
            out.push(("choose_64", simd.choose_64(keep, [5; 8], [u64::MAX; 8]).to_vec()));
            let count = simd.count_kept([turn as u32; 8], keep);
            out.push(("count_kept", count.map(u64::from).to_vec()));
            let seen = simd.note_nan_f32([0, 0, 0, 0, 0, 0, 0, 1], x);
            out.push(("note_nan", seen.map(|n| u64::from(n != 0)).to_vec()));
            for negate in [false, true] {
                let mut count = [turn as u32; 8];
                let kept = simd.within_f32(x, &Interval { lo: -8.0, hi: 0.1, negate }, &mut count);
                out.push(("within_f32", bits(kept.map(f64::from))));
                let kept = simd.within_f64(a, &Interval { lo: -4.0, hi: 0.0, negate }, &mut count);
                out.push(("within_f64", bits(kept)));
                let kept = simd.within_i32(ints, &Interval { lo: -1, hi: 6, negate }, &mut count);
                out.push(("within_i32", kept.map(|x| x as u64).to_vec()));
                let kept = simd.within_i64(longs, &Interval { lo: -1, hi: 6, negate }, &mut count);
                out.push(("within_i64", kept.map(|x| x as u64).to_vec()));
                out.push(("count", count.map(u64::from).to_vec()));
            }
        }
        out
    }
}

#[test]
fn every_instruction_set_computes_the_same_bits() {
    let plain = Isa::BASELINE.run(Operations);
    for isa in Isa::available() {
        for (found, expected) in isa.run(Operations).iter().zip(&plain) {
            assert_eq!(found, expected, "{isa}");
        }
    }
}

#[test]
fn every_wrapper_runs_the_job() {
    struct Twice(u64);
    impl Job for Twice {
        type Output = u64;
        #[inline(always)]
        fn run(self, _: impl Simd) -> u64 {
            self.0 * 2
        }
    }
    for isa in Isa::available() {
        assert_eq!(isa.run(Twice(21)), 42);
    }
}
