//! Values of the language, and how they compare: texts without regard to case and to spaces at their ends, as the collation
//! does that servers have by default.

use std::cmp::Ordering;

use mayfly_protocol::tds::data::{DataType, DateTime, Value as Wire};

use super::error::SqlError;

/// Milliseconds between 1900-01-01, from where `datetime` counts, and 1970-01-01.
const EPOCH_MS: i64 = 25_567 * 86_400_000;

/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    /// Of so many characters; `None` for `max`.
    Text(Option<u16>),
    /// Of so many bytes; `None` for `max`.
    Binary(Option<u16>),
    DateTime,
    DateTime2,
    Guid,
    Variant,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Bit(bool),
    Int(i64),
    Text(String),
    Binary(Vec<u8>),
    /// Milliseconds since 1970-01-01.
    Moment(i64),
}

impl Kind {
    /// How the type looks on the wire.
    ///
    /// # Errors
    /// For types that the stand-in does not send: a statement can convert them.
    pub(crate) fn wire(self, column: &str) -> Result<DataType, SqlError> {
        Ok(match self {
            Self::Bit => DataType::Bit,
            Self::TinyInt => DataType::Int(1),
            Self::SmallInt => DataType::Int(2),
            Self::Int => DataType::Int(4),
            Self::BigInt => DataType::Int(8),
            Self::Text(most) => DataType::Text(most.filter(|chars| *chars <= 4000).map(|chars| 2 * chars.max(1))),
            Self::Binary(most) => DataType::Binary(most.filter(|bytes| *bytes <= 8000)),
            Self::DateTime => DataType::DateTime(8),
            Self::DateTime2 | Self::Guid | Self::Variant => {
                let what = format!("a result of type {self:?} (column '{column}'): CAST it to nvarchar or datetime");
                return Err(SqlError::unknown(&what));
            }
        })
    }

    /// The wider of two types, for what can have either.
    pub(crate) fn wider(self, other: Self) -> Self {
        let rank = |kind: Self| match kind {
            Self::Bit => 0,
            Self::TinyInt => 1,
            Self::SmallInt => 2,
            Self::Int => 3,
            Self::BigInt => 4,
            _ => 9,
        };
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Self::Text(a.zip(b).map(|(a, b)| a.max(b))),
            (Self::Binary(a), Self::Binary(b)) => Self::Binary(a.zip(b).map(|(a, b)| a.max(b))),
            (a, b) if rank(b) > rank(a) && rank(b) < 9 => b,
            (a, _) => a,
        }
    }
}

impl Value {
    /// A text.
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    /// Whether a condition holds, where the stand-in takes a value for one.
    pub(crate) fn holds(&self) -> bool {
        matches!(self, Self::Bit(true))
    }

    /// How two values compare; `None` if one is NULL.
    ///
    /// # Errors
    /// For values of different kinds that do not become each other.
    pub(crate) fn compare(&self, other: &Self) -> Result<Option<Ordering>, SqlError> {
        let number = |value: &Self| match value {
            Self::Bit(bit) => Some(i64::from(*bit)),
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        Ok(Some(match (self, other) {
            (Self::Null, _) | (_, Self::Null) => return Ok(None),
            (Self::Text(a), Self::Text(b)) => fold(a).cmp(&fold(b)),
            (Self::Binary(a), Self::Binary(b)) => a.cmp(b),
            (Self::Moment(a), Self::Moment(b)) => a.cmp(b),
            (Self::Moment(a), Self::Text(b)) => a.cmp(&moment(b)?),
            (Self::Text(a), Self::Moment(b)) => moment(a)?.cmp(b),
            (a, b) => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => {
                    let text = format!("Conversion failed when converting {a:?} to compare it with {b:?}.");
                    return Err(SqlError::new(245, text));
                }
            },
        }))
    }

    /// The value as another type.
    ///
    /// # Errors
    /// For a value that cannot be that.
    pub(crate) fn cast(self, kind: Kind) -> Result<Self, SqlError> {
        let wrong = |value: &Self| {
            SqlError::new(245, format!("Conversion failed when converting the value {value:?} to data type {kind:?}."))
        };
        Ok(match (kind, self) {
            (_, Self::Null) => Self::Null,
            (Kind::Text(most), value) => {
                let mut text = value.shown();
                if let Some(most) = most {
                    text = cut(&text, usize::from(most));
                }
                Self::Text(text)
            }
            (Kind::Bit, Self::Bit(bit)) => Self::Bit(bit),
            (Kind::Bit, Self::Int(number)) => Self::Bit(number != 0),
            (Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt, Self::Bit(bit)) => Self::Int(i64::from(bit)),
            (Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt, Self::Int(number)) => {
                let (least, most) = match kind {
                    Kind::TinyInt => (0, 255),
                    Kind::SmallInt => (i64::from(i16::MIN), i64::from(i16::MAX)),
                    Kind::Int => (i64::from(i32::MIN), i64::from(i32::MAX)),
                    _ => (i64::MIN, i64::MAX),
                };
                if !(least..=most).contains(&number) {
                    return Err(SqlError::new(8115, "Arithmetic overflow error converting expression."));
                }
                Self::Int(number)
            }
            (Kind::TinyInt | Kind::SmallInt | Kind::Int | Kind::BigInt, Self::Text(text)) => {
                Self::Int(text.trim().parse().map_err(|_| wrong(&Self::Text(text.clone())))?)
            }
            (Kind::DateTime | Kind::DateTime2, Self::Text(text)) => Self::Moment(moment(&text)?),
            (Kind::DateTime | Kind::DateTime2, value @ Self::Moment(_)) => value,
            (Kind::Binary(_), value @ Self::Binary(_)) => value,
            (Kind::Binary(_), Self::Text(text)) => {
                Self::Binary(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
            }
            (Kind::Guid, value @ Self::Text(_)) => value,
            (Kind::Variant, value) => value,
            (_, value) => return Err(wrong(&value)),
        })
    }

    /// The value as another type, in the form that a style of `CONVERT` says.
    ///
    /// # Errors
    /// As [`Value::cast`], and for styles that the stand-in does not know.
    pub(crate) fn styled(self, kind: Kind, style: i64) -> Result<Self, SqlError> {
        match (self, kind, style) {
            (value, _, 0) => value.cast(kind),
            (Self::Null, ..) => Ok(Self::Null),
            (Self::Binary(bytes), Kind::Text(_), 1) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                Self::Text(format!("0x{hex}")).cast(kind)
            }
            (Self::Moment(ms), Kind::Text(_), 108) => Self::text(&show_moment(ms)[11..19]).cast(kind),
            (Self::Moment(ms), Kind::Text(_), 112) => Self::Text(show_moment(ms)[..10].replace('-', "")).cast(kind),
            (Self::Moment(ms), Kind::Text(_), 120) => Self::text(&show_moment(ms)[..19]).cast(kind),
            (Self::Moment(ms), Kind::Text(_), 126 | 127) => Self::Text(show_moment(ms).replace(' ', "T")).cast(kind),
            (_, _, style) => Err(SqlError::unknown(&format!("CONVERT to {kind:?} with style {style}"))),
        }
    }

    /// The value as a text.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bit(bit) => u8::from(*bit).to_string(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Binary(bytes) => String::from_utf16_lossy(
                &bytes
                    .chunks(2)
                    .map(|pair| u16::from_le_bytes([pair[0], *pair.get(1).unwrap_or(&0)]))
                    .collect::<Vec<_>>(),
            ),
            Self::Moment(ms) => show_moment(*ms),
        }
    }

    /// The value for the wire.
    pub(crate) fn wire(self, kind: Kind) -> Result<Wire, SqlError> {
        Ok(match self.cast(kind)? {
            Self::Null => Wire::Null,
            Self::Bit(bit) => Wire::Bit(bit),
            Self::Int(number) => Wire::Int(number),
            Self::Text(text) => Wire::Text(text),
            Self::Binary(bytes) => Wire::Binary(bytes),
            Self::Moment(ms) => {
                let since = ms + EPOCH_MS;
                let (days, rest) = (since.div_euclid(86_400_000), since.rem_euclid(86_400_000));
                let days = i32::try_from(days).unwrap_or(i32::MAX);
                Wire::DateTime(DateTime { days, ticks: u32::try_from(rest * 3 / 10).unwrap_or(0) })
            }
        })
    }

    /// A value from the wire, of a parameter.
    pub(crate) fn from_wire(value: Wire) -> Result<Self, SqlError> {
        Ok(match value {
            Wire::Null => Self::Null,
            Wire::Bit(bit) => Self::Bit(bit),
            Wire::Int(number) => Self::Int(number),
            Wire::Text(text) => Self::Text(text),
            Wire::Binary(bytes) => Self::Binary(bytes),
            Wire::DateTime(time) => {
                Self::Moment(i64::from(time.days) * 86_400_000 + i64::from(time.ticks) * 10 / 3 - EPOCH_MS)
            }
            Wire::Float(_) => return Err(SqlError::unknown("a parameter of type float")),
        })
    }
}

/// A text as the default collation compares it.
pub(crate) fn fold(text: &str) -> String {
    text.trim_end_matches(' ').to_lowercase()
}

/// Whether two names are the same.
pub(crate) fn same(a: &str, b: &str) -> bool {
    fold(a) == fold(b)
}

/// The first so many UTF-16 units.
fn cut(text: &str, most: usize) -> String {
    let mut units = 0;
    text.chars()
        .take_while(|c| {
            units += c.len_utf16();
            units <= most
        })
        .collect()
}

/// Days since 1970-01-01 of a date, by the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// `2026-11-30T12:00:00.000`, with a space instead of the `T`, and with or without `Z` and the parts of a second.
fn moment(text: &str) -> Result<i64, SqlError> {
    let wrong = || SqlError::new(241, "Conversion failed when converting date and/or time from character string.");
    let text = text.trim().trim_end_matches('Z');
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let numbers = |text: &str, separator: char| -> Result<Vec<i64>, SqlError> {
        text.split(separator).map(|part| part.parse().map_err(|_| wrong())).collect()
    };
    let date = if date.contains('-') {
        numbers(date, '-')?
    } else {
        let part = |range| date.get(range).and_then(|part: &str| part.parse().ok()).ok_or_else(wrong);
        vec![part(0..4)?, part(4..6)?, part(6..8)?]
    };
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock = numbers(clock, ':')?;
    let ([year, month, day], [hour, minute, rest @ ..]) = (date.as_slice(), clock.as_slice()) else {
        return Err(wrong());
    };
    let second = rest.first().copied().unwrap_or(0);
    let ms: i64 = format!("{fraction:0<3}").get(..3).and_then(|ms| ms.parse().ok()).ok_or_else(wrong)?;
    let fits = (1..=12).contains(month) && (1..=31).contains(day) && *hour < 24 && *minute < 60 && second < 60;
    if !fits {
        return Err(wrong());
    }
    Ok(((days(*year, *month, *day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + ms)
}

/// A moment as a text.
fn show_moment(ms: i64) -> String {
    let (mut day, rest) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let mut year = 1970;
    while days(year + 1, 1, 1) <= day {
        year += 1;
    }
    while days(year, 1, 1) > day {
        year -= 1;
    }
    let month = (1..=12).rev().find(|month| days(year, *month, 1) <= day).unwrap_or(1);
    day -= days(year, month, 1) - 1;
    let (hour, minute, second, part) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{part:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_shown() {
        for (text, ms) in [
            ("1970-01-01 00:00:00.000", 0),
            ("2026-11-30 12:34:56.789", 1_796_042_096_789),
            ("2024-02-29 23:59:59.999", 1_709_251_199_999),
            ("1899-12-31 00:00:00.000", -2_209_075_200_000),
        ] {
            assert_eq!(moment(text), Ok(ms), "{text}");
            assert_eq!(show_moment(ms), text);
            assert_eq!(moment(&format!("{}Z", text.replace(' ', "T"))), Ok(ms));
            let wire = Value::Moment(ms).wire(Kind::DateTime).unwrap();
            let Ok(Value::Moment(back)) = Value::from_wire(wire) else { panic!() };
            assert!((back - ms).abs() <= 4, "{back}");
        }
        assert!(moment("2026-13-01").is_err() && moment("soon").is_err());
        assert_eq!(moment("20261130 10:00"), moment("2026-11-30 10:00:00"));
    }

    #[test]
    fn names_are_the_same_whatever_their_case() {
        assert!(same("Alice", "aLICE  ") && !same("alice", " alice"));
        assert_eq!(Value::text("a").compare(&Value::text("A ")), Ok(Some(Ordering::Equal)));
        assert_eq!(Value::Bit(true).compare(&Value::Int(1)), Ok(Some(Ordering::Equal)));
        assert_eq!(Value::Null.compare(&Value::Int(1)), Ok(None));
        assert!(Value::Binary(vec![1]).compare(&Value::Int(1)).is_err());
    }
}
