//! Of all that EXIF may say, the one thing a picture is shown by: which way up it is.

/// The tag of the way up.
const ORIENTATION: u16 = 0x0112;

/// Which way up it is, if that is said and is not the way it lies.
pub(super) fn orientation(tiff: &[u8]) -> Option<u8> {
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None, // not ours: bytes
    };
    let two = |at: usize| {
        let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let first: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let first = if big { u32::from_be_bytes(first) } else { u32::from_le_bytes(first) };
    let first = usize::try_from(first).ok()?;
    for entry in 0..usize::from(two(first)?) {
        let at = first.checked_add(2)?.checked_add(entry * 12)?;
        if two(at)? == ORIENTATION {
            let turned = u8::try_from(two(at.checked_add(8)?)?).ok()?;
            return (2..=8).contains(&turned).then_some(turned);
        }
    }
    None
}

/// An EXIF that says this and nothing else.
pub(super) fn upright(turned: u8) -> [u8; 26] {
    let mut tiff = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    tiff[19] = turned;
    tiff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_up_is_read_in_both_orders_and_nothing_else_is() {
        for turned in 2..=8 {
            assert_eq!(orientation(&upright(turned)), Some(turned));
        }
        assert_eq!(orientation(&upright(1)), None, "as it lies");
        assert_eq!(orientation(&upright(9)), None);
        let little = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x01\0\0\0abcd\
            \x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(orientation(little), Some(6));
        for end in 0..little.len() - 6 {
            assert_eq!(orientation(&little[..end]), None, "{end}");
        }
        let far = b"II*\0\xff\xff\xff\xff\x02\0";
        assert_eq!(orientation(far), None);
    }
}
