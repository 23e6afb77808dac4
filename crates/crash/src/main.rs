//! The binary `crash`: see [`rowmill_crash`].

#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    rowmill_crash::run(&clap::Parser::parse())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED: crash tests need Linux");
}
