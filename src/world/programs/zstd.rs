//! Reading zstd as registries hold it: one frame after the other, with frames between them that hold no data (zstd:chunked).

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// What the frames of `source` hold, one after the other.
pub(super) struct Frames<R> {
    source: R,
    frame: FrameDecoder,
    open: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, frame: FrameDecoder::new(), open: false }
    }

    /// Opens the next frame with data; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.frame.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.source.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(e) => return Err(io::Error::new(io::ErrorKind::InvalidData, e.to_string())),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }
        loop {
            let read = if self.open { self.frame.read(to)? } else { 0 };
            if read > 0 {
                return Ok(read);
            }
            if self.open && !self.frame.is_finished() {
                let decoded = self.frame.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBytes(to.len()));
                decoded.map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e.to_string()))?;
            } else {
                self.open = self.next()?;
                if !self.open {
                    return Ok(0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn frame(data: &[u8]) -> Vec<u8> {
        compress_to_vec(data, CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Frames::new(bytes).read_to_end(&mut all).map(|_| all)
    }

    #[test]
    fn frames_are_read_one_after_the_other_and_those_without_data_are_skipped() {
        let (one, two) = (vec![1; 300_000], b"two".to_vec());
        let mut skipped = 0x184D_2A50_u32.to_le_bytes().to_vec();
        skipped.extend(4_u32.to_le_bytes());
        skipped.extend(b"toc!");
        let all = [skipped.clone(), frame(&one), skipped.clone(), frame(&two), skipped].concat();
        assert_eq!(read(&all).unwrap(), [one, two].concat());
        assert_eq!(read(b"").unwrap(), b"");
    }

    #[test]
    fn a_stream_that_is_cut_off_is_an_error() {
        let whole = frame(&vec![1; 300_000]);
        assert!(read(&whole[..whole.len() - 3]).is_err());
        assert!(read(&[0x50, 0x2A, 0x4D, 0x18, 9, 0, 0, 0, 1]).is_err());
        assert!(read(b"no zstd at all").is_err());
    }
}
