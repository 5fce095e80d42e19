//! The Merkle tree of RFC 6962 §2.1, as a compact range: one hash for each full subtree, so that appending and the root cost
//! a logarithm and the whole state fits in a row.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// The leaf hash of an entry: `SHA-256(0x00 ‖ bytes)`.
pub(crate) fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(bytes).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The tree of the first `size` entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tree {
    size: u64,
    /// The roots of the full subtrees, largest first: one for each bit of `size` that is set.
    peaks: Vec<Hash>,
    last: Hash,
}

impl Tree {
    /// A tree read back from the store; `None` when the parts do not fit one another.
    pub(crate) fn from_parts(size: u64, peaks: &[u8], last: Hash) -> Option<Self> {
        let (chunks, rest) = peaks.as_chunks::<32>();
        let fits = rest.is_empty() && chunks.len() == size.count_ones() as usize;
        fits.then(|| Self { size, peaks: chunks.to_vec(), last })
    }

    /// How many entries there are.
    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// The peaks one after another, as the store keeps them.
    pub(crate) fn peaks(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// The leaf hash of the last entry; zeros when there is none.
    pub(crate) const fn last(&self) -> &Hash {
        &self.last
    }

    /// Appends an entry by its leaf hash.
    pub(crate) fn append(&mut self, leaf: Hash) {
        let mut hash = leaf;
        // Each bit that is set at the low end is a full subtree that the new one completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node(&left, &hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        self.last = leaf;
    }

    /// The root.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(first) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*first, |right, left| node(left, &right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mayfly_domain::audit::hex;
    use proptest::prelude::*;

    /// The inputs and roots of certificate-transparency's Merkle tree tests (`merkletree/merkle_tree_test.cc`).
    const INPUTS: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn roots_are_the_published_ones() {
        let mut tree = Tree::default();
        assert_eq!(hex(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (input, root) in INPUTS.iter().zip(ROOTS) {
            tree.append(leaf(input));
            assert_eq!(hex(&tree.root()), root);
        }
    }

    /// The definition of RFC 6962 §2.1, as it stands there.
    fn defined(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [only] => *only,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node(&defined(&leaves[..k]), &defined(&leaves[k..]))
            }
        }
    }

    proptest! {
        #[test]
        fn the_compact_range_is_the_tree_of_the_definition(count in 0_usize..200) {
            let leaves: Vec<Hash> = (0..count).map(|number| leaf(&number.to_be_bytes())).collect();
            let mut tree = Tree::default();
            leaves.iter().for_each(|leaf| tree.append(*leaf));
            prop_assert_eq!(tree.root(), defined(&leaves));
            prop_assert_eq!(Tree::from_parts(tree.size(), &tree.peaks(), *tree.last()), Some(tree.clone()));
            prop_assert_eq!(Tree::from_parts(tree.size() * 2 + 1, &tree.peaks(), *tree.last()), None);
        }
    }
}
