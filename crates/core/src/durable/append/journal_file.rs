//! [`JournalFile`]: the journal of an appender, on disk.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::format::append_journal::Journal;
use crate::fs::{sync_directory, write_all_at};

/// The journal of an appender, once it is needed.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: Option<File>,
}

impl JournalFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Whether none has been written yet.
    pub(super) fn is_new(&self) -> bool {
        self.file.is_none()
    }

    /// Makes a journal durable, in place of an earlier one. It is written in one piece that fits a
    /// sector; its checksum detects a torn write.
    pub(super) fn write(&mut self, journal: Journal) -> Result<()> {
        let bytes = journal.to_bytes();
        if let Some(file) = &self.file {
            write_all_at(file, &bytes, 0)
                .and_then(|()| file.sync_data())
                .map_err(Error::io("write", &self.path))?;
            return Ok(());
        }
        let create = || -> io::Result<File> {
            let mut file = File::create(&self.path)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = create().map_err(Error::io("create", &self.path))?;
        sync_directory(&self.path)?;
        self.file = Some(file);
        Ok(())
    }

    /// Removes it. A journal that cannot be removed does no harm.
    pub(super) fn remove(&mut self) {
        self.file = None;
        let _ = fs::remove_file(&self.path);
    }
}
