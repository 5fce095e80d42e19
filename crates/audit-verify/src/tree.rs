//! The hashes of RFC 6962 §2.1 over SHA-256: leaves, nodes, and the root of everything read so far.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// The hash of an entry.
pub(crate) fn leaf_hash(bytes: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(bytes);
    hasher.finalize().into()
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The roots of the full subtrees of what was read, each with how many leaves it has, largest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    subtrees: Vec<(u64, Hash)>,
}

impl Tree {
    /// Adds a leaf: it is a subtree of one, and two of one size become one of twice that size.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let mut new = (1, leaf);
        while let Some((size, left)) = self.subtrees.pop_if(|(size, _)| *size == new.0) {
            new = (size * 2, node_hash(&left, &new.1));
        }
        self.subtrees.push(new);
    }

    /// The root: the smaller subtrees hang to the right of the larger ones.
    pub(crate) fn root(&self) -> Hash {
        let right_to_left = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        right_to_left.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: &Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The roots that certificate-transparency publishes for these eight inputs (`merkletree/merkle_tree_test.cc`), which
    /// RFC 6962 §2.1 and RFC 9162 §2.1 define alike.
    #[test]
    fn roots_are_the_published_ones() {
        let inputs: [&[u8]; 8] = [
            &[],
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut tree = Tree::default();
        assert_eq!(hex(&tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (input, root) in inputs.into_iter().zip(roots) {
            tree.push(leaf_hash(input));
            assert_eq!(hex(&tree.root()), root);
        }
    }
}
