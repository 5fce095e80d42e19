//! What the server keeps of a password, computed by us, so that the password itself stands in no statement: the version
//! 0x0200, a salt of four bytes, and the SHA-512 of the password in UTF-16 and the salt (SQL Server 2012 and later). Microsoft's
//! own way to move log-ins from one server to another, `sp_help_revlogin` (support article 918992), uses it in the same
//! statement as `CHECK_POLICY = ON`.

use super::sql::hex;
use sha2::{Digest as _, Sha512};

/// The form of `password` that `CREATE LOGIN … WITH PASSWORD = … HASHED` takes.
pub(crate) fn hashed(password: &str, salt: [u8; 4]) -> String {
    let mut hash = Sha512::new();
    for unit in password.encode_utf16() {
        hash.update(unit.to_le_bytes());
    }
    hash.update(salt);
    let mut kept = vec![2, 0];
    kept.extend(salt);
    kept.extend(hash.finalize());
    hex(&kept)
}

#[cfg(test)]
mod tests {
    use super::hashed;

    /// The example that hashcat publishes for SQL Server 2012 and later (its mode 1731).
    #[test]
    fn a_known_password_is_kept_as_servers_keep_it() {
        let known = "0x02000102030434EA1B17802FD95EA6316BD61D2C94622CA3812793E8FB1672487B5C904A45A31B2AB4A78890D563D2FCF5663E46FE797D71550494BE50CF4915D3F4D55EC375";
        assert_eq!(hashed("hashcat", [1, 2, 3, 4]), known);
    }
}
