//! The Merkle tree of RFC 6962: one hash for many leaves, and for each leaf a short path that shows
//! it is under that hash. Refuses to know what a leaf says. A path does not bind the size of its
//! tree; whoever signs a root signs the size with it.
//!
//! A leaf hashes to SHA-256(0x00, leaf), a node to SHA-256(0x01, left, right), bare bytes without
//! frames; the left part of a split is the largest power of two that is smaller than the whole.

use crate::hash::sha256;
use gavel_auction::event::Digest;

/// A tree with all its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The hashes of the leaves, then of the nodes above them, up to the root. A node without a
    /// right neighbour rises unchanged, which gives the split that the standard asks for.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over these leaves, in their order.
    #[must_use]
    pub fn of<L: AsRef<[u8]>>(leaves: &[L]) -> Self {
        let mut level: Vec<Digest> = leaves.iter().map(|leaf| leaf_hash(leaf.as_ref())).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => node_hash(left, right),
                alone => alone[0],
            });
            let above = above.collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// The hash over all leaves; of no leaves, SHA-256 of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|top| top.first());
        top.copied().unwrap_or_else(|| sha256(b""))
    }

    /// What must be hashed with a leaf, from the bottom up, to give the root.
    #[must_use]
    pub fn path(&self, index: usize) -> Vec<Digest> {
        let levels = self.levels.iter().enumerate();
        levels.filter_map(|(height, level)| level.get((index >> height) ^ 1).copied()).collect()
    }
}

/// The root that a leaf and its path give in a tree of this size; none if there is no such place,
/// or the path is not as long as that place is deep.
#[must_use]
pub fn root_of(leaf: &[u8], index: u64, size: u64, path: &[Digest]) -> Option<Digest> {
    let mut last = size.checked_sub(1).filter(|last| index <= *last)?;
    let mut place = index;
    let mut hash = leaf_hash(leaf);
    for beside in path {
        if last == 0 {
            return None;
        }
        if place % 2 == 1 || place == last {
            hash = node_hash(beside, &hash);
            let risen = place.trailing_zeros();
            (place, last) = (place >> risen, last >> risen);
        } else {
            hash = node_hash(&hash, beside);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    (last == 0).then_some(hash)
}

fn leaf_hash(leaf: &[u8]) -> Digest {
    let mut bytes = Vec::with_capacity(1 + leaf.len());
    bytes.push(0);
    bytes.extend_from_slice(leaf);
    sha256(&bytes)
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of RFC 6962, section 2.1, read literally.
    fn by_definition(leaves: &[Vec<u8>]) -> Digest {
        match leaves {
            [] => sha256(b""),
            [leaf] => leaf_hash(leaf),
            many => {
                let (left, right) = many.split_at(split(many.len()));
                node_hash(&by_definition(left), &by_definition(right))
            }
        }
    }

    /// Section 2.1.1, read literally.
    fn path_by_definition(index: usize, leaves: &[Vec<u8>]) -> Vec<Digest> {
        if leaves.len() < 2 {
            return Vec::new();
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut path, beside) = if index < left.len() {
            (path_by_definition(index, left), by_definition(right))
        } else {
            (path_by_definition(index - left.len(), right), by_definition(left))
        };
        path.push(beside);
        path
    }

    fn split(many: usize) -> usize {
        many.next_power_of_two() / 2
    }

    fn leaves(many: usize) -> Vec<Vec<u8>> {
        (0..many).map(|leaf| format!("leaf {leaf}").into_bytes()).collect()
    }

    /// The leaves and roots that implementations of Certificate Transparency are tested with.
    #[test]
    fn known_roots() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let leaves: Vec<Vec<u8>> = leaves.iter().map(|leaf| hex::decode(leaf).unwrap()).collect();
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(Tree::of(&leaves[..size]).root().to_string(), *root, "{size}");
        }
        let path: Vec<String> = Tree::of(&leaves).path(5).iter().map(Digest::to_string).collect();
        assert_eq!(
            path,
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    #[test]
    fn trees_and_paths_are_as_defined() {
        for size in 0..=130 {
            let leaves = leaves(size);
            let tree = Tree::of(&leaves);
            assert_eq!(tree.root(), by_definition(&leaves), "{size}");
            for (index, leaf) in leaves.iter().enumerate() {
                let path = tree.path(index);
                if size < 40 || index % 17 == 3 {
                    let defined = path_by_definition(index, &leaves);
                    assert_eq!(path, defined, "{index} of {size}");
                }
                let root = root_of(leaf, index as u64, size as u64, &path);
                assert_eq!(root, Some(tree.root()), "{index} of {size}");
            }
        }
    }

    #[test]
    fn nothing_else_gives_the_root() {
        for size in 1..=130_usize {
            let leaves = leaves(size);
            let tree = Tree::of(&leaves);
            let holds = |leaf: &[u8], index: usize, path: &[Digest]| {
                root_of(leaf, index as u64, size as u64, path) == Some(tree.root())
            };
            for (index, leaf) in leaves.iter().enumerate() {
                let path = tree.path(index);
                assert!(!holds(b"another leaf", index, &path));
                let others = (0..size + 3).filter(|other| *other != index);
                for other in others.filter(|other| size < 40 || (other ^ index) % 13 == 1) {
                    assert!(!holds(leaf, other, &path), "{index} as {other} of {size}");
                }
                let longer = [path.clone(), vec![Digest([0; 32])]].concat();
                assert!(!holds(leaf, index, &longer));
                for place in 0..path.len() {
                    if size >= 40 && (place + index) % 5 > 0 {
                        continue;
                    }
                    let mut wrong = path.clone();
                    wrong[place].0[size % 32] ^= 1;
                    assert!(!holds(leaf, index, &wrong));
                    wrong.remove(place);
                    assert!(!holds(leaf, index, &wrong));
                }
                // A path of another length than the place asks for is refused whatever it gives.
                let elsewhere = root_of(leaf, index as u64, 4 * size as u64, &path);
                assert_eq!(elsewhere, None);
            }
        }
        assert_eq!(root_of(b"", 0, 0, &[]), None);
        assert_eq!(root_of(b"", u64::MAX, u64::MAX, &[Digest([0; 32])]), None);
    }
}
