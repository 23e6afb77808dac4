//! The kind of a file, told from its first bytes.

use std::cell::Cell;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess};

use crate::format::detect::{read_meta, read_small};
use crate::format::{Format, Sidecar, npy};
use crate::fs::{Kind, open_regular};
use crate::limits::MAX_SIDECAR_LEN;

/// Marks are within this many bytes of the start.
const HEAD: u64 = 4096;

/// The longest JSON that is searched for its mark.
const MOST_JSON: u64 = 256 << 20;

impl Kind {
    /// The kind of the file at a path; `None` if there is none.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let entry = fs::symlink_metadata(path).ok()?;
        Some(match fs::metadata(path) {
            Err(_) if entry.is_symlink() => Self::DeadLink,
            Err(_) => Self::Special,
            Ok(found) if found.is_dir() => Self::Folder,
            Ok(found) if !found.is_file() => Self::Special,
            Ok(found) => Self::of_file(path, found.len()).unwrap_or(Self::Special),
        })
    }

    fn of_file(path: &Path, len: u64) -> std::io::Result<Self> {
        let mut head = Vec::new();
        File::open(path)?.take(HEAD).read_to_end(&mut head)?;
        if head.starts_with(npy::MAGIC) {
            return Ok(Self::Npy);
        }
        if head.starts_with(b"ROWMILLC") {
            return Ok(Self::Checkpoint);
        }
        if head.starts_with(b"ROWMILLJ") {
            return Ok(Self::Journal);
        }
        if is_raw_array(path, len) {
            return Ok(Self::Raw);
        }
        if head.is_empty() {
            return Ok(Self::Empty);
        }
        // The buffer may cut a character at its end.
        let is_text = match std::str::from_utf8(&head) {
            Ok(_) => true,
            Err(e) => e.error_len().is_none() && head.len() as u64 == HEAD,
        };
        if !is_text || head.contains(&0) {
            return Ok(Self::Plain);
        }
        let text = String::from_utf8_lossy(&head);
        let start = text.trim_start();
        Ok(match start {
            _ if start.starts_with('{') => json(path, len)?,
            _ if begins(start, "<!doctype html") || begins(start, "<html") => {
                if text.contains(Self::PAGE_MARK) { Self::Page } else { Self::OtherPage }
            }
            _ if begins(start, "<svg") || (begins(start, "<?xml") && text.contains("<svg")) => {
                if text.contains(Self::CHART_MARK) {
                    Self::Chart
                } else {
                    Self::OtherChart
                }
            }
            _ => Self::Text,
        })
    }
}

fn begins(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

/// Whether a sidecar of rowmill's own form describes a raw file, and matches it.
fn is_raw_array(path: &Path, len: u64) -> bool {
    let sidecar = Sidecar::path_for(path);
    if fs::symlink_metadata(&sidecar).is_err() || Sidecar::handmade_path_for(path).exists() {
        return false;
    }
    let meta = open_regular(path, fs::OpenOptions::new().read(true))
        .and_then(|mut file| read_meta(path, &mut file, len, None));
    meta.is_ok_and(|meta| meta.format == Format::Raw)
}

/// The kind of a JSON file, by the program that wrote it.
fn json(path: &Path, len: u64) -> std::io::Result<Kind> {
    if len <= MAX_SIDECAR_LEN
        && let Ok(Some(bytes)) = read_small(path)
        && Sidecar::is_own(&bytes)
    {
        return Ok(Kind::Sidecar);
    }
    let found = Cell::new(None);
    let reader = BufReader::new(File::open(path)?.take(MOST_JSON));
    let mut parser = serde_json::Deserializer::from_reader(reader);
    // Deserializing ends with an error as soon as a mark is found.
    let _ = Marks { found: &found, depth: 0 }.deserialize(&mut parser);
    Ok(found.get().unwrap_or(Kind::Json))
}

/// Looks for the marks of rowmill in JSON, and stores nothing else.
#[derive(Clone, Copy)]
struct Marks<'a> {
    found: &'a Cell<Option<Kind>>,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Marks<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Marks<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let found = |kind| {
            self.found.set(Some(kind));
            Err(A::Error::custom("found"))
        };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "format" => match map.next_value::<serde_json::Value>()?.as_str() {
                    Some("rowmill partial") => return found(Kind::Partial),
                    Some("rowmill normalization") => return found(Kind::Fit),
                    _ => {}
                },
                "rowmill_profile" if self.depth == 0 => return found(Kind::Profile),
                // `rowmill partial` writes the partial inside an object.
                "partial" if self.depth == 0 => {
                    map.next_value_seed(Marks { depth: 1, ..self })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
