//! Pictures as programs write them (`samples`: Pillow 13, with EXIF, a place, XMP, comments),
//! cleaned; and every way to cut them off or spoil a byte.

use super::*;
use crate::pictures::look;

const PHOTO: &[u8] = include_bytes!("samples/photo.jpg");
const WEBP: &[u8] = include_bytes!("samples/photo.webp");
const DRAWING: &[u8] = include_bytes!("samples/drawing.png");
const MOVING: &[u8] = include_bytes!("samples/moving.gif");

const ALL: [(&str, &[u8]); 4] =
    [("image/jpeg", PHOTO), ("image/webp", WEBP), ("image/png", DRAWING), ("image/gif", MOVING)];

fn holds(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

#[test]
fn what_was_written_beside_it_goes_and_the_picture_stays() {
    for (kind, bytes) in ALL {
        assert!(holds(bytes, b"Canary"), "{kind}: the test sees what it looks for");
        let cleaned = clean(kind, bytes).unwrap();
        for words in [&b"Canary"[..], b"2026:11:21", b"adobe:ns:meta", b"XMP ", b"tEXt", b"zTXt"] {
            assert!(!holds(&cleaned, words), "{kind}: {}", String::from_utf8_lossy(words));
        }
        assert_eq!(look::at(&cleaned).unwrap(), look::at(bytes).unwrap(), "{kind}");
        assert_eq!(clean(kind, &cleaned).unwrap(), cleaned, "{kind}: there is nothing left");
    }
}

#[test]
fn which_way_up_it_is_stays() {
    for (kind, bytes) in ALL.into_iter().take(3) {
        let cleaned = clean(kind, bytes).unwrap();
        assert!(holds(&cleaned, &upright(6)), "{kind}");
        assert!(!holds(bytes, &upright(6)), "{kind}: it was in a longer EXIF");
    }
    let cleaned = clean("image/webp", WEBP).unwrap();
    assert_eq!(cleaned[20] & (EXIF | XMP), EXIF, "its head says what is in it");
}

#[test]
fn pixels_colours_and_frames_are_the_same_bytes() {
    let part = |bytes: &[u8], begin: &[u8]| {
        let from = bytes.windows(begin.len()).position(|window| window == begin).unwrap();
        bytes[from..].to_vec()
    };
    let photo = clean("image/jpeg", PHOTO).unwrap();
    assert_eq!(part(&photo, b"\xff\xc2"), part(PHOTO, b"\xff\xc2"), "frame and all scans");
    assert!(holds(&photo, b"ICC_PROFILE\0") && holds(&photo, b"JFIF\0"));
    let of_png = |bytes: &[u8]| {
        let data = part(bytes, b"IDAT");
        let end = data.windows(4).position(|window| window == b"IEND").unwrap();
        data[..end - 8].to_vec()
    };
    let drawing = clean("image/png", DRAWING).unwrap();
    assert!(of_png(&drawing).starts_with(&of_png(DRAWING)[..40]));
    let webp = clean("image/webp", WEBP).unwrap();
    assert_eq!(part(&webp, b"VP8 ")[..60], part(WEBP, b"VP8 ")[..60]);
    let moving = clean("image/gif", MOVING).unwrap();
    let frames = |bytes: &[u8]| bytes.windows(3).filter(|at| *at == b"\x21\xf9\x04").count();
    assert_eq!((frames(&moving), frames(MOVING)), (2, 2));
    assert!(holds(&moving, b"NETSCAPE2.0"));
}

#[test]
fn no_thumbnail_stays() {
    let jfif = |size: [u8; 2], thumbnail: &[u8]| {
        [&b"JFIF\0\x01\x01\x01\0\x48\0\x48"[..], &size, thumbnail].concat()
    };
    let with = |bodies: &[&[u8]]| {
        let mut bytes = PHOTO[..2].to_vec();
        bodies.iter().for_each(|body| segment(&mut bytes, 0xe0, body).unwrap());
        let rest = PHOTO.windows(2).position(|at| at == b"\xff\xe1").unwrap();
        bytes.extend_from_slice(&PHOTO[rest..]);
        clean("image/jpeg", &bytes).unwrap()
    };
    let plain = with(&[&jfif([0, 0], b"")]);
    assert_eq!(with(&[&jfif([1, 2], b"Canary")]), plain, "its thumbnail is neither said nor there");
    let small = b"JFXX\0\x10\xff\xd8\xff\xe1\0\x10Exif\0\0Canary";
    assert_eq!(with(&[&jfif([0, 0], b""), small]), plain);
    assert_eq!(look::at(&plain).unwrap(), look::at(PHOTO).unwrap());
}

#[test]
fn a_frame_has_its_pixels_alone() {
    let moving = |beside: Option<&[u8]>| {
        let mut frame = vec![0; 16];
        part(&mut frame, *b"VP8L", b"pixels").unwrap();
        if let Some(beside) = beside {
            part(&mut frame, *b"EXIF", beside).unwrap();
        }
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        for (name, body) in [(b"VP8X", &[0; 10][..]), (b"ANIM", &[0; 6]), (b"ANMF", &frame)] {
            part(&mut bytes, *name, body).unwrap();
        }
        let whole = u32::try_from(bytes.len() - 8).unwrap();
        bytes[4..8].copy_from_slice(&whole.to_le_bytes());
        bytes
    };
    let bare = moving(None);
    assert_eq!(clean("image/webp", &moving(Some(b"Canary"))).unwrap(), bare);
    assert_eq!(clean("image/webp", &bare).unwrap(), bare);
}

#[test]
fn what_says_nothing_has_no_room_for_anything() {
    let end = DRAWING.len() - 12;
    assert_eq!(&DRAWING[end + 4..end + 8], b"IEND");
    let said = [&DRAWING[..end], &chunk(*b"IEND", b"Canary")].concat();
    assert_eq!(clean("image/png", &said).unwrap(), clean("image/png", DRAWING).unwrap());
    for length in [0_u32, 9, 12] {
        let mut bytes = [&WEBP[..16], &length.to_le_bytes()].concat();
        bytes.resize(20 + length as usize + length as usize % 2, 0);
        bytes.extend_from_slice(&WEBP[30..]);
        let whole = u32::try_from(bytes.len() - 8).unwrap();
        bytes[4..8].copy_from_slice(&whole.to_le_bytes());
        assert!(clean("image/webp", &bytes).is_err(), "a head of {length}");
    }
}

#[test]
fn what_hangs_behind_the_end_goes_too() {
    for (kind, bytes) in ALL {
        let longer = [bytes, b"ftypmp42 Canary: a film of where it was"].concat();
        assert_eq!(clean(kind, &longer).unwrap(), clean(kind, bytes).unwrap(), "{kind}");
    }
}

#[test]
fn what_is_cut_off_is_not_taken_and_no_byte_breaks_anything() {
    for (kind, bytes) in ALL {
        for end in 0..bytes.len() {
            let cut = &bytes[..end];
            let complaint = clean(kind, cut).err().map(|problem| problem.code());
            assert_eq!(complaint, Some("unsupported_media_type"), "{kind} cut at {end}");
        }
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xd9, 0xda, 0xff] {
                let mut spoiled = bytes.to_vec();
                spoiled[at] = value;
                // Taken or not: it ends, within its bounds.
                if let Ok(cleaned) = clean(kind, &spoiled) {
                    assert!(cleaned.len() <= spoiled.len() + 64, "{kind} at {at}");
                }
            }
        }
    }
}
