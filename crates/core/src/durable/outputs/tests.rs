//! Every role against every way to spell a path, and every kind against every other.

use std::collections::BTreeMap;
use std::fs;

use super::*;
use crate::array::{Array, ArrayMut, CreateOptions};
use crate::format::Format;

fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    entries.filter(|p| p.is_file()).map(|p| (p.clone(), fs::read(p).expect("read"))).collect()
}

fn array(path: &Path) {
    let mut x = CreateOptions::new().columns(["a", "b"]).create::<f32>(path, [4, 2]).expect("room");
    x.write_rows(0, &[1.0; 8]).expect("written");
    x.close().expect("closed");
}

/// The other spellings of a file in a folder.
fn aliases(folder: &Path, name: &str) -> Vec<PathBuf> {
    let at = |name: &str| folder.join(name);
    let mut all = vec![at(name), at(&format!("./{name}")), at(&format!("sub/../{name}"))];
    fs::create_dir_all(at("sub")).expect("a folder");
    #[cfg(unix)]
    {
        let again = folder.with_file_name("again");
        if !again.exists() {
            std::os::unix::fs::symlink(folder, &again).expect("linked");
        }
        all.push(again.join(name));
    }
    if at(name).exists() {
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at(name), at(&format!("soft-{name}"))).expect("linked");
            all.push(at(&format!("soft-{name}")));
        }
        fs::hard_link(at(name), at(&format!("hard-{name}"))).expect("linked");
        if cfg!(unix) {
            all.push(at(&format!("hard-{name}")));
        }
    }
    all
}

const READ: [(Role, &str); 6] = [
    (Role::Input, "x.npy"),
    (Role::Mask, "m.npy"),
    (Role::Condition, "c.npy"),
    (Role::Weights, "w.npy"),
    (Role::Partial, "p.json"),
    (Role::Fit, "f.json"),
];

const WRITTEN: [(Role, Kind); 7] = [
    (Role::Output, Kind::Npy),
    (Role::Output, Kind::Raw),
    (Role::Partial, Kind::Partial),
    (Role::Fit, Kind::Fit),
    (Role::Checkpoint, Kind::Checkpoint),
    (Role::Page, Kind::Page),
    (Role::Chart, Kind::Chart),
];

#[test]
fn no_output_replaces_an_input_however_it_is_spelled() {
    let dir = tempfile::tempdir().expect("a folder");
    let folder = dir.path().join("data");
    fs::create_dir(&folder).expect("a folder");
    for (role, name) in READ {
        match role {
            Role::Partial => fs::write(folder.join(name), "{\"format\": \"rowmill partial\"}"),
            Role::Fit => fs::write(folder.join(name), "{\"format\": \"rowmill normalization\"}"),
            _ => {
                array(&folder.join(name));
                Ok(())
            }
        }
        .expect("written");
    }
    let (mut cells, mut wrong) = (0, Vec::new());
    for (role, name) in READ {
        let mut targets = aliases(&folder, name);
        if role.is_array() {
            for beside in [".meta.json", ".tuned.json"] {
                targets.extend(aliases(&folder, &format!("{name}{beside}")));
            }
            for beside in [".rowmill-journal", ".rowmill-append", ".rowmill-partial"] {
                targets.push(folder.join(format!(".{name}{beside}")));
            }
        }
        let before = contents(&folder);
        for target in &targets {
            for (output, kind) in WRITTEN {
                let mut outputs = Outputs::new().overwrite(true);
                outputs.read(role, folder.join(name));
                let saved = outputs.save(output, kind, target, b"lost");
                let planned = outputs.plan(output, kind, target);
                for outcome in [saved, planned] {
                    cells += 1;
                    if !matches!(outcome, Err(Error::Taken { .. })) {
                        let shown = target.display();
                        wrong.push(format!("{output} {shown} over {role} {name}: {outcome:?}"));
                    }
                }
                put_back(&folder, &before, &mut wrong);
            }
        }
    }
    assert!(cells > 600, "{cells}");
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}

/// Describes changes, and reverts them for the cells that follow.
fn put_back(folder: &Path, before: &BTreeMap<PathBuf, Vec<u8>>, wrong: &mut Vec<String>) {
    let after = contents(folder);
    for (path, bytes) in before.iter().filter(|(path, bytes)| after.get(*path) != Some(*bytes)) {
        wrong.push(format!("{} lost its bytes", path.display()));
        fs::write(path, bytes).expect("put back");
    }
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        fs::remove_file(path).expect("just made");
    }
}

#[test]
fn no_output_takes_another_output_of_the_call() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let mut outputs = Outputs::new().overwrite(true);
    outputs.plan(Role::Output, Kind::Npy, at("z.npy")).expect("free");
    outputs.plan(Role::Output, Kind::Npy, at("./z.npy")).expect("the same");
    for taken in ["z.npy", "./z.npy", "z.npy.meta.json", ".z.npy.rowmill-partial"] {
        for (role, kind) in WRITTEN.into_iter().filter(|(role, _)| *role != Role::Output) {
            let refused = outputs.plan(role, kind, at(taken)).expect_err(taken);
            assert!(matches!(refused, Error::Taken { .. }), "{refused}");
        }
    }
    // A hand-made sidecar would be read for it; two arrays of one stem do no harm.
    let mut outputs = Outputs::new().overwrite(true);
    outputs.read(Role::Input, at("d.dat"));
    outputs.plan(Role::Partial, Kind::Partial, at("d_meta.json")).expect_err("a sidecar of d.dat");
    outputs.plan(Role::Output, Kind::Raw, at("d.bin")).expect("another array");
    // Files beside the output count as well: its sidecar would replace the mask.
    let mut outputs = Outputs::new().overwrite(true);
    array(&at("m.npy"));
    outputs.read(Role::Mask, at("m.npy"));
    fs::hard_link(at("m.npy"), at("y.npy.meta.json")).expect("linked");
    if cfg!(unix) {
        let refused = outputs.plan(Role::Output, Kind::Npy, at("y.npy")).expect_err("the mask");
        assert!(refused.to_string().contains("the sidecar"), "{refused}");
    }
}

/// Inode numbers are reused as soon as a file is gone.
#[test]
fn a_file_replaced_by_one_output_does_not_block_another() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    for round in 0..20 {
        fs::write(at("f.json"), "{\"format\": \"rowmill normalization\"}").expect("written");
        let mut outputs = Outputs::new().overwrite(true);
        outputs.plan(Role::Output, Kind::Plain, at("z")).expect("free");
        outputs.plan(Role::Fit, Kind::Fit, at("f.json")).expect("one of ours");
        let fit = format!("{{\"format\": \"rowmill normalization\", \"n\": {round}}}");
        outputs.save(Role::Fit, Kind::Fit, at("f.json"), fit.as_bytes()).expect("replaced");
        outputs.save(Role::Output, Kind::Plain, at("z"), b"new").expect("written");
    }
}

#[test]
fn only_the_same_kind_is_replaced_and_only_when_asked() {
    let kinds: [(Kind, &[u8]); 12] = [
        (Kind::Npy, b""),
        (Kind::Raw, b""),
        (Kind::Sidecar, b"{\"rowmill\": 1, \"columns\": [\"a\"]}"),
        (Kind::Partial, b"{\"files\": [\"x\"], \"partial\": {\"format\": \"rowmill partial\"}}"),
        (Kind::Fit, b"{\"format\": \"rowmill normalization\", \"version\": 1}"),
        (Kind::Profile, b"{\"rowmill_profile\": 1}"),
        (Kind::Checkpoint, b"ROWMILLC and so on"),
        (Kind::Json, b"{\"rowmill\": 1, \"mine\": [1, 2, {\"a\": null}]}"),
        (Kind::OtherPage, b"<!DOCTYPE html>\n<p>mine"),
        (Kind::OtherChart, b"<?xml version=\"1.0\"?>\n<svg/>"),
        (Kind::Text, b"mine"),
        (Kind::Empty, b""),
    ];
    let page = format!("<!doctype html>\n{}", Kind::PAGE_MARK);
    let chart = format!("<svg>{}</svg>", Kind::CHART_MARK);
    let marked: [(Kind, &[u8]); 3] = [
        (Kind::Page, page.as_bytes()),
        (Kind::Chart, chart.as_bytes()),
        (Kind::Plain, &[0xff, 0, 1]),
    ];
    let mut replaced = 0;
    for (kind, bytes) in kinds.into_iter().chain(marked) {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("file");
        match kind {
            Kind::Npy | Kind::Raw => {
                let format = if kind == Kind::Npy { Format::Npy } else { Format::Raw };
                CreateOptions::new().format(format).create::<u8>(&path, [3]).expect("room");
            }
            _ => fs::write(&path, bytes).expect("written"),
        }
        assert_eq!(Kind::of(&path), Some(kind));
        let before = contents(dir.path());
        for (role, written) in WRITTEN.into_iter().chain([(Role::Output, Kind::Plain)]) {
            let allowed = written.replaces(kind);
            for overwrite in [false, true] {
                let outputs = Outputs::new().overwrite(overwrite);
                let planned = outputs.clone().plan(role, written, &path);
                let case = format!("{written} over {kind}, {overwrite}: {planned:?}");
                match planned {
                    Ok(()) => {
                        assert!(allowed && (overwrite || written.is_kept()), "{case}");
                        replaced += 1;
                    }
                    Err(Error::Exists { found, .. }) => {
                        assert!(allowed && !overwrite && found == kind, "{case}");
                    }
                    Err(Error::OtherKind { found, .. }) => {
                        assert!(!allowed && found == kind, "{case}");
                    }
                    Err(_) => panic!("{case}"),
                }
            }
        }
        assert_eq!(contents(dir.path()), before);
    }
    assert!(replaced > 10, "{replaced}");
}

#[test]
fn files_created_meanwhile_stay() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    for overwrite in [false, true] {
        let options = CreateOptions::new().overwrite(overwrite);
        let staged = options.stage::<f32>(&path, [2]).expect("free");
        fs::write(&path, b"mine").expect("written");
        let refused = staged.publish().expect_err("somebody's");
        assert!(matches!(refused, Error::OtherKind { .. }), "{overwrite}: {refused}");
        assert_eq!(fs::read(&path).expect("there"), b"mine");
        fs::remove_file(&path).expect("there");
    }
    // One of the same kind: refused at the rename itself.
    let file = AtomicFile::create(&path).expect("free");
    fs::write(&path, b"mine").expect("written");
    assert!(matches!(file.publish(), Err(Error::Exists { .. })));
    assert_eq!(fs::read(&path).expect("there"), b"mine");
    assert_eq!(contents(dir.path()).len(), 1, "nothing is left over");
}

#[test]
fn the_files_of_a_source_are_known_through_every_view() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("x.npy");
    array(&path);
    let x = Array::<f32>::open(&path).expect("opened");
    let moved = dir.path().join("y.npy");
    // The file counts, not the name that it had.
    fs::rename(&path, &moved).expect("renamed");
    let part = x.part();
    let both = crate::view::Concat::new(vec![x.clone(), x.clone()]).expect("alike");
    let sources: [&dyn Source<f32>; 4] =
        [&x, &part, &both, &x.permute_axes(&[0, 1]).expect("two axes")];
    for source in sources {
        let mut outputs = Outputs::new().overwrite(true);
        outputs.read_source(Role::Input, &source);
        for taken in [&path, &moved] {
            let refused = outputs.plan(Role::Output, Kind::Npy, taken);
            let known = !cfg!(unix) && taken == &moved;
            assert!(known || matches!(refused, Err(Error::Taken { .. })), "{refused:?}");
        }
    }
    drop((both, x));
    let mut open = ArrayMut::<f32>::open(&moved).expect("opened");
    open.write_rows(0, &[2.0, 2.0]).expect("written");
    assert_eq!(Source::<f32>::files(&open)[0].path(), moved);
}

#[test]
fn sidecars_that_are_not_ours_stay() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    let over = CreateOptions::new().overwrite(true);
    // A hand-made one has keys of its own, and would describe the wrong array.
    fs::write(at("a_meta.json"), "{\"dtype\": \"<u4\", \"shape\": [1], \"who\": \"me\"}")
        .expect("w");
    fs::write(at("a.dat"), [0; 4]).expect("written");
    fs::write(at("b.dat.meta.json"), "mine").expect("written");
    fs::write(at("c.npy.meta.json"), "{\"rowmill\": 1, \"columns\": [\"a\"]}").expect("written");
    let before = contents(dir.path());
    for name in ["a.dat", "a.bin", "b.dat"] {
        let refused = over.create::<u8>(at(name), [3]).expect_err(name);
        assert!(matches!(refused, Error::OtherKind { .. }), "{refused}");
    }
    let refused = ArrayMut::<u8>::create(at("c.npy"), [3]).expect_err("it has a sidecar");
    assert!(matches!(refused, Error::Exists { role: Role::Sidecar, .. }), "{refused}");
    Sidecar::default().write(&at("b.dat")).expect_err("not ours to remove");
    assert_eq!(contents(dir.path()), before);
    over.create::<u8>(at("c.npy"), [3]).expect("asked for").close().expect("closed");
}

#[cfg(unix)]
#[test]
fn links_are_followed_to_their_targets() {
    use std::os::unix::fs::symlink;
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    symlink(at("nothing"), at("dead.npy")).expect("linked");
    fs::write(at("mine"), b"").expect("written");
    symlink(at("mine"), at(".z.npy.rowmill-partial")).expect("linked");
    let over = CreateOptions::new().overwrite(true);
    let refused = over.create::<u8>(at("dead.npy"), [3]).expect_err("a link");
    assert!(matches!(refused, Error::OtherKind { found: Kind::DeadLink, .. }), "{refused}");
    over.create::<u8>(at("z.npy"), [3]).expect_err("a link where the unfinished file goes");
    assert_eq!(fs::read(at("mine")).expect("there"), b"");
}
