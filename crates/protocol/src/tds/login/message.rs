//! The message itself.

use std::fmt;

use zeroize::Zeroizing;

use crate::tds::{DecodeError, EncodeError, TdsVersion, frame::MAX_LOGIN_LEN, read::Reader, write};

use super::{
    Features, LoginFlags, MAX_FIELD_LEN, MAX_FILE_LEN,
    fields::{Layout, Places},
};

/// How long the head is: what stands before the table of places.
const HEAD_LEN: usize = 36;

/// How long head and table are together: before version 7.2 without the new password and the long length of a token.
const FIXED_LEN: usize = 94;
const FIXED_LEN_7_1: usize = 86;

/// The log-in: who wants what, and with which password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The latest version that the client speaks.
    pub version: TdsVersion,
    /// How long packets are to be; 0 where the client leaves it to the server.
    pub packet_len: u32,
    /// The version of the client's library.
    pub client_version: u32,
    /// The client's process.
    pub client_pid: u32,
    /// The connection that failed before this one, for a server of one's own.
    pub connection_id: u32,
    /// What the client is and wants.
    pub flags: LoginFlags,
    /// The client's time zone, which nobody uses.
    pub time_zone: u32,
    /// The client's language and collation, as a number of Windows.
    pub locale: u32,
    /// The client's machine.
    pub host: String,
    /// Who.
    pub user: String,
    /// With which password.
    pub password: Zeroizing<String>,
    /// The client's program.
    pub application: String,
    /// How the client calls the server.
    pub server: String,
    /// The client's library.
    pub library: String,
    /// The language of messages; empty for the user's own.
    pub language: String,
    /// The database; empty for the user's own.
    pub database: String,
    /// The client's network address.
    pub client_id: [u8; 6],
    /// The token of an integrated authentication.
    pub token: Vec<u8>,
    /// The file of a database that is to be attached.
    pub attach_file: String,
    /// The password that the user wants from now on.
    pub new_password: Zeroizing<String>,
    /// What the client asks for beyond.
    pub features: Features,
}

impl Login {
    /// A log-in with name and password, and nothing else.
    #[must_use]
    pub fn new(version: TdsVersion, user: &str, password: &str) -> Self {
        Self {
            version,
            packet_len: 4096,
            client_version: 0,
            client_pid: 0,
            connection_id: 0,
            flags: LoginFlags::default(),
            time_zone: 0,
            locale: 0,
            host: String::new(),
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
            application: String::new(),
            server: String::new(),
            library: String::new(),
            language: String::new(),
            database: String::new(),
            client_id: [0; 6],
            token: Vec::new(),
            attach_file: String::new(),
            new_password: Zeroizing::default(),
            features: Features::default(),
        }
    }

    /// Decodes the data of a message.
    ///
    /// # Errors
    /// [`DecodeError::Version`] for a client that speaks nothing from 7.1 on, [`DecodeError::Length`] for a message that says
    /// another length of itself or has a field that is too long, [`DecodeError::Truncated`] for a place outside of it,
    /// [`DecodeError::Text`] for names that are not UTF-16.
    pub fn decode(data: &[u8]) -> Result<Self, DecodeError> {
        let mut head = Reader::new(data);
        let length = head.u32()?;
        if usize::try_from(length) != Ok(data.len()) {
            return Err(DecodeError::Length(u64::from(length)));
        }
        let version = head.u32()?;
        let version = TdsVersion::from_u32(version).ok_or(DecodeError::Version(version))?;
        let mut login = Self::new(version, "", "");
        login.packet_len = head.u32()?;
        login.client_version = head.u32()?;
        login.client_pid = head.u32()?;
        login.connection_id = head.u32()?;
        let [options_1, options_2, kind, options_3] = head.array()?;
        login.flags = LoginFlags { options_1, options_2, kind, options_3 };
        login.time_zone = head.u32()?;
        login.locale = head.u32()?;
        login.read_fields(Places::new(data, head))?;
        Ok(login)
    }

    /// Reads what the table points to.
    fn read_fields(&mut self, mut places: Places<'_>) -> Result<(), DecodeError> {
        self.host = places.text(MAX_FIELD_LEN)?;
        self.user = places.text(MAX_FIELD_LEN)?;
        self.password = places.password(MAX_FIELD_LEN)?;
        self.application = places.text(MAX_FIELD_LEN)?;
        self.server = places.text(MAX_FIELD_LEN)?;
        let extension = places.place()?;
        self.library = places.text(MAX_FIELD_LEN)?;
        self.language = places.text(MAX_FIELD_LEN)?;
        self.database = places.text(MAX_FIELD_LEN)?;
        self.client_id = places.array()?;
        let (token_at, token_len) = places.place()?;
        self.attach_file = places.text(MAX_FILE_LEN)?;
        let mut token_len = token_len;
        if self.version.is_7_2() {
            self.new_password = places.password(MAX_FIELD_LEN)?;
            let long = u32::from_le_bytes(places.array()?);
            if token_len == usize::from(u16::MAX) && long > 0 {
                token_len = usize::try_from(long).map_err(|_| DecodeError::Length(u64::from(long)))?;
            }
        }
        self.token = places.at(token_at, token_len)?.to_vec();
        if self.flags.has_features() {
            let (at, len) = extension;
            let pointer: [u8; 4] = places.at(at, len)?.try_into().map_err(|_| DecodeError::Value)?;
            let from = usize::try_from(u32::from_le_bytes(pointer)).map_err(|_| DecodeError::Truncated)?;
            let list = places.all().get(from..).ok_or(DecodeError::Truncated)?;
            self.features = Features::read(&mut Reader::new(list))?;
        }
        Ok(())
    }

    /// Appends the data of a message. Whether features are announced follows from whether there are any.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for a field or a message above the limits; [`EncodeError::Flags`] for a new password or a token
    /// that the flags do not speak of, or the other way round, and [`EncodeError::Version`] for a new password before version
    /// 7.2 and for features before 7.4.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let featured = !self.features.is_empty();
        if self.flags.changes_password() == self.new_password.is_empty()
            || self.flags.is_integrated() == self.token.is_empty()
        {
            return Err(EncodeError::Flags);
        }
        if featured && !self.version.is_7_4() || !self.new_password.is_empty() && !self.version.is_7_2() {
            return Err(EncodeError::Version);
        }
        let start = if self.version.is_7_2() { FIXED_LEN } else { FIXED_LEN_7_1 };
        let layout = self.layout(start, featured)?;
        let (table, fields) = layout.parts();
        let mut list = Vec::new();
        if featured {
            self.features.write(&mut list)?;
        }
        let len = start + fields.len() + list.len();
        let length = u32::try_from(len).ok().filter(|_| len <= MAX_LOGIN_LEN).ok_or(EncodeError::TooLong)?;
        // One growth at most, of a buffer that does not hold the password yet.
        out.reserve(len);
        for number in [length, self.version.as_u32(), self.packet_len, self.client_version, self.client_pid] {
            out.extend(number.to_le_bytes());
        }
        out.extend(self.connection_id.to_le_bytes());
        let flags = self.flags.features(featured);
        out.extend([flags.options_1, flags.options_2, flags.kind, flags.options_3]);
        out.extend(self.time_zone.to_le_bytes());
        out.extend(self.locale.to_le_bytes());
        debug_assert_eq!(HEAD_LEN + table.len(), start);
        out.extend_from_slice(table);
        out.extend_from_slice(fields);
        out.extend_from_slice(&list);
        Ok(())
    }

    /// The table and the fields. The features' pointer stands among the fields, the features behind them.
    fn layout(&self, start: usize, featured: bool) -> Result<Layout, EncodeError> {
        let texts = [&self.host, &self.user, &self.application, &self.server, &self.library, &self.language]
            .into_iter()
            .chain([&self.database, &self.attach_file, &*self.password, &*self.new_password]);
        let capacity = texts.map(|text| 2 * write::units(text)).sum::<usize>() + self.token.len() + 4;
        let mut layout = Layout::new(start, capacity);
        layout.text(&self.host, MAX_FIELD_LEN)?;
        layout.text(&self.user, MAX_FIELD_LEN)?;
        layout.password(&self.password, MAX_FIELD_LEN)?;
        layout.text(&self.application, MAX_FIELD_LEN)?;
        layout.text(&self.server, MAX_FIELD_LEN)?;
        let pointer = layout.offset()?;
        layout.bytes(if featured { &[0; 4] } else { &[] })?;
        layout.text(&self.library, MAX_FIELD_LEN)?;
        layout.text(&self.language, MAX_FIELD_LEN)?;
        layout.text(&self.database, MAX_FIELD_LEN)?;
        layout.array(&self.client_id);
        layout.bytes(&self.token)?;
        layout.text(&self.attach_file, MAX_FILE_LEN)?;
        if self.version.is_7_2() {
            layout.password(&self.new_password, MAX_FIELD_LEN)?;
            layout.array(&[0; 4]);
        }
        if featured {
            let end = u32::from(layout.offset()?);
            layout.patch(pointer, &end.to_le_bytes());
        }
        Ok(layout)
    }
}

/// Without passwords and tokens.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("version", &self.version)
            .field("flags", &self.flags)
            .field("user", &self.user)
            .field("application", &self.application)
            .field("database", &self.database)
            .field("features", &self.features)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tds::login::{Feature, FeatureId};

    proptest! {
        #[test]
        fn a_login_comes_back(
            (numbers, client_id) in any::<([u32; 6], [u8; 6])>(),
            texts in prop::array::uniform8("\\PC{0,60}"),
            (password, new_password) in ("\\PC{0,60}", "\\PC{0,60}"),
            token in prop::collection::vec(any::<u8>(), 0..50),
            features in prop::collection::vec((0u8..255, prop::collection::vec(any::<u8>(), 0..30)), 0..5),
            version in prop::sample::select(vec![TdsVersion::V7_4, TdsVersion::V8_0, TdsVersion::V7_2, TdsVersion::V7_1]),
        ) {
            let [host, user, application, server, library, language, database, attach_file] = texts;
            let features = features.into_iter().map(|(id, data)| Feature { id: FeatureId(id), data }).collect();
            let features = if version.is_7_4() { Features(features) } else { Features::default() };
            let new_password = if version.is_7_2() { Zeroizing::new(new_password) } else { Zeroizing::default() };
            let flags = LoginFlags {
                options_1: 0xe0,
                options_2: if token.is_empty() { 3 } else { 0x83 },
                kind: 0x20,
                options_3: u8::from(!new_password.is_empty()) | 8,
            }.features(!features.is_empty());
            let [packet_len, client_version, client_pid, connection_id, time_zone, locale] = numbers;
            let login = Login {
                version, packet_len, client_version, client_pid, connection_id, flags, time_zone, locale, host, user,
                password: Zeroizing::new(password), application, server, library, language, database, client_id, token,
                attach_file, new_password, features,
            };
            let mut bytes = Vec::new();
            login.encode(&mut bytes).unwrap();
            prop_assert_eq!(Login::decode(&bytes), Ok(login));
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Login::decode(&bytes);
            let mut login = Vec::new();
            Login::new(TdsVersion::V7_4, "u", "p").encode(&mut login).unwrap();
            login.extend(&bytes);
            let length = u32::try_from(login.len()).unwrap();
            login[..4].copy_from_slice(&length.to_le_bytes());
            for (to, from) in login[27..].iter_mut().zip(&bytes) {
                *to ^= from & 0x1f;
            }
            let _ = Login::decode(&login);
        }
    }

    #[test]
    fn flags_have_to_fit_the_fields_and_passwords_are_hidden() {
        let login = || Login::new(TdsVersion::V7_4, "alice", "hunter2");
        let encode = |login: Login| login.encode(&mut Vec::new());
        assert_eq!(encode(login()), Ok(()));
        assert_eq!(encode(Login { new_password: Zeroizing::new("x".to_owned()), ..login() }), Err(EncodeError::Flags));
        assert_eq!(encode(Login { token: vec![1], ..login() }), Err(EncodeError::Flags));
        assert_eq!(encode(Login { user: "u".repeat(129), ..login() }), Err(EncodeError::TooLong));
        let features = Features(vec![Feature { id: FeatureId::UTF8, data: vec![1] }]);
        let old = Login { version: TdsVersion::V7_2, features: features.clone(), ..login() };
        assert_eq!(encode(old), Err(EncodeError::Version));
        let long = Features(vec![Feature { id: FeatureId::UTF8, data: vec![1; MAX_LOGIN_LEN] }]);
        assert_eq!(encode(Login { features: long, ..login() }), Err(EncodeError::TooLong));
        let shown = format!("{:?}", Login { features, ..login() });
        assert!(shown.contains("alice") && !shown.contains("hunter2"), "{shown}");
        let mut bytes = Vec::new();
        login().encode(&mut bytes).unwrap();
        assert!(!bytes.windows(4).any(|window| window == b"h\0u\0"));
    }

    #[test]
    fn lengths_and_places_are_not_believed() {
        let mut bytes = Vec::new();
        Login::new(TdsVersion::V7_4, "alice", "p").encode(&mut bytes).unwrap();
        assert_eq!(Login::decode(&bytes[..bytes.len() - 1]), Err(DecodeError::Length(106)));
        let with = |at: usize, new: &[u8]| {
            let mut spoilt = bytes.clone();
            spoilt[at..at + new.len()].copy_from_slice(new);
            Login::decode(&spoilt)
        };
        assert_eq!(with(4, b"\0\0\0\x70"), Err(DecodeError::Version(0x7000_0000)));
        assert_eq!(with(42, b"\x81\0"), Err(DecodeError::Length(129)));
        assert_eq!(with(40, b"\xff\xff"), Err(DecodeError::Truncated));
        assert_eq!(with(94, b"\0\xd8"), Err(DecodeError::Text));
        assert_eq!(with(78, b"\0\0\xff\xff"), Err(DecodeError::Truncated), "a token");
        assert_eq!(with(27, b"\x10"), Err(DecodeError::Value), "features without a pointer");
    }
}
