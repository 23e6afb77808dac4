//! No job of the library replaces its inputs, or a file that the user did not give up: `write_npy`,
//! checkpoints, fits and profiles, in every spelling of the path.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rowmill::durable::Outputs;
use rowmill::{
    Array, ArrayMut, Checkpoint, Condition, CreateOptions, Error, FileError, Mask, Normalize,
    Source, Sum, WeightedMean, map_elements,
};

use crate::common::two_workers;

fn array(path: &Path) -> Array<f32> {
    let mut x = ArrayMut::<f32>::create(path, [6, 2]).expect("created");
    x.write_rows(0, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1.0, 2.0, 3.0])
        .expect("written");
    x.close().expect("closed");
    Array::open(path).expect("just made")
}

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.filter(|p| p.is_file()).map(|p| (p.clone(), fs::read(p).expect("read"))).collect()
}

/// A file under all its names, and the files that belong to it.
fn targets(folder: &Path, name: &str) -> Vec<PathBuf> {
    let at = |name: &str| folder.join(name);
    let mut all = vec![at(name), at(&format!("./{name}")), at(&format!("{name}.meta.json"))];
    all.push(at(&format!(".{name}.rowmill-journal")));
    if cfg!(unix) {
        fs::hard_link(at(name), at(&format!("hard-{name}"))).expect("linked");
        all.push(at(&format!("hard-{name}")));
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(at(name), at(&format!("soft-{name}"))).expect("linked");
        all.push(at(&format!("soft-{name}")));
        std::os::unix::fs::symlink(folder, at(&format!("folder-{name}"))).expect("linked");
        all.push(at(&format!("folder-{name}/{name}")));
    }
    all
}

#[track_caller]
fn assert_taken(outcome: rowmill::Result<()>, what: &str, target: &Path) {
    let refused = matches!(outcome, Err(Error::File(FileError::Taken { .. })));
    assert!(refused, "{what} to {}: {outcome:?}", target.display());
}

#[test]
fn no_job_overwrites_its_inputs() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path();
    let x = array(&folder.join("x.npy"));
    let w = array(&folder.join("w.npy"));
    let mask = folder.join("m.npy");
    ArrayMut::<bool>::create(&mask, [6, 2]).expect("created").close().expect("closed");
    let mask = Array::<bool>::open(&mask).expect("just made");
    let engine = two_workers();
    let (x_targets, weights_targets, mask_targets) =
        (targets(folder, "x.npy"), targets(folder, "w.npy"), targets(folder, "m.npy"));
    let before = contents(folder);
    let twice = || map_elements(|v: f32| v * 2.0);
    let free = folder.join("free.npy");
    for target in &x_targets {
        let part = x.part().rows(0..3).expect("inside");
        assert_taken(engine.map(&x, twice()).overwrite(true).write_npy(target), "map", target);
        assert_taken(engine.map(&part, twice()).overwrite(true).write_npy(target), "part", target);
        let over = CreateOptions::new().overwrite(true);
        assert_taken(engine.map(&x, twice()).write(target, &over), "map with options", target);
        let z = Normalize::z_score().per_column();
        assert_taken(
            engine.normalize(&x, z).overwrite(true).write_npy(target),
            "normalize",
            target,
        );
        assert_taken(engine.rows(&x, &[1, 0]).overwrite(true).write_npy(target), "rows", target);
        let checkpoint = Checkpoint::at(target).label("twice");
        let sum = engine.on(&x).checkpoint(&checkpoint).reduce(Sum::all());
        assert_taken(sum.map(drop), "the checkpoint of a sum", target);
        let map = engine.map(&x, twice()).checkpoint(&checkpoint).write_npy(&free);
        assert_taken(map, "the checkpoint of a map", target);
        let normalized = engine.normalize(&x, z).checkpoint(&checkpoint).write_npy(&free);
        assert_taken(normalized, "the checkpoint of a normalization", target);
        let consume = |_, ()| std::ops::ControlFlow::Continue(());
        let stream = engine.on(&x).checkpoint(&checkpoint).stream(|_| Ok(()), consume);
        assert_taken(stream, "the checkpoint of a stream", target);
    }
    for target in &mask_targets {
        let checkpoint = Checkpoint::at(target);
        let kernel = (Sum::all(), Sum::per_column().masked(Mask::array(&mask)));
        let sum = engine.on(&x).checkpoint(&checkpoint).reduce(kernel);
        assert_taken(sum.map(drop), "the checkpoint of a masked sum", target);
    }
    for target in &weights_targets {
        let checkpoint = Checkpoint::at(target);
        let mean = engine.on(&x).checkpoint(&checkpoint).reduce(WeightedMean::by(&w).all());
        assert_taken(mean.map(drop), "the checkpoint of a weighted mean", target);
        let condition: Condition = "[1] > 2".parse().expect("a condition");
        let kernel = Sum::all().masked(condition.on(&w));
        let sum = engine.on(&x).checkpoint(&checkpoint).reduce(kernel);
        assert_taken(sum.map(drop), "the checkpoint of a sum under a condition", target);
    }
    let checkpoint = Checkpoint::at(&free).label("twice");
    let both = engine.map(&x, twice()).checkpoint(&checkpoint).write_npy(&free);
    assert_taken(both, "output and checkpoint", &free);
    assert_eq!(contents(folder), before);
}

#[test]
fn existing_files_are_replaced_only_on_request() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let (x, other) = (array(&at("x.npy")), at("other.npy"));
    array(&other);
    fs::write(at("notes.npy"), "mine").expect("written");
    fs::write(at("fit.json"), "{\"mine\": 1}").expect("written");
    let before = contents(dir.path());
    let engine = two_workers();
    let z = Normalize::z_score().per_column();
    let refused = engine.normalize(&x, z).write_npy(&other).unwrap_err();
    assert!(refused.to_string().contains("`.overwrite(true)`"), "{refused}");
    assert!(matches!(refused, Error::File(FileError::Exists { .. })), "{refused}");
    let refused = engine.normalize(&x, z).overwrite(true).write_npy(at("notes.npy")).unwrap_err();
    assert!(matches!(refused, Error::File(FileError::OtherKind { .. })), "{refused}");
    let fitted = engine.fit(&x, z).expect("read");
    let over = Outputs::new().overwrite(true);
    fitted.save(at("fit.json"), &over).expect_err("somebody's");
    assert_eq!(contents(dir.path()), before);
    engine.normalize(&x, z).overwrite(true).write_npy(&other).expect("requested");
    fitted.save(at("new.json"), &Outputs::new()).expect("free");
    fitted.save(at("new.json"), &Outputs::new()).expect("identical file");
    engine
        .fit(&x, Normalize::min_max())
        .expect("read")
        .save(at("new.json"), &over)
        .expect("requested");
}

#[test]
fn an_output_created_during_the_job_is_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let x = array(&at("x.npy"));
    let out = at("z.npy");
    let checkpoint = Checkpoint::at(at("c")).label("late");
    let once = std::sync::Once::new();
    let late = map_elements(|v: f32| {
        // The job holds the hidden name of the output, not the output's own.
        once.call_once(|| {
            drop(array(&at("theirs.npy")));
            fs::rename(at("theirs.npy"), &out).expect("renamed");
        });
        v
    });
    let engine = two_workers();
    let refused = engine.map(&x, late).checkpoint(&checkpoint).write_npy(&out).unwrap_err();
    assert!(matches!(refused, Error::File(FileError::Exists { .. })), "{refused}");
    let theirs = Array::<f32>::open(&out).expect("theirs");
    assert_eq!(theirs.as_slice(), x.as_slice());
    // The computed elements are not lost either: they take this name once the other file is gone.
    let again = || {
        let same = map_elements(|_: f32| -> f32 { panic!("all is done") });
        engine.map(&x, same).checkpoint(&checkpoint)
    };
    again().write_npy(&out).expect_err("still theirs");
    again().overwrite(true).write_npy(&out).expect("requested");
    assert!(!at("c").exists() && !at(".z.npy.rowmill-partial").exists());
    assert_eq!(Source::<f32>::files(&x)[0].path(), at("x.npy"));
}
