//! The tables of every rule, and every named exception. A list of exceptions only shrinks: an entry that is no longer
//! needed is itself a violation, and a new one needs a reason that a reviewer would accept.

use super::attributes::RequiredAttribute;
use super::calls::CallRule;
use super::edges::Edges;
use super::lengths::{Lengths, LongFile};
use super::modules::Isolated;
use super::names::NameException;
use super::places::Place;
use super::text::{ForbiddenText, LenientScript};

/// Which crate of ours may use which.
pub(super) const EDGES: &[Edges] = &[
    Edges { from: "mayfly-domain", to: &[] },
    Edges { from: "mayfly-protocol", to: &[] },
    Edges { from: "mayfly-wire", to: &[] },
    Edges { from: "mayfly-audit-verify", to: &[] },
    Edges { from: "mayfly-engine", to: &["mayfly-domain"] },
    Edges { from: "mayfly-dial", to: &["mayfly-domain", "mayfly-protocol"] },
    Edges { from: "mayfly-access", to: &["mayfly-domain"] },
    Edges { from: "mayfly-vault", to: &["mayfly-domain"] },
    Edges { from: "mayfly-export", to: &["mayfly-access", "mayfly-engine", "mayfly-domain", "mayfly-dial"] },
    Edges { from: "mayfly-providers", to: &["mayfly-engine", "mayfly-domain", "mayfly-protocol", "mayfly-dial"] },
    Edges { from: "mayfly-brokers", to: &["mayfly-domain", "mayfly-protocol", "mayfly-dial"] },
    Edges { from: "mayfly-store", to: &["mayfly-engine", "mayfly-access", "mayfly-domain"] },
    Edges {
        from: "mayfly-server",
        to: &[
            "mayfly-access",
            "mayfly-brokers",
            "mayfly-dial",
            "mayfly-domain",
            "mayfly-engine",
            "mayfly-export",
            "mayfly-protocol",
            "mayfly-providers",
            "mayfly-store",
            "mayfly-vault",
            "mayfly-wire",
        ],
    },
    Edges { from: "mayfly", to: &["mayfly-server", "mayfly-wire", "mayfly-audit-verify"] },
];

/// What tests of a crate use beyond that and the development crates.
pub(super) const TEST_EDGES: &[Edges] = &[
    // The trail that the store writes is read by the verifier, which shares no code with it.
    Edges { from: "mayfly-store", to: &["mayfly-audit-verify"] },
];

/// Crates that are never part of the product: they may use what they need, and tests may use them.
pub(super) const DEVELOPMENT: &[&str] = &["mayfly-contract", "mayfly-testbed", "mayfly-e2e", "xtask"];

/// Crates whose top-level folders do not import each other.
pub(super) const ISOLATED: &[Isolated] = &[
    Isolated { source: "crates/providers/src", shared: &[] },
    Isolated { source: "crates/brokers/src", shared: &["relay"] },
];

/// Folders whose code names no provider.
pub(super) const NAMELESS: &[&str] = &["crates/engine/", "crates/domain/"];

/// What is not named there, in lower case.
pub(super) const NAMES: &[&str] = &[
    "postgres",
    "postgresql",
    "mysql",
    "mariadb",
    "mssql",
    "sqlserver",
    "oracle",
    "ldap",
    "linux",
    "macos",
    "windows",
    "aws",
];

/// Where one is named all the same.
pub(super) const NAME_EXCEPTIONS: &[NameException] = &[];

/// The files in which disallowed methods belong.
pub(super) const PLACES: &[Place] = &[
    Place { path: "crates/contract/src/clock.rs", reason: "the clock of the simulation, over paused time" },
    Place { path: "crates/dial/src/connect.rs", reason: "the one place that opens outbound connections" },
    Place {
        path: "crates/dial/src/ssh/trust.rs",
        reason: "certificates of hosts are judged by the wall clock, as TLS does",
    },
    Place {
        path: "crates/e2e/src/bin/bench/main.rs",
        reason: "the benchmark reads the machine's clock and starts what it measures",
    },
    Place { path: "crates/e2e/src/bin/demo/main.rs", reason: "the demo waits by the machine's clock" },
    Place { path: "crates/e2e/src/lib.rs", reason: "starts the real binary and real clients, and kills them" },
    Place { path: "crates/engine/src/tasks.rs", reason: "the one place that starts tasks, owned and named" },
    Place { path: "crates/mayfly/src/askpass.rs", reason: "asks the `mayfly` that runs ssh for a secret" },
    Place { path: "crates/mayfly/src/client/http.rs", reason: "the command line client speaks to the server" },
    Place { path: "crates/mayfly/src/verbs/doctor.rs", reason: "holds this machine's clock against the server's" },
    Place {
        path: "crates/mayfly/src/verbs/program.rs",
        reason: "the command line client runs the person's own clients",
    },
    Place { path: "crates/store/src/threads.rs", reason: "starts the store's threads, named and joined" },
    Place {
        path: "crates/server/src/api/serve.rs",
        reason: "looks whether an earlier run's socket is still somebody's",
    },
    Place { path: "crates/testbed/src/lib.rs", reason: "starts real servers for tests and connects to them" },
    Place { path: "xtask/src/main.rs", reason: "starts cargo, apt and the tests, and measures time" },
];

/// Constructors of proofs, and where they may be named.
pub(super) const CALLS: &[CallRule] = &[
    // The contract suite stands in for the engine towards a provider.
    CallRule { function: "Owed::from_ledger", allowed: &["crates/engine/src/", "crates/contract/src/"] },
    CallRule { function: "Outlet::named", allowed: &["crates/export/src/"] },
    CallRule { function: "Authorised::", allowed: &["crates/domain/src/"] },
    CallRule { function: "AbsentProof::from_sight", allowed: &["crates/engine/src/"] },
    CallRule { function: "ReleasedProof::from_prior", allowed: &["crates/engine/src/"] },
    CallRule { function: "ReleasedProof::from_sight", allowed: &["crates/engine/src/"] },
    CallRule { function: "KeptProof::from_sight", allowed: &["crates/engine/src/"] },
    CallRule { function: "WrittenOffProof::from_person", allowed: &["crates/engine/src/"] },
    CallRule { function: "Oneself::", allowed: &["crates/domain/src/"] },
    CallRule { function: "Administration::", allowed: &["crates/domain/src/"] },
];

/// How long a Rust file may be.
pub(super) const LENGTHS: Lengths = Lengths { code: 500, tests: 800 };

/// Files that are longer.
pub(super) const LONG_FILES: &[LongFile] = &[];

/// Attributes that named files carry: in decisions and in the lifecycle a new case must be thought of everywhere.
pub(super) const REQUIRED_ATTRIBUTES: &[RequiredAttribute] = &[RequiredAttribute {
    denied: "clippy::wildcard_enum_match_arm",
    paths: &[
        "crates/domain/src/audit.rs",
        "crates/domain/src/authorise.rs",
        "crates/domain/src/change.rs",
        "crates/domain/src/session.rs",
    ],
}];

/// Text that no file holds. Written in two halves, so that this file passes its own rule.
pub(super) const FORBIDDEN_TEXT: &[ForbiddenText] = &[
    ForbiddenText { text: concat!("FIX", "ME"), message: "is not finished" },
    ForbiddenText { text: concat!("/ro", "ot/"), message: "names a private path" },
    ForbiddenText { text: concat!("/wo", "rk/"), message: "names a private path" },
    ForbiddenText { text: concat!("crates", ".io"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("npmjs", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("pypi", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("pythonhosted", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("proxy.golang", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("maven", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("maven.apache", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("deb.debian", ".org"), message: "names the host of a package registry" },
    ForbiddenText { text: concat!("security.debian", ".org"), message: "names the host of a package registry" },
];

/// Shell scripts that do not stop at errors.
pub(super) const LENIENT_SCRIPTS: &[LenientScript] = &[LenientScript {
    path: "crates/testbed/src/watchdog.sh",
    reason: "it ends what others left behind, and goes on to the next when one cannot be ended",
}];
