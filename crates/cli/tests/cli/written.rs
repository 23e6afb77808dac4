//! Every argument of the command that is a path, and what is done with it. Held against the definition
//! of the arguments (`args.rs`), and the list that the table of `outputs.rs` is made of.

/// Command, name of the argument, whether a new file is written there.
pub(crate) const PATHS: &[(&str, &str, bool)] = &[
    ("info", "file", false),
    ("describe", "files", false),
    ("describe", "html", true),
    ("stats", "files", false),
    ("stats", "mask", false),
    ("stats", "checkpoint", true),
    ("sum", "files", false),
    ("sum", "mask", false),
    ("sum", "checkpoint", true),
    ("mean", "files", false),
    ("mean", "mask", false),
    ("mean", "checkpoint", true),
    ("quantiles", "files", false),
    ("quantiles", "mask", false),
    ("partial", "file", false),
    ("partial", "mask", false),
    ("partial", "after", false),
    ("partial", "output", true),
    ("merge", "files", false),
    ("merge", "output", true),
    ("normalize", "file", false),
    ("normalize", "by", false),
    ("normalize", "output", true),
    ("normalize", "save_fit", true),
    ("normalize", "checkpoint", true),
    // The sidecar of the file itself, which is rewritten.
    ("checksum", "file", false),
    ("verify", "file", false),
    // The file that grows, by its own rows.
    ("append", "file", false),
    ("append", "more", false),
    ("clean", "paths", false),
];
