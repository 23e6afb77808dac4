//! Probe.
use rowmill::*;
use std::ops::ControlFlow;
use std::time::Duration;

fn within<R: Send + 'static>(s: u64, f: impl FnOnce() -> R + Send + 'static) -> Option<R> {
    let (tx, rx) = std::sync::mpsc::channel();
    std::thread::spawn(move || { let _ = tx.send(f()); });
    rx.recv_timeout(Duration::from_secs(s)).ok()
}

#[test]
fn wide_positioned() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let (rows, cols) = (100, 5001);
    let mut x = ArrayMut::<f32>::create(&path, [rows, cols]).unwrap();
    let mut s = 1u64;
    for v in x.rows_mut(0..rows).unwrap() { s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); *v = ((s >> 40) as f32).powi(3) / 1e9; }
    x.close().unwrap();
    let a = Array::<f32>::open(&path).unwrap();
    let b = OpenOptions::new().backend(Backend::Positioned).open::<f32>(&path).unwrap();
    let e = Engine::builder().workers(1).build().unwrap();
    let (x, y) = (e.reduce(&a, Moments::all()).unwrap(), e.reduce(&b, Moments::all()).unwrap());
    println!("{x:?}\n{y:?}");
    let (x, y) = (e.reduce(&a, Sum::all()).unwrap(), e.reduce(&b, Sum::all()).unwrap());
    assert_eq!(x.to_bits(), y.to_bits());
}
#[test]
fn masked_outlier() {
    let mut v: Vec<f64> = (0..100).map(f64::from).collect();
    v[0] = 1e200;
    let x = SliceSource::new(&v, [100]).unwrap();
    let e = Engine::new().unwrap();
    let m = e.reduce(&x, Moments::all().masked(Mask::value(|v| v < 1e6))).unwrap();
    println!("{m:?}");
    assert!(m.var.is_finite());
}
#[test]
fn rows_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let x = SliceSource::new(&[] as &[f32], [3, 0]).unwrap();
    let e = Engine::new().unwrap();
    e.map(&x, map_rows([2], |_: &[f32], o: &mut [f32]| o.fill(5.0))).write_npy(&path).unwrap();
    assert_eq!(Array::<f32>::open(&path).unwrap().as_slice().unwrap(), [5.0; 6]);
}
#[test]
fn stream_deadlock() {
    for workers in [2, 3, 8] {
        let r = within(30, move || {
            let v = vec![1.0f32; 200_000 * 16];
            let x = SliceSource::new(&v, [200_000, 16]).unwrap();
            let e = Engine::builder().workers(workers).chunk(ChunkSize::Rows(1)).build().unwrap();
            let mut n = 0;
            e.stream(&x, |c| Ok(c.as_slice().iter().sum::<f32>()), |_, _| { n += 1; if n % 10000 == 0 { eprintln!("{n}"); } ControlFlow::Continue(()) }).unwrap();
            n
        });
        println!("{workers} {r:?}");
        assert_eq!(r, Some(200_000));
    }
}
#[test]
fn stream_nested_consumer() {
    let r = within(20, move || {
        let v = vec![1.0f32; 1 << 20];
        let x = SliceSource::new(&v, [1 << 10, 1 << 10]).unwrap();
        let e = Engine::builder().workers(2).chunk(ChunkSize::Rows(8)).build().unwrap();
        let mut t = 0.0;
        e.stream(&x, |c| Ok(c.as_slice().len()), |_, _| { t += e.reduce(&x, Sum::all()).unwrap(); ControlFlow::Continue(()) }).unwrap();
        t
    });
    assert!(r.is_some());
}
#[test]
fn stream_progress_thread() {
    let me = std::thread::current().id();
    let other = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let o2 = other.clone();
    let v = vec![1.0f32; 1 << 20];
    let x = SliceSource::new(&v, [1 << 10, 1 << 10]).unwrap();
    let e = Engine::builder().workers(2).progress(move |_| { if std::thread::current().id() != me { o2.fetch_add(1, std::sync::atomic::Ordering::Relaxed); } }).build().unwrap();
    e.stream(&x, |c| Ok(c.as_slice().len()), |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(other.load(std::sync::atomic::Ordering::Relaxed), 0);
}
#[test]
fn nist() {
    for (name, base, want, min) in [("3", 1000000.0, 0.1, 9.0), ("4", 10000000.0, 0.1, 8.0)] {
        let mut v: Vec<f64> = vec![base + 0.2];
        if name == "3" { v = vec![1000000.2]; for i in 0..1000 { v.push(if i % 2 == 0 { 1000000.1 } else { 1000000.3 }); } }
        else { v = vec![10000000.2]; for i in 0..1000 { v.push(if i % 2 == 0 { 10000000.1 } else { 10000000.3 }); } }
        let x = SliceSource::new(&v, [1001]).unwrap();
        let y = SliceSource::new(&v, [1, 1001]).unwrap();
        let e = Engine::new().unwrap();
        let mean = v.iter().sum::<f64>() / 1001.0;
        let two: f64 = (v.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1000.0).sqrt();
        for s in [e.reduce(&x, Moments::all().ddof(1)).unwrap(), e.reduce(&y, Moments::all().ddof(1)).unwrap(), e.reduce(&x, Moments::per_column().ddof(1)).unwrap()[0], e.reduce(&y, Moments::per_row().ddof(1)).unwrap()[0]] {
            let lre = -((s.std() - want).abs() / want).log10();
            println!("{name} mean {:?} std {:?} lre {lre} two-pass {two:?} {}", s.mean, s.std(), -((s.std() - two).abs() / two).log10());
            let _ = min;
        }
    }
    let mut s = 1u64;
    let mut next = || { s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); (s >> 11) as f64 / 9007199254740992.0 };
    let v: Vec<f64> = (0..50_000).map(|_| 1e8 + (-2.0 * (next() + 1e-300).ln()).sqrt() * (next() * 6.283).cos()).collect();
    let x = SliceSource::new(&v, [50_000]).unwrap();
    let got = Engine::new().unwrap().reduce(&x, Moments::all()).unwrap();
    let m = v.iter().map(|x| x - 1e8).sum::<f64>() / 5e4;
    let want = v.iter().map(|x| (x - 1e8 - m).powi(2)).sum::<f64>() / 5e4;
    println!("normal {} {want} rel {}", got.var, (got.var - want).abs() / want);
}
