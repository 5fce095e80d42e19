//! Sealing, opening, and everything that must not open.

use crate::{Seeded, destination, slot, vault};
use mayfly_domain::{Destination, Entropy, InstallationId, Secret, Trust};
use mayfly_vault::{InstallationKey, KeyCheck, Sealed, Slot, Vault, VaultError};
use std::collections::HashSet;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[test]
fn what_is_sealed_opens_for_the_same_slot() {
    let (vault, to) = (vault(1), destination());
    for text in ["", "hunter2", "pässwörd", &"x".repeat(64 * 1024)] {
        let sealed = vault.seal(&slot("orders-admin", &to), &secret(text), &mut Seeded(2)).unwrap();
        let again = Sealed::from_bytes(sealed.clone().into_bytes());
        assert_eq!(vault.open(&slot("orders-admin", &to), &again).unwrap().expose(), text);
        assert_eq!(sealed.fingerprint(), Ok(vault.fingerprint()));
        let shown = format!("{sealed:?} {vault:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let long = vault.seal(&slot("a", &to), &secret(&"x".repeat(64 * 1024 + 1)), &mut Seeded(2));
    assert_eq!(long.unwrap_err(), VaultError::TooLong { most: 65_536 });
}

#[test]
fn the_clear_text_is_not_in_the_envelope() {
    let to = destination();
    let sealed = vault(1).seal(&slot("a", &to), &secret("correct horse battery"), &mut Seeded(2)).unwrap();
    assert!(!sealed.as_bytes().windows(7).any(|window| window == b"correct"));
}

/// SECURITY-CASES §4: swap any two ciphertexts.
#[test]
fn swapped_values_do_not_open() {
    let (vault, to) = (vault(1), destination());
    let rows = ["a", "b", "ab"];
    let sealed = rows.map(|row| vault.seal(&slot(row, &to), &secret(row), &mut Seeded(3)).unwrap());
    for (own, row) in rows.iter().enumerate() {
        for (other, value) in sealed.iter().enumerate() {
            let opened = vault.open(&slot(row, &to), value);
            match opened {
                Ok(secret) => assert!(own == other && secret.expose() == *row),
                Err(error) => assert!(own != other && error == VaultError::Tampered, "{error}"),
            }
        }
    }
    // Neither do parts that run into one another.
    let shifted = Slot { table: "user_secretsa", row: "", column: "sealed", destination: Some(&to), owner: None };
    assert_eq!(vault.open(&shifted, &sealed[0]).unwrap_err(), VaultError::Tampered);
    let column = Slot { column: "other", ..slot("a", &to) };
    assert_eq!(vault.open(&column, &sealed[0]).unwrap_err(), VaultError::Tampered);
}

/// Warpgate's trap: a value without an envelope is never taken for the secret itself.
#[test]
fn plaintext_is_refused() {
    let (vault, to) = (vault(1), destination());
    for plain in [String::new(), "hunter2".to_owned(), "\u{1}".repeat(124), "x".repeat(500), "x".repeat(200_000)] {
        let opened = vault.open(&slot("a", &to), &Sealed::from_bytes(plain.clone().into_bytes()));
        assert!(matches!(opened, Err(VaultError::NotSealed | VaultError::WrongKey { .. })), "{plain:?}");
    }
}

/// DESIGN §5, destination binding: whoever can edit a record must not thereby learn its password.
#[test]
fn a_changed_destination_does_not_open_and_says_so() {
    let (vault, to) = (vault(1), destination());
    let sealed = vault.seal(&slot("a", &to), &secret("hunter2"), &mut Seeded(2)).unwrap();
    let change = |change: &dyn Fn(&mut Destination)| {
        let mut other = to.clone();
        change(&mut other);
        other
    };
    let others = [
        change(&|other| other.endpoint.host = "evil.example.com".to_owned()),
        change(&|other| other.endpoint.port = 5433),
        change(&|other| other.trust = Trust::Plaintext),
        change(&|other| other.trust = Trust::VerifyCa { ca_pem: "ca".to_owned() }),
        change(&|other| other.trust = Trust::VerifyFull { ca_pem: "evil".to_owned() }),
    ];
    for other in &others {
        let error = vault.open(&slot("a", other), &sealed).unwrap_err();
        assert_eq!(error, VaultError::DestinationChanged);
        assert!(error.to_string().contains("set the secret again") && error.to_string().contains("altered"));
    }
    let owned = Slot { owner: Some("orders"), ..slot("a", &to) };
    assert_eq!(vault.open(&owned, &sealed).unwrap_err(), VaultError::DestinationChanged);
    let of_orders = vault.seal(&owned, &secret("s"), &mut Seeded(6)).unwrap();
    assert_eq!(vault.open(&owned, &of_orders).unwrap().expose(), "s");
    for other in [slot("a", &to), Slot { owner: Some("billing"), ..slot("a", &to) }] {
        assert_eq!(vault.open(&other, &of_orders).unwrap_err(), VaultError::DestinationChanged);
    }
    let nowhere = Slot { destination: None, ..slot("a", &to) };
    assert_eq!(vault.open(&nowhere, &sealed).unwrap_err(), VaultError::DestinationChanged);
    let sealed = vault.seal(&nowhere, &secret("x"), &mut Seeded(2)).unwrap();
    assert_eq!(vault.open(&nowhere, &sealed).unwrap().expose(), "x");
    assert_eq!(vault.open(&slot("a", &to), &sealed).unwrap_err(), VaultError::DestinationChanged);
}

#[test]
fn another_key_is_named() {
    let (right, wrong, to) = (vault(1), vault(2), destination());
    let sealed = right.seal(&slot("a", &to), &secret("x"), &mut Seeded(3)).unwrap();
    let error = wrong.open(&slot("a", &to), &sealed).unwrap_err();
    assert_eq!(error, VaultError::WrongKey { expected: right.fingerprint(), found: wrong.fingerprint() });
    assert!(error.to_string().contains(&format!("expected {}", right.fingerprint())), "{error}");
}

#[test]
fn every_altered_byte_and_every_cut_is_found() {
    let (vault, to) = (vault(1), destination());
    let sealed = vault.seal(&slot("a", &to), &secret("hunter2"), &mut Seeded(2)).unwrap();
    let bytes = sealed.as_bytes();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut altered = bytes.to_vec();
            altered[place] ^= 1 << bit;
            assert!(vault.open(&slot("a", &to), &Sealed::from_bytes(altered)).is_err(), "byte {place} bit {bit}");
        }
        assert!(vault.open(&slot("a", &to), &Sealed::from_bytes(bytes[..place].to_vec())).is_err(), "cut at {place}");
    }
    assert!(vault.open(&slot("a", &to), &Sealed::from_bytes([bytes, &[0]].concat())).is_err());
}

/// Every nonce and every record key is drawn anew: what `seal` asks of the generator never stands in two envelopes.
#[test]
fn nonces_never_repeat_in_a_run() {
    let (vault, to, mut entropy) = (vault(1), destination(), Seeded(9));
    let mut seen = HashSet::new();
    for _ in 0..20_000 {
        let sealed = vault.seal(&slot("a", &to), &secret("x"), &mut entropy).unwrap();
        let bytes = sealed.as_bytes();
        assert!(seen.insert(bytes[13..37].to_vec()), "the record key's nonce");
        assert!(seen.insert(bytes[85..109].to_vec()), "the value's nonce");
    }
}

/// The envelope and the associated data, to the byte: whoever changes them can no longer open what is stored. The expected
/// bytes were computed from the description in `envelope.rs` by a second implementation of the cipher, checked against
/// draft-irtf-cfrg-xchacha-03 A.3.1.
#[test]
fn the_envelope_is_this() {
    struct Fixed;
    impl Entropy for Fixed {
        fn fill(&mut self, bytes: &mut [u8]) {
            bytes.fill(0x42);
        }
    }
    let to = destination();
    let vault = mayfly_vault::Vault::new(mayfly_vault::InstallationKey::generate(&mut Fixed));
    let sealed = vault.seal(&slot("a", &to), &secret("hunter2"), &mut Fixed).unwrap();
    assert_eq!(mayfly_domain::audit::hex(sealed.as_bytes()), include_str!("envelope.hex").trim());
}

#[test]
fn the_key_check_knows_its_key_and_its_installation() {
    let (right, wrong) = (vault(1), vault(2));
    let (ours, other) = (InstallationId::random(&mut Seeded(5)), InstallationId::random(&mut Seeded(6)));
    let check = right.key_check(&ours, &mut Seeded(7)).unwrap();
    let check = KeyCheck::from_bytes(check.as_bytes().to_vec());
    assert_eq!(right.verify(&ours, &check), Ok(()));
    assert_eq!(check.expected(), Ok(right.fingerprint()));
    let expected = VaultError::WrongKey { expected: right.fingerprint(), found: wrong.fingerprint() };
    assert_eq!(wrong.verify(&ours, &check), Err(expected));
    assert_eq!(right.verify(&other, &check), Err(VaultError::Tampered));
    for place in 0..check.as_bytes().len() {
        let mut altered = check.as_bytes().to_vec();
        altered[place] ^= 1;
        assert!(right.verify(&ours, &KeyCheck::from_bytes(altered)).is_err(), "byte {place}");
    }
    assert_eq!(right.verify(&ours, &KeyCheck::from_bytes(Vec::new())), Err(VaultError::NotSealed));
}

/// A rotation touches only the record keys: the value stays as it is, byte for byte.
#[test]
fn a_value_is_sealed_anew_without_being_opened() {
    let to = destination();
    let old = vault(1).seal(&slot("a", &to), &secret("s"), &mut Seeded(2)).unwrap();
    let both = || {
        Vault::new(InstallationKey::generate(&mut Seeded(9))).also_opening(InstallationKey::generate(&mut Seeded(1)))
    };
    assert_eq!(both().open(&slot("a", &to), &old).unwrap().expose(), "s");
    // Whatever it is sent for: the place is all that a rotation knows.
    let place = Slot { destination: None, ..slot("a", &to) };
    let new = both().reseal(&place, &old, &mut Seeded(3)).unwrap().unwrap();
    assert_eq!(new.as_bytes()[85..], old.as_bytes()[85..]);
    assert_ne!(new.as_bytes()[..85], old.as_bytes()[..85]);
    assert_eq!(both().reseal(&place, &new, &mut Seeded(3)), Ok(None));
    assert_eq!(vault(9).open(&slot("a", &to), &new).unwrap().expose(), "s");
    assert!(
        matches!(vault(1).open(&slot("a", &to), &new), Err(VaultError::WrongKey { .. })),
        "the old key is done with"
    );
    assert!(matches!(vault(9).reseal(&place, &old, &mut Seeded(3)), Err(VaultError::WrongKey { .. })));
    assert_eq!(both().reseal(&Slot { row: "b", ..place }, &old, &mut Seeded(3)), Err(VaultError::Tampered));
    assert_eq!(
        both().seal(&slot("a", &to), &secret("s"), &mut Seeded(4)).unwrap().fingerprint(),
        Ok(vault(9).fingerprint())
    );
}
