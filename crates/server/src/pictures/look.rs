//! A look at the first bytes of a file: which kind of picture it is and how large it would become.
//! Never unpacks anything, and believes nothing but the bytes: no name, no declared type.

use crate::http::error::{Code, Problem};

/// Pixels of a side at most.
pub const SIDE: u32 = 16_384;

/// Pixels of the whole at most: what unpacks to more is a weapon, not a picture.
pub const PIXELS: u64 = 50_000_000;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The media type.
    pub kind: &'static str,
    /// The width in pixels.
    pub width: u32,
    /// The height in pixels.
    pub height: u32,
}

/// Looks at a file.
///
/// # Errors
/// Why it is not taken for a picture.
pub fn at(bytes: &[u8]) -> Result<Look, Problem> {
    let found = png(bytes).or_else(|| gif(bytes)).or_else(|| webp(bytes)).or_else(|| jpeg(bytes));
    let Some(look) = found else {
        let detail = "Its bytes are no picture of a known kind: JPEG, PNG, WebP or GIF.";
        return Err(Problem::of(Code::UnsupportedMediaType, detail));
    };
    let sides = 1..=SIDE;
    let pixels = u64::from(look.width) * u64::from(look.height);
    if !sides.contains(&look.width) || !sides.contains(&look.height) || pixels > PIXELS {
        let detail = "A picture has sides of 1 to 16,384 pixels, and 50 million in all.";
        return Err(Problem::of(Code::TooLarge, detail));
    }
    Ok(look)
}

fn after<'a>(bytes: &'a [u8], begin: &[u8]) -> Option<&'a [u8]> {
    bytes.strip_prefix(begin)
}

fn pair(bytes: &[u8], at: usize) -> Option<[u8; 2]> {
    bytes.get(at..at + 2)?.try_into().ok()
}

fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

fn png(bytes: &[u8]) -> Option<Look> {
    let rest = after(bytes, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")?;
    let (width, height) = (u32::from_be_bytes(four(rest, 0)?), u32::from_be_bytes(four(rest, 4)?));
    Some(Look { kind: "image/png", width, height })
}

fn gif(bytes: &[u8]) -> Option<Look> {
    let rest = after(bytes, b"GIF89a").or_else(|| after(bytes, b"GIF87a"))?;
    let side = |at| pair(rest, at).map(u16::from_le_bytes).map(u32::from);
    Some(Look { kind: "image/gif", width: side(0)?, height: side(2)? })
}

fn webp(bytes: &[u8]) -> Option<Look> {
    let rest = after(bytes, b"RIFF")?.get(4..)?;
    let chunk = after(rest, b"WEBP")?;
    let body = chunk.get(8..)?;
    let (width, height) = match chunk.get(..4)? {
        b"VP8 " => {
            let sides = after(body.get(3..)?, b"\x9d\x01\x2a")?;
            let side =
                |at| pair(sides, at).map(|side| u32::from(u16::from_le_bytes(side) & 0x3fff));
            (side(0)?, side(2)?)
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(four(after(body, b"\x2f")?, 0)?);
            ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
        }
        b"VP8X" => {
            let side = |at| four(body, at).map(|of| (u32::from_le_bytes(of) & 0x00ff_ffff) + 1);
            // The last of the second four bytes is past the end of a chunk of ten.
            let high = body.get(7..10)?;
            let high = u32::from_le_bytes([*high.first()?, *high.get(1)?, *high.get(2)?, 0]) + 1;
            (side(4)?, high)
        }
        _ => return None, // not ours: bytes
    };
    Some(Look { kind: "image/webp", width, height })
}

/// Walks from marker to marker until the one that says how large it is.
fn jpeg(bytes: &[u8]) -> Option<Look> {
    let mut rest = after(bytes, b"\xff\xd8")?;
    loop {
        rest = after(rest, b"\xff")?;
        while let Some(filled) = after(rest, b"\xff") {
            rest = filled;
        }
        let (marker, segment) = rest.split_first()?;
        let length = usize::from(u16::from_be_bytes(pair(segment, 0)?));
        match marker {
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                let side = |at| pair(segment, at).map(u16::from_be_bytes).map(u32::from);
                return Some(Look { kind: "image/jpeg", width: side(5)?, height: side(3)? });
            }
            // Pictures before sizes, an end, or what has no length: none that a camera makes.
            0xda | 0xd9 | 0x00 | 0x01 | 0xd0..=0xd8 => return None,
            _ => rest = segment.get(length.max(2)..)?, // not ours: a byte
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(bytes: &[u8]) -> Option<(&'static str, u32, u32)> {
        at(bytes).ok().map(|look| (look.kind, look.width, look.height))
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes
    }

    #[test]
    fn what_it_is_the_bytes_say() {
        assert_eq!(kind(&png_of(3, 4)), Some(("image/png", 3, 4)));
        assert_eq!(kind(b"GIF89a\x05\0\x06\x01..."), Some(("image/gif", 5, 262)));
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \x20\0\0\0\x10\0\0\x9d\x01\x2a\x07\0\x08\xc0";
        assert_eq!(kind(lossy), Some(("image/webp", 7, 8)));
        let lossless = b"RIFF\0\0\0\0WEBPVP8L\x20\0\0\0\x2f\x08\xc0\x02\0";
        assert_eq!(kind(lossless), Some(("image/webp", 9, 12)));
        let extended = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x0c\0\0\x0d\0\0";
        assert_eq!(kind(extended), Some(("image/webp", 13, 14)));
        let photo = b"\xff\xd8\xff\xe1\0\x04xx\xff\xff\xc2\0\x0b\x08\0\x20\0\x10";
        assert_eq!(kind(photo), Some(("image/jpeg", 16, 32)));
    }

    #[test]
    fn what_is_no_picture_is_not_taken_for_one() {
        let others: [&[u8]; 9] = [
            b"",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"<!doctype html><script>alert(1)</script>",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xda\0\x04xx",
            b"\xff\xd8\xff\xe1\xff\xff",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"BM\0\0\0\0",
            b"%PDF-1.7",
        ];
        for bytes in others {
            assert_eq!(at(bytes).unwrap_err().code(), "unsupported_media_type", "{bytes:?}");
        }
        let photo = b"\xff\xd8\xff\xe1\0\x04xx\xff\xff\xc2\0\x0b\x08\0\x20\0\x10";
        for end in 0..photo.len() {
            assert_eq!(kind(photo.get(..end).unwrap()), None, "{end}");
        }
    }

    #[test]
    fn what_would_unpack_to_too_much_is_refused_unpacked() {
        assert!(at(&png_of(SIDE, 3_000)).is_ok());
        for (width, height) in [(SIDE + 1, 1), (1, SIDE + 1), (8_000, 6_251), (0, 4), (4, 0)] {
            let refused = at(&png_of(width, height)).unwrap_err();
            assert_eq!(refused.code(), "too_large", "{width} x {height}");
        }
        assert!(at(&png_of(8_000, 6_250)).is_ok(), "at the limit");
    }
}
