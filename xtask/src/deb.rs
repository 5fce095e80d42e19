//! `cargo xtask deb`: the Debian package, put together from what `packaging/` holds, the built program, and what it says of itself
//! (man pages, completions).

use crate::{process, workspace};
use anyhow::{Context as _, ensure};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `cargo xtask deb` takes.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Package this program instead of building one for release.
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Where the package is put; the build folder if not given.
    #[arg(long)]
    output: Option<PathBuf>,
}

/// Builds the package and says where it is.
///
/// # Errors
/// When the program cannot be built, or a file cannot be written.
pub(crate) fn run(options: &Options) -> anyhow::Result<bool> {
    let binary = match &options.binary {
        Some(binary) => binary.clone(),
        None => {
            let built = process::succeeds(workspace::cargo().args(["build", "--release", "--package", "mayfly"]))?;
            ensure!(built, "the build failed");
            workspace::target().join("release/mayfly")
        }
    };
    let output = options.output.clone().unwrap_or_else(workspace::target);
    let architecture = process::printed(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned();
    ensure!(!architecture.is_empty(), "dpkg does not say what machine this is: the package is built on Debian");
    let name = format!("mayfly_{}_{architecture}.deb", env!("CARGO_PKG_VERSION"));
    let tree = output.join(format!("{name}.tree"));
    if tree.exists() {
        fs::remove_dir_all(&tree)?;
    }
    fill(&tree, &binary, &architecture)?;
    let package = output.join(name);
    let mut build = Command::new("dpkg-deb");
    build.args(["--root-owner-group", "-Zzstd", "--build"]).arg(&tree).arg(&package);
    ensure!(process::succeeds_quietly(&mut build)?, "dpkg-deb failed");
    fs::remove_dir_all(&tree)?;
    println!("{}", package.display());
    Ok(true)
}

/// Everything that the package holds, as it will lie on the machine.
fn fill(tree: &Path, binary: &Path, architecture: &str) -> anyhow::Result<()> {
    let packaging = workspace::root().join("packaging");
    let program = tree.join("usr/bin/mayfly");
    install(binary, &program, 0o755)?;
    for (from, to) in [
        ("mayfly.service", "usr/lib/systemd/system/mayfly.service"),
        ("sysusers.conf", "usr/lib/sysusers.d/mayfly.conf"),
        ("default", "etc/default/mayfly"),
        ("copyright", "usr/share/doc/mayfly/copyright"),
    ] {
        install(&packaging.join(from), &tree.join(to), 0o644)?;
    }
    documents(&workspace::root().join("docs"), &tree.join("usr/share/doc/mayfly"))?;
    let changes = tree.join("usr/share/doc/mayfly/changelog");
    install(&workspace::root().join("CHANGELOG.md"), &changes, 0o644)?;
    compress(&changes)?;
    manual(tree, &program)?;
    control(tree, &packaging, architecture)
}

/// A folder of documents with all below it.
fn documents(from: &Path, to: &Path) -> anyhow::Result<()> {
    for document in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let document = document?.path();
        let place = to.join(document.file_name().unwrap_or_default());
        if document.is_dir() {
            documents(&document, &place)?;
        } else {
            install(&document, &place, 0o644)?;
        }
    }
    Ok(())
}

fn install(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    fs::create_dir_all(to.parent().unwrap_or(to))?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Man pages and completions, as the program itself writes them.
fn manual(tree: &Path, program: &Path) -> anyhow::Result<()> {
    let pages = tree.join("usr/share/man/man1");
    fs::create_dir_all(&pages)?;
    ensure!(process::succeeds_quietly(Command::new(program).arg("man").arg(&pages))?, "mayfly wrote no man pages");
    for page in fs::read_dir(&pages)? {
        compress(&page?.path())?;
    }
    for (shell, path) in [
        ("bash", "usr/share/bash-completion/completions/mayfly"),
        ("zsh", "usr/share/zsh/vendor-completions/_mayfly"),
        ("fish", "usr/share/fish/vendor_completions.d/mayfly.fish"),
    ] {
        let script = process::printed(Command::new(program).args(["completions", shell]))?;
        ensure!(!script.is_empty(), "mayfly wrote no completions for {shell}");
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, script)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

fn compress(file: &Path) -> anyhow::Result<()> {
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))?;
    ensure!(process::succeeds_quietly(Command::new("gzip").args(["-9", "-n"]).arg(file))?, "gzip failed");
    Ok(())
}

/// What dpkg is told of the package, and what it runs.
fn control(tree: &Path, packaging: &Path, architecture: &str) -> anyhow::Result<()> {
    let folder = tree.join("DEBIAN");
    for script in ["postinst", "prerm", "postrm"] {
        install(&packaging.join(script), &folder.join(script), 0o755)?;
    }
    fs::write(folder.join("conffiles"), "/etc/default/mayfly\n")?;
    // The oldest Debian that it is built for has this C library; systemd makes the user and runs the server.
    let control = format!(
        "Package: mayfly\nVersion: {}\nArchitecture: {architecture}\nMaintainer: The Mayfly authors <mayfly@localhost>\n\
         Section: admin\nPriority: optional\nDepends: libc6 (>= 2.36), systemd, procps\nRecommends: openssh-client\n\
         Suggests: postgresql-client\n\
         Description: accounts that exist for one session\n Makes an account on a database or machine when somebody connects, takes \
         them there\n without showing them a secret, and removes it when they leave.\n",
        env!("CARGO_PKG_VERSION")
    );
    fs::write(folder.join("control"), control)?;
    for folder in directories(tree)? {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Every directory of the tree: whoever builds may have another umask than a package should.
fn directories(tree: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![tree.to_owned()];
    for entry in fs::read_dir(tree)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(directories(&path)?);
        }
    }
    Ok(found)
}
