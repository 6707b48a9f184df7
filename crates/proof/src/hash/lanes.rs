//! SHA-256 of independent messages side by side, one in each lane of the processor's registers,
//! with the widest vector instructions it has. Refuses to know what the messages mean; whoever has
//! one message uses `ring`.

use gavel_auction::event::Digest;
use pulp::{Arch, Simd, WithSimd};
use std::sync::LazyLock;

/// What SHA-256 carries from block to block.
pub(super) type State = [u32; 8];

/// The state before any block.
pub(super) const START: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// Fewer messages than this are hashed sooner one after the other.
const FEWEST: usize = 4;

/// Lanes of the widest registers there are.
const MOST: usize = 16;

const BLOCK: usize = 64;

/// One word of each message.
type Words = [u32; MOST];

/// A message to be hashed.
pub(super) struct Job<'a> {
    /// What the blocks before the rest have left.
    pub(super) state: State,
    /// How many blocks that were.
    pub(super) before: u64,
    /// The rest.
    pub(super) rest: &'a [u8],
}

/// Whether so many messages are hashed faster here than by `ring`.
pub(super) fn pay(messages: usize) -> bool {
    static FASTER: LazyLock<bool> = LazyLock::new(|| match lanes() {
        0..8 => false,
        8..MOST => !has_sha_instructions(),
        MOST.. => true,
    });
    messages >= FEWEST && *FASTER
}

/// How many messages this processor can hash side by side.
fn lanes() -> usize {
    struct Lanes;
    impl WithSimd for Lanes {
        type Output = usize;
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::U32_LANES.min(MOST)
        }
    }
    Arch::new().dispatch(Lanes)
}

#[cfg(target_arch = "x86_64")]
fn has_sha_instructions() -> bool {
    std::arch::is_x86_feature_detected!("sha")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_sha_instructions() -> bool {
    true
}

/// The hash of each message.
pub(super) fn hash(jobs: &[Job<'_>]) -> Vec<Digest> {
    run(jobs, lanes())
}

/// The state after one more block.
pub(super) fn after(state: State, block: &[u8; BLOCK]) -> State {
    let mut blocks = Blocks::default();
    blocks.begin(0, &state);
    blocks.load(0, block);
    Arch::new().dispatch(&mut blocks);
    blocks.states.map(|words| words[0])
}

/// Keeps so many lanes busy: whichever has finished its message takes the next one.
fn run(jobs: &[Job<'_>], width: usize) -> Vec<Digest> {
    let arch = Arch::new();
    let mut hashes = vec![Digest([0; 32]); jobs.len()];
    let mut waiting = jobs.iter().zip(&mut hashes);
    let mut lanes: Vec<Option<Lane<'_>>> = (0..width).map(|_| None).collect();
    let mut blocks = Blocks::default();
    loop {
        let mut busy = false;
        for (n, lane) in lanes.iter_mut().enumerate() {
            if lane.is_none()
                && let Some((job, hash)) = waiting.next()
            {
                blocks.begin(n, &job.state);
                *lane = Some(Lane::new(job, hash));
            }
            if let Some(lane) = lane {
                blocks.load(n, lane.next_block());
                busy = true;
            }
        }
        if !busy {
            return hashes;
        }
        arch.dispatch(&mut blocks);
        for (n, lane) in lanes.iter_mut().enumerate() {
            if let Some(done) = lane.take_if(|lane| lane.is_done()) {
                *done.hash = blocks.hash(n);
            }
        }
    }
}

/// A message on its way through one lane.
struct Lane<'a> {
    whole: &'a [[u8; BLOCK]],
    /// What is left over, and the padding: one block or two.
    tail: [[u8; BLOCK]; 2],
    /// How many blocks it has, and how many of them are done.
    blocks: usize,
    done: usize,
    hash: &'a mut Digest,
}

impl<'a> Lane<'a> {
    fn new(job: &Job<'a>, hash: &'a mut Digest) -> Self {
        let (whole, left) = job.rest.as_chunks();
        let mut tail = [[0; BLOCK]; 2];
        let tails = if left.len() < BLOCK - 8 { 1 } else { 2 };
        let flat = tail.as_flattened_mut();
        flat[..left.len()].copy_from_slice(left);
        flat[left.len()] = 0x80;
        let bits = 8 * (job.before * BLOCK as u64 + job.rest.len() as u64);
        flat[tails * BLOCK - 8..tails * BLOCK].copy_from_slice(&bits.to_be_bytes());
        Self { whole, tail, blocks: whole.len() + tails, done: 0, hash }
    }

    fn next_block(&mut self) -> &[u8; BLOCK] {
        let place = self.done;
        self.done += 1;
        self.whole.get(place).unwrap_or_else(|| &self.tail[place - self.whole.len()])
    }

    fn is_done(&self) -> bool {
        self.done == self.blocks
    }
}

/// One block of each message, and the states before it, or after.
#[derive(Default)]
struct Blocks {
    states: [Words; 8],
    words: [Words; 16],
}

impl Blocks {
    fn begin(&mut self, lane: usize, state: &State) {
        self.states.iter_mut().zip(state).for_each(|(words, word)| words[lane] = *word);
    }

    fn load(&mut self, lane: usize, block: &[u8; BLOCK]) {
        let bytes = block.as_chunks().0.iter();
        let each = self.words.iter_mut().zip(bytes);
        each.for_each(|(words, bytes)| words[lane] = u32::from_be_bytes(*bytes));
    }

    fn hash(&self, lane: usize) -> Digest {
        let mut hash = Digest([0; 32]);
        let each = hash.0.as_chunks_mut().0.iter_mut().zip(&self.states);
        each.for_each(|(bytes, words)| *bytes = words[lane].to_be_bytes());
        hash
    }
}

/// The compression function of FIPS 180-4, section 6.2.2, in each lane.
impl WithSimd for &mut Blocks {
    type Output = ();

    // Whatever is called here must be inlined to be made of vector instructions, and the sixteen
    // rounds are written out so that all words stay in registers.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let of = |words: &Words| S::as_simd_u32s(words).0[0];
        let add = |a, b| simd.add_u32s(a, b);
        let xor = |a, b| simd.xor_u32s(a, b);
        let and = |a, b| simd.and_u32s(a, b);
        let right = |a, bits| simd.wrapping_dyn_shr_u32s(a, simd.splat_u32s(bits));
        let left = |a, bits| simd.wrapping_dyn_shl_u32s(a, simd.splat_u32s(bits));
        let turn = |a, bits| simd.or_u32s(right(a, bits), left(a, 32 - bits));
        let turns = |a, x, y, z| xor(xor(turn(a, x), turn(a, y)), turn(a, z));
        let mix = |a, x, y, z| xor(xor(turn(a, x), turn(a, y)), right(a, z));

        let mut words = [simd.splat_u32s(0); 16];
        words.iter_mut().zip(&self.words).for_each(|(word, words)| *word = of(words));
        let [mut a, mut b, mut c, mut d] = [0, 1, 2, 3].map(|n: usize| of(&self.states[n]));
        let [mut e, mut f, mut g, mut h] = [4, 5, 6, 7].map(|n: usize| of(&self.states[n]));
        for (sixteen, constants) in ROUNDS.iter().enumerate() {
            macro_rules! rounds {
                ($($n:literal)*) => {$(
                    if sixteen > 0 {
                        let s0 = mix(words[($n + 1) % 16], 7, 18, 3);
                        let s1 = mix(words[($n + 14) % 16], 17, 19, 10);
                        words[$n] = add(add(words[$n], s0), add(words[($n + 9) % 16], s1));
                    }
                    let keyed = add(words[$n], simd.splat_u32s(constants[$n]));
                    let choice = xor(g, and(e, xor(f, g)));
                    let t1 = add(add(h, turns(e, 6, 11, 25)), add(choice, keyed));
                    let majority = xor(and(a, xor(b, c)), and(b, c));
                    let t2 = add(turns(a, 2, 13, 22), majority);
                    (h, g, f, e) = (g, f, e, add(d, t1));
                    (d, c, b, a) = (c, b, a, add(t1, t2));
                )*};
            }
            rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        for (state, word) in self.states.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            let state = &mut S::as_mut_simd_u32s(state).0[0];
            *state = add(*state, word);
        }
    }
}

/// The constants of the 64 rounds.
const ROUNDS: [[u32; 16]; 4] = [
    [
        0x428a_2f98,
        0x7137_4491,
        0xb5c0_fbcf,
        0xe9b5_dba5,
        0x3956_c25b,
        0x59f1_11f1,
        0x923f_82a4,
        0xab1c_5ed5,
        0xd807_aa98,
        0x1283_5b01,
        0x2431_85be,
        0x550c_7dc3,
        0x72be_5d74,
        0x80de_b1fe,
        0x9bdc_06a7,
        0xc19b_f174,
    ],
    [
        0xe49b_69c1,
        0xefbe_4786,
        0x0fc1_9dc6,
        0x240c_a1cc,
        0x2de9_2c6f,
        0x4a74_84aa,
        0x5cb0_a9dc,
        0x76f9_88da,
        0x983e_5152,
        0xa831_c66d,
        0xb003_27c8,
        0xbf59_7fc7,
        0xc6e0_0bf3,
        0xd5a7_9147,
        0x06ca_6351,
        0x1429_2967,
    ],
    [
        0x27b7_0a85,
        0x2e1b_2138,
        0x4d2c_6dfc,
        0x5338_0d13,
        0x650a_7354,
        0x766a_0abb,
        0x81c2_c92e,
        0x9272_2c85,
        0xa2bf_e8a1,
        0xa81a_664b,
        0xc24b_8b70,
        0xc76c_51a3,
        0xd192_e819,
        0xd699_0624,
        0xf40e_3585,
        0x106a_a070,
    ],
    [
        0x19a4_c116,
        0x1e37_6c08,
        0x2748_774c,
        0x34b0_bcb5,
        0x391c_0cb3,
        0x4ed8_aa4a,
        0x5b9c_ca4f,
        0x682e_6ff3,
        0x748f_82ee,
        0x78a5_636f,
        0x84c8_7814,
        0x8cc7_0208,
        0x90be_fffa,
        0xa450_6ceb,
        0xbef9_a3f7,
        0xc671_78f2,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;
    use proptest::prelude::*;

    fn from_start(messages: &[Vec<u8>]) -> Vec<Job<'_>> {
        messages.iter().map(|rest| Job { state: START, before: 0, rest }).collect()
    }

    fn by_ring(messages: &[Vec<u8>]) -> Vec<Digest> {
        messages.iter().map(|message| sha256(message)).collect()
    }

    proptest! {
        #[test]
        fn lanes_agree_with_ring(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40)
        ) {
            let expected = by_ring(&messages);
            for width in [1, 4, 8, 16].into_iter().filter(|width| *width <= lanes()) {
                prop_assert_eq!(&run(&from_start(&messages), width), &expected);
            }
        }

        #[test]
        fn a_message_may_go_on_after_whole_blocks(
            message in prop::collection::vec(any::<u8>(), 128..300)
        ) {
            let (first, rest) = message.split_first_chunk().unwrap();
            let (second, rest) = rest.split_first_chunk().unwrap();
            let state = after(after(START, first), second);
            let hashes = hash(&[Job { state, before: 2, rest }]);
            prop_assert_eq!(hashes, [sha256(&message)]);
        }
    }

    #[test]
    fn every_length_is_padded_right() {
        let messages: Vec<Vec<u8>> = (0..200).map(|length| vec![0xa5; length]).collect();
        assert_eq!(hash(&from_start(&messages)), by_ring(&messages));
    }
}
