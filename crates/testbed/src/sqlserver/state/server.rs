//! Logins, server roles and endpoints.

use sha2::{Digest as _, Sha512};

use super::{now, random};

/// The ids of `sa`, and of the roles that are looked at by name nowhere.
pub(super) const SA: i64 = 1;
pub(super) const SYSADMIN: i64 = 3;

/// The sid of `sa`.
pub(super) const SA_SID: [u8; 1] = [1];

/// What a principal of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrincipalKind {
    Login,
    Role,
}

/// A login or a server role.
#[derive(Debug, Clone)]
pub(crate) struct ServerPrincipal {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) sid: Vec<u8>,
    pub(crate) kind: PrincipalKind,
    pub(crate) disabled: bool,
    /// Whether it came with the server.
    pub(crate) fixed: bool,
    /// Who owns a role.
    pub(crate) owner: Option<i64>,
    pub(crate) default_database: String,
    /// The hash of the password, with its salt in front.
    password: Option<Vec<u8>>,
    pub(crate) check_policy: bool,
    pub(crate) check_expiration: bool,
    pub(crate) must_change: bool,
    pub(crate) created: i64,
    pub(crate) modified: i64,
}

impl ServerPrincipal {
    /// A login without a password yet.
    pub(crate) fn login(id: i64, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            sid: random::<16>().to_vec(),
            kind: PrincipalKind::Login,
            disabled: false,
            fixed: false,
            owner: None,
            default_database: "master".to_owned(),
            password: None,
            check_policy: true,
            check_expiration: false,
            must_change: false,
            created: now(),
            modified: now(),
        }
    }

    /// A role.
    pub(crate) fn role(id: i64, name: &str, owner: i64, fixed: bool) -> Self {
        let kind = PrincipalKind::Role;
        Self { kind, owner: Some(owner), fixed, check_policy: false, ..Self::login(id, name) }
    }

    /// Sets the password.
    pub(crate) fn set_password(&mut self, password: &str) {
        let salt: [u8; 4] = random();
        self.password = Some(hash(&salt, password));
    }

    /// Sets the password in the form in which it is kept. Whether it is of that form.
    pub(crate) fn set_hashed(&mut self, stored: &[u8]) -> bool {
        let fits = stored.len() == 70 && stored.starts_with(&[2, 0]);
        if fits {
            self.password = Some(stored.to_vec());
        }
        fits
    }

    /// Whether this is the password. Case counts.
    pub(crate) fn accepts(&self, password: &str) -> bool {
        self.password.as_ref().is_some_and(|stored| accepts(stored, password))
    }
}

/// A password as servers keep it since 2012: a version, four bytes of salt, SHA-512 of the password in UTF-16 and the salt.
pub(super) fn hash(salt: &[u8], password: &str) -> Vec<u8> {
    let units: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&[2, 0], salt, &Sha512::new().chain_update(units).chain_update(salt).finalize()].concat()
}

/// Whether a password is the one that is kept.
pub(super) fn accepts(stored: &[u8], password: &str) -> bool {
    stored.get(2..6).is_some_and(|salt| hash(salt, password) == stored)
}

/// What an installation brings.
pub(super) fn built_in(sa_password: &str) -> Vec<ServerPrincipal> {
    let mut sa = ServerPrincipal::login(SA, "sa");
    sa.sid = SA_SID.to_vec();
    sa.set_password(sa_password);
    let roles = [
        "public",
        "sysadmin",
        "securityadmin",
        "serveradmin",
        "setupadmin",
        "processadmin",
        "diskadmin",
        "dbcreator",
        "bulkadmin",
    ];
    let roles = roles.iter().zip(2..).map(|(name, id)| ServerPrincipal::role(id, name, SA, true));
    std::iter::once(sa).chain(roles).collect()
}

/// An endpoint, which is only owned.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) owner: i64,
}
