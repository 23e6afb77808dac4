//! `raw_spec`, `condition`, `chunk_size` and `outputs`: texts from the command line.

use std::fmt::{Debug, Display};
use std::path::Path;
use std::str::FromStr;

use rowmill_core::{
    Array, Backend, DType, Kind, OpenOptions, Order, Outputs, RawSpec, Role, Shape, match_array,
};
use rowmill_exec::{ChunkSize, Condition, Threshold};

use super::open;
use crate::{Target, check_error};

/// Takes lines: `--dtype`, `--shape`, `--order`, `--offset`, and the length of the file to open.
///
/// A text is held a few times: as input, in an error, and in its message.
pub const RAW_SPEC: Target = Target { name: "raw_spec", fixed: 64 * 1024, per_byte: 16, run: raw };

/// Takes the text of `--where`. Four letters can become a tree node of under a hundred bytes, in a
/// list whose capacity is twice its length. The text is parsed twice.
pub const CONDITION: Target =
    Target { name: "condition", fixed: 4 * 1024, per_byte: 128, run: condition };

/// Takes the text of `--chunk` and of `--memory-ceiling`.
pub const CHUNK_SIZE: Target =
    Target { name: "chunk_size", fixed: 4 * 1024, per_byte: 16, run: chunk_size };

/// Takes a line with the name of an output, then the contents of an existing file of that name. The
/// contents are held as bytes and again as JSON, while they are searched for marks.
pub const OUTPUTS: Target =
    Target { name: "outputs", fixed: 256 * 1024, per_byte: 16, run: outputs };

/// Parses a text, and checks that the value survives a round trip.
fn round_trip<T>(text: &str) -> Option<T>
where
    T: FromStr<Err: std::error::Error> + Display + PartialEq + Debug,
{
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            assert_eq!(written.parse::<T>().ok().as_ref(), Some(&value), "{written}");
            Some(value)
        }
        Err(error) => {
            // These messages repeat the text, which only the user can supply.
            assert!(error.to_string().len() < 500 + 8 * text.len(), "{error}");
            None
        }
    }
}

fn condition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    round_trip::<Condition>(text);
    if let Err(error) = text.parse::<Condition>() {
        assert!(text.is_char_boundary(error.at()), "{error}");
    }
    if let Ok(Threshold::Integer(i)) = text.parse() {
        assert_eq!(i.to_string().parse().ok(), Some(Threshold::Integer(i)));
    }
}

fn chunk_size(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        round_trip::<ChunkSize>(text);
    }
}

fn outputs(bytes: &[u8]) {
    let (name, content) = match bytes.iter().position(|&byte| byte == b'\n') {
        Some(end) => (&bytes[..end], Some(&bytes[end + 1..])),
        None => (bytes, None),
    };
    // The name stays within the folder, and is short enough for the names derived from it.
    let name = std::str::from_utf8(name).ok().filter(|name| name.len() <= 100);
    let Some(name) = name.and_then(|name| Path::new(name).file_name()) else { return };
    open::in_folder(|folder| {
        let (input, target) = (folder.join("x.npy"), folder.join(name));
        std::fs::write(&input, b"input").expect("a small file");
        if target != input
            && let Some(content) = content
            && std::fs::write(&target, content).is_err()
        {
            return;
        }
        for kind in [Kind::Npy, Kind::Partial, Kind::Fit, Kind::Page, Kind::Checkpoint, Kind::Plain]
        {
            for overwrite in [false, true] {
                replace(&input, &target, kind, overwrite);
            }
        }
        let _ = std::fs::remove_file(target);
    });
}

/// Requests an output over any existing file, and checks that nothing else is lost.
fn replace(input: &Path, target: &Path, kind: Kind, overwrite: bool) {
    let before = std::fs::read(target).ok();
    let mut outputs = Outputs::new().overwrite(overwrite);
    outputs.read(Role::Input, input);
    match outputs.save(Role::Output, kind, target, b"new") {
        Ok(()) => {
            assert!(before.is_none() || overwrite || kind == Kind::Checkpoint, "{kind}");
            match before {
                Some(bytes) => std::fs::write(target, bytes).expect("put back"),
                None => std::fs::remove_file(target).expect("just made"),
            }
        }
        Err(error) => {
            check_error(&error);
            assert_eq!(std::fs::read(target).ok(), before, "{error}");
        }
    }
    assert_eq!(std::fs::read(input).expect("still exists"), b"input");
}

fn raw(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let dtype = DType::parse_with_order(line()).ok();
    let shape = round_trip::<Shape>(line());
    let order = if line() == "F" { Order::F } else { Order::C };
    let offset = line().parse().unwrap_or(0);
    let file_len: u64 = line().parse().unwrap_or(64);
    let (Some((dtype, byte_order)), Some(shape)) = (dtype, shape) else { return };
    let spec = RawSpec::new(dtype, shape).offset(offset).order(order).byte_order(byte_order);
    open::in_folder(|folder| {
        let path = folder.join("x.dat");
        std::fs::write(&path, vec![1; file_len.min(4096) as usize]).expect("a small file");
        check_raw(&path, &spec);
    });
}

/// Opens a file with a spec on both backends, and reads a few elements.
fn check_raw(path: &Path, spec: &RawSpec) {
    let [mapped, positioned] = [Backend::Mapped, Backend::Positioned].map(|backend| {
        let opened = OpenOptions::new().spec(spec.clone()).backend(backend).open_any(path);
        match opened {
            Ok(array) => match_array!(&array, x => Ok(shape_and_edges(x))),
            Err(error) => {
                check_error(&error);
                Err(error.to_string())
            }
        }
    });
    assert_eq!(mapped, positioned, "{spec:?}");
}

fn shape_and_edges<T: rowmill_core::Element>(x: &Array<T>) -> (Shape, String) {
    (x.shape().clone(), open::edge_elements(x))
}
