//! Dtype codes in headers, and the meaning of unsupported ones.

use crate::dtype::{ByteOrder, DType};

/// The dtype of a code, if it is supported and spelled exactly as NumPy spells it.
pub(super) fn exact(code: &str) -> Option<(DType, ByteOrder)> {
    let is_exact = |dtype: &DType| code.trim() == code && dtype.has_npy_code();
    let found = DType::parse_with_order(code).ok().filter(|(dtype, _)| is_exact(dtype));
    found.filter(|_| is_signed(code))
}

/// Whether a code states its byte order, as all codes that NumPy writes do.
pub(super) fn is_signed(code: &str) -> bool {
    code.starts_with(['<', '>', '|', '='])
}

/// The meaning of a dtype outside the allow-list, for people who do not know the codes by heart.
pub(super) fn kind(descr: &[u8]) -> &'static str {
    if descr.iter().any(u8::is_ascii_whitespace) {
        return "a code with spaces";
    }
    let sign = descr.iter().take(1).filter(|b| matches!(b, b'<' | b'>' | b'|' | b'=')).count();
    match descr.get(sign) {
        Some(b'O') => "Python objects",
        Some(b'S' | b'a') => "byte strings",
        Some(b'U') => "Unicode strings",
        Some(b'T') => "strings of any length",
        Some(b'M') => "dates and times",
        Some(b'm') => "time differences",
        Some(b'V') if &descr[sign..] == b"V2" => {
            "raw bytes, or bfloat16, for which .npy has no code"
        }
        Some(b'V') => "raw bytes or a structured dtype",
        Some(b'b') if descr.ends_with(b"bf16") => "bfloat16, for which .npy has no code",
        Some(b'c') => "complex numbers of another size",
        Some(b'f' | b'g') => "a float of another size",
        Some(b'i' | b'u') => "an integer of another size",
        _ => "unknown",
    }
}
