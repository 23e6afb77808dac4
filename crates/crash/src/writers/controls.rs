//! Writers that are wrong in a known way. A test that sees none of them lose sees nothing.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use rowmill::{Array, CreateOptions};

use super::rows::{batches, look_at_rows};
use super::write_all;
use crate::element::{COLS, element};
use crate::state::{Files, Found, Golden};
use crate::writer::{Place, Writer};
use crate::{Failure, Result};

const NEW: u64 = 5;

/// Writes beside the name and renames, but forgets to make the bytes durable first.
#[derive(Debug)]
pub(super) struct Unsynced;

impl Writer for Unsynced {
    fn name(&self) -> &'static str {
        "control-unsynced"
    }

    fn write(&self, dir: &Path, input: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        let bytes = fs::read(input).map_err(Failure::io("read", input))?;
        let (path, beside) = (dir.join("out.npy"), dir.join(".out.npy.rowmill-partial"));
        write_all(&beside, &bytes)?;
        fs::rename(&beside, &path).map_err(Failure::io("replace", &path))?;
        // The bystander soon makes its name durable.
        std::thread::sleep(std::time::Duration::from_millis(100));
        Ok(())
    }
}

/// Reports rows before they are flushed, and never flushes them.
#[derive(Debug)]
pub(super) struct Early;

impl Writer for Early {
    fn name(&self) -> &'static str {
        "control-early"
    }

    fn write(&self, dir: &Path, input: &Path, durable: &mut dyn FnMut(usize)) -> Result<()> {
        let rows = Array::<u64>::open(input)?.shape().rows();
        let x = CreateOptions::new().overwrite(true);
        let mut x = x.create::<u64>(dir.join("out.npy"), [rows, COLS])?;
        for batch in batches(rows) {
            let values: Vec<u64> =
                (batch.start * COLS..batch.end * COLS).map(|i| element(NEW, i)).collect();
            x.write_rows(batch.start, &values)?;
            durable(batch.end);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Ok(())
    }

    fn look(&self, _: &Place<'_>, golden: &Golden, now: &Files, durable: Option<usize>) -> Found {
        look_at_rows(golden, now, durable)
    }
}

/// Writes to the name itself, piece by piece.
#[derive(Debug)]
pub(super) struct InPlace;

impl Writer for InPlace {
    fn name(&self) -> &'static str {
        "control-in-place"
    }

    fn write(&self, dir: &Path, input: &Path, _: &mut dyn FnMut(usize)) -> Result<()> {
        let path = dir.join("out.npy");
        let bytes = fs::read(input).map_err(Failure::io("read", input))?;
        let mut file = File::create(&path).map_err(Failure::io("create", &path))?;
        for piece in bytes.chunks(bytes.len().div_ceil(16).max(1)) {
            file.write_all(piece).map_err(Failure::io("write", &path))?;
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        file.sync_all().map_err(Failure::io("flush", &path))
    }
}
