//! From bytes to text.

use crate::yaml::Pos;

/// Why bytes are no text.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) pos: Pos,
    pub(super) message: String,
    pub(super) remedy: &'static str,
    /// What could be read before.
    pub(super) readable: String,
}

/// The text, without the mark of UTF-8 before it.
pub(super) fn text(bytes: &[u8]) -> Result<String, Broken> {
    if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = bytes {
        return Err(broken(
            bytes,
            0,
            "the file is UTF-16 (its first two bytes say so); kubectl reads UTF-8 alone".into(),
            "Save it as UTF-8.",
        ));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(broken(bytes, at, format!("the file is no text: byte {at} is 0"), "Name files of YAML or JSON."));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()),
        Err(error) => {
            let at = error.valid_up_to();
            Err(broken(
                bytes,
                at,
                format!("the file is not UTF-8: byte {at} (0x{:02x}) begins no character", bytes[at]),
                "Save it as UTF-8.",
            ))
        }
    }
}

fn broken(bytes: &[u8], at: usize, message: String, remedy: &'static str) -> Broken {
    let readable = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let line = readable.matches('\n').count() + 1;
    let column = readable.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Broken { pos: Pos { source: 0, line, column }, message, remedy, readable }
}
