//! Where the repository is, and how its cargo is called. Nothing here needs git.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository: the folder above this crate.
///
/// `cargo run` names the crate's folder in the environment, which stays right when a checkout is moved; the path known
/// at compile time serves when the binary is started by hand or by another crate's test.
pub(crate) fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .filter(|named| named.ends_with("xtask"))
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// The build folder, as cargo would choose it.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |chosen| root().join(chosen))
}

/// The cargo that started us, or the one on the path, run in the root of the repository.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}
