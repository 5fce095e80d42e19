//! `RPC Request` (MS-TDS 2.2.6.6): calls of procedures, several in one message.

use crate::tds::{
    DecodeError, EncodeError, TdsVersion,
    data::{DataType, Value},
    read::Reader,
    write,
};

use super::headers;

/// How many parameters a call may have: as many as SQL Server takes.
pub const MAX_PARAMETERS: usize = 2100;

/// How many calls a message may have.
pub const MAX_CALLS: usize = 256;

/// What stands in place of a name's length where a procedure is called by its number.
const BY_ID: u16 = 0xffff;

/// What stands between two calls, by version; and before one that is not to be executed.
const SEPARATOR_7_1: u8 = 0x80;
const SEPARATOR: u8 = 0xff;
const NO_EXEC: u8 = 0xfe;

/// Which procedure is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Procedure {
    /// One by its name.
    Name(String),
    /// One of those that have a number (MS-TDS 2.2.6.6, `ProcID`).
    Id(u16),
}

impl Procedure {
    /// `sp_executesql`: a statement with parameters.
    pub const EXECUTE_SQL: Self = Self::Id(10);
    /// `sp_prepare`: a statement for later.
    pub const PREPARE: Self = Self::Id(11);
    /// `sp_execute`: one that was prepared.
    pub const EXECUTE: Self = Self::Id(12);
    /// `sp_prepexec`: a statement now and for later.
    pub const PREPARE_AND_EXECUTE: Self = Self::Id(13);
    /// `sp_unprepare`: forget one that was prepared.
    pub const UNPREPARE: Self = Self::Id(15);
}

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name with `@`; empty where it is known by its place.
    pub name: String,
    /// Whether the client wants it back.
    pub output: bool,
    /// Its type.
    pub data_type: DataType,
    /// Its value.
    pub value: Value,
}

/// A call.
#[derive(Debug, Clone, PartialEq)]
pub struct Rpc {
    /// Which procedure.
    pub procedure: Procedure,
    /// What it is called with.
    pub parameters: Vec<Parameter>,
}

impl Rpc {
    /// Decodes the data of a message: its transaction, and its calls.
    ///
    /// # Errors
    /// [`DecodeError`] for what does not have the layout; [`DecodeError::DataType`] for a parameter of a type that is not read
    /// here; [`DecodeError::TooMany`] for more calls or parameters than there may be.
    pub fn decode(data: &[u8], version: TdsVersion) -> Result<([u8; 8], Vec<Self>), DecodeError> {
        let mut reader = Reader::new(data);
        let transaction = headers::read(&mut reader, version)?;
        let mut calls = Vec::new();
        loop {
            if calls.len() == MAX_CALLS {
                return Err(DecodeError::TooMany);
            }
            calls.push(Self::read(&mut reader)?);
            if reader.is_empty() {
                return Ok((transaction, calls));
            }
            // The separator; some clients also end with one.
            reader.u8()?;
            if reader.is_empty() {
                return Ok((transaction, calls));
            }
        }
    }

    /// Reads a call up to what separates it from the next.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let procedure = match reader.u16()? {
            BY_ID => Procedure::Id(reader.u16()?),
            chars => Procedure::Name(reader.text(usize::from(chars))?),
        };
        // Options: whether to recompile, and whether columns are known already.
        reader.u16()?;
        let mut parameters = Vec::new();
        // Names of parameters have at most 128 characters, so that their lengths are no separators.
        while reader.peek().is_some_and(|byte| byte != SEPARATOR_7_1 && byte < NO_EXEC) {
            if parameters.len() == MAX_PARAMETERS {
                return Err(DecodeError::TooMany);
            }
            let (name, status) = (reader.b_varchar()?, reader.u8()?);
            let (data_type, fixed) = DataType::read(reader)?;
            let value = Value::read(reader, data_type, fixed)?;
            parameters.push(Parameter { name, output: status & 1 == 1, data_type, value });
        }
        Ok(Self { procedure, parameters })
    }

    /// Appends the data of a message.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] for a name that is too long, [`EncodeError::Type`] for a value that is not of its type.
    pub fn encode(
        calls: &[Self],
        transaction: [u8; 8],
        version: TdsVersion,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        write::whole(out, |out| {
            headers::write(transaction, version, out);
            for (number, call) in calls.iter().enumerate() {
                if number > 0 {
                    out.push(if version.is_7_2() { SEPARATOR } else { SEPARATOR_7_1 });
                }
                call.write(out)?;
            }
            Ok(())
        })
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match &self.procedure {
            Procedure::Name(name) if write::units(name) < usize::from(BY_ID) => write::us_varchar(out, name)?,
            Procedure::Name(_) => return Err(EncodeError::TooLong),
            Procedure::Id(id) => {
                out.extend(BY_ID.to_le_bytes());
                out.extend(id.to_le_bytes());
            }
        }
        out.extend([0; 2]);
        for parameter in &self.parameters {
            if write::units(&parameter.name) >= usize::from(SEPARATOR_7_1) {
                return Err(EncodeError::TooLong);
            }
            write::b_varchar(out, &parameter.name)?;
            out.push(u8::from(parameter.output));
            parameter.data_type.write(out)?;
            parameter.value.write(parameter.data_type, out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parameter() -> impl Strategy<Value = Parameter> {
        let typed = prop_oneof![
            "\\PC{0,40}".prop_map(|text| (DataType::nvarchar(80), Value::Text(text))),
            any::<i32>().prop_map(|number| (DataType::Int(4), Value::Int(i64::from(number)))),
            Just((DataType::Bit, Value::Null)),
        ];
        ("(@\\PC{0,20})?", any::<bool>(), typed).prop_map(|(name, output, (data_type, value))| Parameter {
            name,
            output,
            data_type,
            value,
        })
    }

    proptest! {
        #[test]
        fn calls_come_back(
            transaction: [u8; 8],
            calls in prop::collection::vec(("\\PC{0,20}", any::<u16>(), prop::collection::vec(parameter(), 0..4)), 1..4),
        ) {
            let calls: Vec<Rpc> = calls.into_iter().map(|(name, id, parameters)| {
                let procedure = if name.is_empty() { Procedure::Id(id) } else { Procedure::Name(name) };
                Rpc { procedure, parameters }
            }).collect();
            for version in [TdsVersion::V7_1, TdsVersion::V7_4] {
                let transaction = if version.is_7_2() { transaction } else { [0; 8] };
                let mut data = Vec::new();
                Rpc::encode(&calls, transaction, version, &mut data).unwrap();
                prop_assert_eq!(Rpc::decode(&data, version), Ok((transaction, calls.clone())));
            }
        }

        #[test]
        fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Rpc::decode(&bytes, TdsVersion::V7_1);
            let _ = Rpc::decode(&[&b"\x04\0\0\0\xff\xff\x0a\0\0\0"[..], &bytes].concat(), TdsVersion::V7_4);
        }
    }

    #[test]
    fn there_are_not_more_than_there_may_be() {
        let call = b"\xff\xff\x0a\0\0\0\xff";
        assert_eq!(Rpc::decode(&call.repeat(MAX_CALLS), TdsVersion::V7_1).map(|(_, calls)| calls.len()), Ok(MAX_CALLS));
        assert_eq!(Rpc::decode(&call.repeat(MAX_CALLS + 1), TdsVersion::V7_1), Err(DecodeError::TooMany));
        let many = [&call[..6], &b"\0\0\x32\x01".repeat(MAX_PARAMETERS + 1)].concat();
        assert_eq!(Rpc::decode(&many, TdsVersion::V7_1), Err(DecodeError::TooMany));
        assert_eq!(Rpc::decode(b"", TdsVersion::V7_1), Err(DecodeError::Truncated));
    }
}
