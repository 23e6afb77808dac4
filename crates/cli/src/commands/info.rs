//! `rowmill info`

use std::io::Write;

use clap::Args as ClapArgs;
use rowmill::AnyArray;
use rowmill::file::{Backend, ByteOrder, Format, Meta, Order};
use rowmill_any::AnySource;
use serde::Serialize;

use super::max_lines;
use crate::args::InputArgs;
use crate::failure::Failure;
use crate::json;
use crate::table::{grouped, human_bytes, printable, write_list};

pub(super) const EXAMPLES: &str = "\
Examples:
  rowmill info x.npy
  rowmill info x.npy --json
  rowmill info scan.nii --dtype '>i2' --shape 17,21,3,20 --order F --offset 352";

/// The arguments of `rowmill info`.
#[derive(Debug, ClapArgs)]
pub(crate) struct InfoArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    input: InputArgs,
}

/// The JSON object.
#[derive(Serialize)]
struct Report<'a> {
    file: String,
    format: &'static str,
    dtype: &'static str,
    /// numpy's type string with the byte order: `<f4`.
    descr: String,
    byte_order: Option<&'static str>,
    shape: &'a [usize],
    order: &'static str,
    offset: u64,
    bytes: usize,
    rows: usize,
    row_bytes: usize,
    columns: Option<&'a [String]>,
    backend: &'static str,
    in_place: bool,
}

pub(super) fn run(args: &InfoArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let array = args.input.open()?;
    let meta = array.meta();
    let report = Report {
        file: json::path(&args.input.file),
        format: match meta.format {
            Format::Npy => "npy",
            _ => "raw",
        },
        dtype: meta.dtype.name(),
        descr: meta.dtype.descr(meta.byte_order),
        byte_order: (meta.dtype.size() > 1).then_some(match meta.byte_order {
            ByteOrder::Little => "little",
            ByteOrder::Big => "big",
        }),
        shape: meta.shape.dims(),
        order: match meta.order {
            Order::C => "C",
            Order::F => "F",
        },
        offset: meta.offset,
        bytes: meta.byte_len(),
        rows: meta.shape.rows(),
        row_bytes: meta.shape.row_len() * meta.dtype.size(),
        columns: meta.columns.as_deref(),
        backend: match array.backend() {
            Backend::Positioned => "positioned",
            _ => "mapped",
        },
        in_place: AnySource::from_array(&array).is_in_place(),
    };
    let written = if args.json {
        json::write(out, &report)
    } else {
        write_list(out, &lines(&report, &array, args.input.reading.backend.into()))
    };
    written.map_err(Failure::Output)
}

fn lines(report: &Report<'_>, array: &AnyArray, requested: Backend) -> Vec<(&'static str, String)> {
    let meta = array.meta();
    let size_text = |bytes: usize| match bytes {
        0..1000 => format!("{bytes} bytes"),
        _ => format!("{} ({} bytes)", human_bytes(bytes as u64), grouped(bytes as u64)),
    };
    let order = match meta.order {
        Order::C => "C (the last axis varies fastest)",
        Order::F => "F (the first axis varies fastest)",
    };
    let dtype = match report.byte_order {
        Some(byte_order) => format!("{} ({}, {byte_order}-endian)", report.dtype, report.descr),
        None => format!("{} ({})", report.dtype, report.descr),
    };
    let elements = if report.in_place {
        "lent in place".to_owned()
    } else {
        format!("decoded ({})", decode_reason(meta, array.backend()))
    };
    let backend = match (array.backend(), requested) {
        (Backend::Positioned, Backend::Auto) => {
            "positioned (it is on a network or FUSE filesystem, or cannot be mapped)".to_owned()
        }
        _ => report.backend.to_owned(),
    };
    let mut lines = vec![
        ("file", printable(&report.file).into_owned()),
        ("format", report.format.to_owned()),
        ("dtype", dtype),
        ("shape", meta.shape.to_string()),
        ("order", order.to_owned()),
        ("offset", size_text(usize::try_from(meta.offset).unwrap_or(usize::MAX))),
        ("data", size_text(report.bytes)),
        ("rows", grouped(report.rows as u64)),
        ("row", size_text(report.row_bytes)),
        ("backend", backend),
        ("elements", elements),
    ];
    if let Some(names) = &meta.columns {
        let shown: Vec<_> = names.iter().take(max_lines()).map(|n| printable(n)).collect();
        let more = match names.len() - shown.len() {
            0 => String::new(),
            more => format!(" ... {} more; --json gives all", grouped(more as u64)),
        };
        lines.push(("columns", shown.join(", ") + &more));
    }
    lines
}

/// The reason why elements are not lent in place.
fn decode_reason(meta: &Meta, backend: Backend) -> &'static str {
    if backend == Backend::Positioned {
        "the positioned backend reads into buffers"
    } else if meta.record.is_some() {
        "a field of records, which has gaps"
    } else if meta.dtype == rowmill::DType::Bool {
        "any non-zero byte is true"
    } else if meta.dtype.size() > 1 && meta.byte_order != ByteOrder::NATIVE {
        "in the byte order of other machines"
    } else if meta.order == Order::F && meta.shape.ndim() > 1 {
        "in Fortran order"
    } else {
        "the offset is not aligned to the elements"
    }
}
