//! A picture without what a camera or a program wrote beside it: where and when it was taken, with
//! what, by whom, and what hangs behind its end. Kept is what it is shown by: pixels, colours,
//! frames, and which way up it is. Walks from part to part and unpacks nothing; what cannot be
//! walked to its end is not taken.

mod exif;
#[cfg(test)]
mod tests;

use crate::http::error::{Code, Problem};
use exif::{orientation, upright};

/// The same picture without what is beside it.
///
/// # Errors
/// If its parts do not fit together.
pub fn clean(kind: &str, bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let cleaned = match kind {
        "image/png" => png(bytes),
        "image/gif" => gif(bytes),
        "image/webp" => webp(bytes),
        _ => jpeg(bytes), // not ours: a media type
    };
    cleaned.ok_or_else(|| {
        let detail = "This picture is damaged or cut off: its parts do not reach to its end.";
        Problem::of(Code::UnsupportedMediaType, detail)
    })
}

/// Bytes that are walked along.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let part = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(part)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn four(&mut self) -> Option<[u8; 4]> {
        self.take(4)?.try_into().ok()
    }

    /// Everything from there to where it is now.
    fn since(&self, from: usize) -> Option<&'a [u8]> {
        self.bytes.get(from..self.at)
    }
}

/// Segments of which a picture is made: frames, tables, scans; JFIF without its thumbnail, colours
/// (ICC), Adobe's word for the colours' transform. All else a camera may fill as it likes.
fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk { bytes, at: 2 };
    let mut kept = bytes.get(..2)?.to_vec();
    let (mut turned, mut rest) = (None, Vec::new());
    loop {
        let marker = marker(&mut walk)?;
        if marker == 0xd9 {
            break;
        }
        let length: [u8; 2] = walk.take(2)?.try_into().ok()?;
        let length = usize::from(u16::from_be_bytes(length));
        let body = walk.take(length.checked_sub(2)?)?;
        let keeps = match marker {
            // Its version and density; what follows is a thumbnail, as all of JFXX is.
            0xe0 => {
                let head = body.get(..12).filter(|head| head.starts_with(b"JFIF\0"));
                if let Some(head) = head {
                    segment(&mut rest, marker, &[head, &[0; 2]].concat())?;
                }
                false
            }
            0xe2 => body.starts_with(b"ICC_PROFILE\0"),
            0xee => body.starts_with(b"Adobe"),
            0xe1..=0xef | 0xfe => false,
            _ => true, // not ours: a byte
        };
        if marker == 0xe1 && turned.is_none() {
            turned = body.strip_prefix(b"Exif\0\0").and_then(orientation);
        }
        if keeps {
            segment(&mut rest, marker, body)?;
        }
        if marker == 0xda {
            rest.extend_from_slice(scan(&mut walk)?);
        }
    }
    if let Some(turned) = turned {
        let exif = [&b"Exif\0\0"[..], &upright(turned)].concat();
        segment(&mut kept, 0xe1, &exif)?;
    }
    kept.extend(rest);
    kept.extend([0xff, 0xd9]);
    Some(kept)
}

/// Adds a segment of JPEG.
fn segment(to: &mut Vec<u8>, marker: u8, body: &[u8]) -> Option<()> {
    to.extend([0xff, marker]);
    to.extend(u16::try_from(body.len() + 2).ok()?.to_be_bytes());
    to.extend_from_slice(body);
    Some(())
}

/// The next marker; any number of `ff` may come before it.
fn marker(walk: &mut Walk<'_>) -> Option<u8> {
    let begin = walk.byte()?;
    let mut marker = walk.byte().filter(|_| begin == 0xff)?;
    while marker == 0xff {
        marker = walk.byte()?;
    }
    // Neither stuffing, nor a restart outside of a scan, nor another beginning.
    (!matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8)).then_some(marker)
}

/// The coded pixels after the head of a scan, up to the next marker.
fn scan<'a>(walk: &mut Walk<'a>) -> Option<&'a [u8]> {
    let from = walk.at;
    loop {
        let left = walk.bytes.get(walk.at..)?;
        walk.at += left.iter().position(|byte| *byte == 0xff)?;
        match walk.bytes.get(walk.at + 1)? {
            0x00 | 0xd0..=0xd7 => walk.at += 2,
            0xff => walk.at += 1,
            _ => return walk.since(from), // not ours: a byte
        }
    }
}

/// Chunks that say how a picture looks.
const CHUNKS: [&[u8; 4]; 17] = [
    b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"mDCV",
    b"cLLI", b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT",
];

fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk { bytes, at: 0 };
    let (mut kept, mut turned) = (walk.take(8)?.to_vec(), None);
    loop {
        let from = walk.at;
        let length = usize::try_from(u32::from_be_bytes(walk.four()?)).ok()?;
        let name = walk.four()?;
        let body = walk.take(length)?;
        walk.take(4)?;
        if &name == b"eXIf" {
            turned = turned.or_else(|| orientation(body));
        }
        if &name == b"IEND" {
            if let Some(turned) = turned {
                kept.extend(chunk(*b"eXIf", &upright(turned)));
            }
            kept.extend(chunk(name, b""));
            return Some(kept);
        }
        if CHUNKS.contains(&&name) {
            kept.extend_from_slice(walk.since(from)?);
        }
    }
}

/// A chunk of PNG.
fn chunk(name: [u8; 4], body: &[u8]) -> Vec<u8> {
    let named = [&name[..], body].concat();
    let mut sum = !0_u32;
    for byte in &named {
        sum ^= u32::from(*byte);
        for _bit in 0..8 {
            sum = (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
        }
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &named, &(!sum).to_be_bytes()].concat()
}

/// Flags of an extended WebP: that it says which way up it is, and what XMP says.
const EXIF: u8 = 0x08;
const XMP: u8 = 0x04;

fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = usize::try_from(u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?)).ok()?;
    // What is behind the end that it names is no part of it.
    let whole = bytes.get(..length.checked_add(8)?)?;
    let mut walk = Walk { bytes: whole, at: 12 };
    let mut kept = whole.get(..12)?.to_vec();
    let (mut turned, mut extended) = (None, None);
    while walk.at < whole.len() {
        let (name, body) = next_part(&mut walk)?;
        match &name {
            b"VP8X" if body.len() != 10 => return None,
            b"VP8X" => extended = Some(kept.len() + 8),
            b"ANMF" => {
                part(&mut kept, name, &frame(body)?)?;
                continue;
            }
            b"VP8 " | b"VP8L" | b"ALPH" | b"ANIM" | b"ICCP" => {}
            b"EXIF" => {
                let tiff = body.strip_prefix(b"Exif\0\0").unwrap_or(body);
                turned = turned.or_else(|| orientation(tiff));
                continue;
            }
            _ => continue, // not ours: a name
        }
        part(&mut kept, name, body)?;
    }
    if let Some(flags) = extended.and_then(|at| kept.get_mut(at)) {
        *flags &= !(EXIF | XMP);
        *flags |= if turned.is_some() { EXIF } else { 0 };
        if let Some(turned) = turned {
            part(&mut kept, *b"EXIF", &upright(turned))?;
        }
    }
    let length = u32::try_from(kept.len().checked_sub(8)?).ok()?;
    kept.get_mut(4..8)?.copy_from_slice(&length.to_le_bytes());
    Some(kept)
}

/// The next chunk of WebP: its name and what is in it.
fn next_part<'a>(walk: &mut Walk<'a>) -> Option<([u8; 4], &'a [u8])> {
    let name = walk.four()?;
    let length = u32::from_le_bytes(walk.four()?);
    let body = walk.take(usize::try_from(length).ok()?)?;
    // The last one's padding is left out by some.
    if length % 2 == 1 && walk.at < walk.bytes.len() {
        walk.take(1)?;
    }
    Some((name, body))
}

/// A frame of a moving WebP: where it is shown and how long, and its pixels.
fn frame(body: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk { bytes: body, at: 0 };
    let mut kept = walk.take(16)?.to_vec();
    while walk.at < body.len() {
        let (name, body) = next_part(&mut walk)?;
        if [b"VP8 ", b"VP8L", b"ALPH"].contains(&&name) {
            part(&mut kept, name, body)?;
        }
    }
    Some(kept)
}

/// Adds a chunk of WebP.
fn part(to: &mut Vec<u8>, name: [u8; 4], body: &[u8]) -> Option<()> {
    to.extend(name);
    to.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
    to.extend_from_slice(body);
    to.extend(std::iter::repeat_n(0, body.len() % 2));
    Some(())
}

fn gif(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut walk = Walk { bytes, at: 0 };
    let head = walk.take(13)?;
    walk.take(table(*head.get(10)?))?;
    let mut kept = walk.since(0)?.to_vec();
    loop {
        let from = walk.at;
        let keeps = match walk.byte()? {
            0x3b => {
                kept.push(0x3b);
                return Some(kept);
            }
            0x2c => {
                let place = walk.take(9)?;
                walk.take(table(*place.get(8)?))?;
                walk.byte()?;
                true
            }
            0x21 => match walk.byte()? {
                // How long a frame is shown; how often all of them.
                0xf9 => true,
                0xff => {
                    let named = walk.bytes.get(walk.at..)?;
                    named.starts_with(b"\x0bNETSCAPE2.0") || named.starts_with(b"\x0bANIMEXTS1.0")
                }
                _ => false, // not ours: a byte
            },
            _ => return None, // not ours: a byte
        };
        loop {
            let length = usize::from(walk.byte()?);
            walk.take(length)?;
            if length == 0 {
                break;
            }
        }
        if keeps {
            kept.extend_from_slice(walk.since(from)?);
        }
    }
}

/// How long a table of colours is.
fn table(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}
