//! Planted bugs, for the simulator to find: each is off until it is chosen by name, and there is
//! none at all unless the feature `mutants` builds them in, which no release build does.

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("planted bugs are never built into a release: leave out the feature `mutants`");

/// A digest of the chosen bug's name; 0 while none is.
#[cfg(feature = "mutants")]
static CHOSEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);

/// Chooses which planted bug is at work in this process; none: the house as it is.
#[cfg(feature = "mutants")]
pub fn choose(name: Option<&'static str>) {
    CHOSEN.store(name.map_or(0, short), std::sync::atomic::Ordering::SeqCst);
}

/// Whether this planted bug is at work.
#[cfg(feature = "mutants")]
#[must_use]
#[inline]
pub fn on(name: &'static str) -> bool {
    CHOSEN.load(std::sync::atomic::Ordering::Relaxed) == short(name)
}

/// Whether this planted bug is at work: there is none.
#[cfg(not(feature = "mutants"))]
#[must_use]
#[inline(always)]
pub const fn on(_: &'static str) -> bool {
    false
}

/// 64 bits of a name (FNV-1a), computed when the program is built.
#[cfg(feature = "mutants")]
const fn short(name: &'static str) -> u64 {
    let (mut hash, mut rest) = (0xcbf2_9ce4_8422_2325_u64, name.as_bytes());
    while let [byte, others @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        rest = others;
    }
    hash
}
