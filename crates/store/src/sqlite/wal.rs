//! Whether a write-ahead file has lost what was made durable. SQLite takes the file up to the first
//! frame that does not fit and forgets the rest without a word: right for a write that was cut
//! short, which nobody was told of, wrong for damage. Each transaction is synced before the next
//! begins, so a frame that does not fit, with a whole transaction and a further frame behind it,
//! had been made durable. Knows the file's form and nothing of what is in it; must run before
//! SQLite opens the file in this process.

use super::OpenError;
use super::ahead::path_of;
use super::file::Kind;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

const HEADER: usize = 32;
const FRAME: usize = 24;
/// How often a file is looked at that is begun anew meanwhile.
const TRIES: u32 = 5;

/// Refuses a file whose write-ahead file has lost what was made durable.
///
/// # Errors
/// [`OpenError::Damaged`] if so; or that it cannot be read.
pub(super) fn check(dir: &Path, kind: Kind) -> Result<(), OpenError> {
    let file = path_of(&kind.path(dir));
    match examine(&file) {
        Ok(None) => Ok(()),
        Ok(Some(what)) => Err(OpenError::Damaged { file, what }),
        Err(source) => Err(OpenError::Io { file, source }),
    }
}

fn examine(path: &Path) -> io::Result<Option<String>> {
    for _ in 0..TRIES {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut header = [0; HEADER];
        if !filled(&mut file, &mut header)? {
            return Ok(None);
        }
        let found = read(&header, BufReader::with_capacity(1 << 20, &mut file))?;
        // Beside a running house the file may have begun anew under our eyes.
        let mut again = [0; HEADER];
        file.seek(SeekFrom::Start(0))?;
        if filled(&mut file, &mut again)? && again == header {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Reads as much as there is place for; false if there is not so much.
fn filled(from: &mut impl Read, place: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(place) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes[at..].first_chunk().expect("headers are longer than their fields");
    u32::from_be_bytes(*four)
}

/// The running sum of SQLite's write-ahead files.
struct Sum {
    big: bool,
    sums: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let read = if self.big { u32::from_be_bytes } else { u32::from_le_bytes };
        let (mut one, mut two) = self.sums;
        for pair in bytes.as_chunks::<8>().0 {
            let [a, b, c, d, e, f, g, h] = *pair;
            one = one.wrapping_add(read([a, b, c, d])).wrapping_add(two);
            two = two.wrapping_add(read([e, f, g, h])).wrapping_add(one);
        }
        self.sums = (one, two);
    }
}

/// Follows the frames; what is wrong, if something is.
fn read(header: &[u8; HEADER], mut frames: impl Read) -> io::Result<Option<String>> {
    if header.iter().all(|byte| *byte == 0) {
        // Room that was made beforehand is all zeros; the header is synced before anything else.
        let mut block = Vec::with_capacity(1 << 16);
        while frames.by_ref().take(1 << 16).read_to_end(&mut block)? > 0 {
            if block.iter().any(|byte| *byte != 0) {
                return Ok(Some("its header is gone".to_owned()));
            }
            block.clear();
        }
        return Ok(None);
    }
    let mut sum = Sum { big: word(header, 0) & 1 == 1, sums: (0, 0) };
    sum.add(&header[..24]);
    let page = usize::try_from(word(header, 8)).unwrap_or(0);
    let known = word(header, 0) | 1 == 0x377f_0683 && page.is_power_of_two() && page <= 65_536;
    if !known || sum.sums != (word(header, 24), word(header, 28)) {
        // It is written and synced before anything else, and too short to be written in parts.
        return Ok(Some("its header does not fit".to_owned()));
    }
    let mut frame = vec![0; FRAME + page];
    // The first frame that does not fit, and whether a whole transaction stands behind it.
    let mut broken: Option<(u64, bool)> = None;
    let mut number = 0;
    while filled(&mut frames, &mut frame)? {
        number += 1;
        let ours = frame[8..16] == header[16..24];
        let commits = ours && word(&frame, 4) != 0;
        match &mut broken {
            None => {
                sum.add(&frame[..8]);
                sum.add(&frame[FRAME..]);
                if !ours || sum.sums != (word(&frame, 16), word(&frame, 20)) {
                    broken = Some((number, commits));
                }
            }
            Some((first, true)) if ours => {
                let what = format!("frame {first} does not fit, and it was made durable");
                return Ok(Some(what));
            }
            Some((_, whole)) => *whole |= commits,
        }
    }
    Ok(None)
}
