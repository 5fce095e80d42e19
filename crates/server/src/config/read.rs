//! Reading the settings in layers, and the words for what cannot be read: in which file and line it stands, and what was probably meant.

use super::{Config, ConfigError};
use figment::Figment;
use figment::error::{Error, Kind};
use figment::providers::{Env, Format, Toml};
use std::fs;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// What every environment variable that sets something starts with.
const ENVIRONMENT_PREFIX: &str = "MAYFLY__";
/// The folder beside the settings file whose files are read after it.
const FOLDER: &str = "conf.d";

/// The settings of the file, of those in `conf.d` beside it in the order of their names, and of the environment: what comes later wins.
///
/// # Errors
/// [`ConfigError`] that names the file, the line and the setting.
pub(super) fn read(path: &Path) -> Result<Config, ConfigError> {
    let mut figment = Figment::new();
    for file in files(path)? {
        let text = fs::read_to_string(&file).map_err(|error| bad(&file, error.to_string()))?;
        // The words of the parser would show the line itself.
        if let Err(error) = DeTable::parse(&text) {
            let line = error.span().map_or_else(String::new, |span| format!("line {}: ", line_of(&text, span.start)));
            return Err(bad(&file, format!("{line}{}", error.message())));
        }
        figment = figment.merge(Toml::file_exact(&file));
    }
    figment = figment.merge(Env::prefixed(ENVIRONMENT_PREFIX).split("__"));
    let config: Config = figment.extract().map_err(|error| worded(path, error))?;
    config.checked().map_err(|text| {
        // What is refused begins with the setting.
        let keys: Vec<String> = text.split('`').nth(1).unwrap_or_default().split('.').map(str::to_owned).collect();
        let file = figment.find_metadata(&keys.join(".")).and_then(|found| found.source.as_ref()?.file_path());
        let file = file.unwrap_or(path).to_owned();
        bad(&file, format!("{}{text}", line(&file, &keys)))
    })
}

/// The settings file, and those of its folder.
fn files(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    if !path.is_file() {
        return Err(ConfigError::Missing(path.to_owned()));
    }
    let mut all = vec![path.to_owned()];
    let folder = path.with_file_name(FOLDER);
    if folder.is_dir() {
        let failed = |error: std::io::Error| bad(&folder, error.to_string());
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.extension().is_some_and(|end| end == "toml") {
                found.push(file);
            }
        }
        found.sort();
        all.extend(found);
    }
    Ok(all)
}

fn bad(path: &Path, text: String) -> ConfigError {
    ConfigError::Bad { path: path.to_owned(), text }
}

/// What cannot be read, for people. A value is never repeated where it could be a secret.
fn worded(path: &Path, error: Error) -> ConfigError {
    let file = error.metadata.as_ref().and_then(|found| found.source.as_ref()?.file_path());
    let from_environment = file.is_none() && !error.path.is_empty() && error.metadata.is_some();
    let file = file.unwrap_or(path).to_owned();
    let keys = &error.path;
    let setting = keys.join(".");
    let place = if from_environment {
        format!("environment variable {ENVIRONMENT_PREFIX}{}: ", keys.join("__").to_uppercase())
    } else {
        line(&file, keys)
    };
    let shown = |value: String| if may_be_secret(keys) { String::new() } else { format!(", and is {value}") };
    let what = match &error.kind {
        Kind::UnknownField(name, known) => unknown("setting", &setting, name, known),
        Kind::UnknownVariant(name, known) if may_be_secret(keys) => {
            let setting = setting.strip_suffix(&format!(".{name}")).unwrap_or(&setting);
            format!("`{setting}` says where a secret is, and never is one: {{ {} = … }}", known.join(" = … } or { "))
        }
        Kind::UnknownVariant(name, known) => format!("`{setting}`: {}", unknown("value", name, name, known)),
        Kind::MissingField(name) if setting.is_empty() => format!("`{name}` is missing"),
        Kind::MissingField(name) => format!("`{setting}.{name}` is missing"),
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            format!("`{setting}` has to be {wanted}{}", shown(found.to_string()))
        }
        other => format!("`{setting}`: {other}"),
    };
    bad(&file, place + &what)
}

/// Whether a key or password could stand there by mistake.
fn may_be_secret(keys: &[String]) -> bool {
    keys.iter().any(|key| ["keys", "key", "headers"].contains(&key.as_str()))
}

fn unknown(what: &str, shown: &str, name: &str, known: &[&str]) -> String {
    let near = known.iter().map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let near = near.filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3).min();
    match near {
        Some((_, meant)) => format!("there is no {what} `{shown}`: did you mean `{meant}`?"),
        None => format!("there is no {what} `{shown}`; there are {}", known.join(", ")),
    }
}

/// `line N: ` where that setting stands in the file; nothing where it does not.
fn line(file: &Path, keys: &[String]) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let at = DeTable::parse(&text).ok().and_then(|table| in_table(table.get_ref(), keys));
    at.map_or_else(String::new, |at| format!("line {}: ", line_of(&text, at)))
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Where the setting of that name begins, or the innermost table on the way to it.
fn in_table(table: &DeTable<'_>, keys: &[String]) -> Option<usize> {
    let (first, rest) = keys.split_first()?;
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == first)?;
    in_value(value.get_ref(), rest).or(Some(key.span().start))
}

fn in_value(value: &DeValue<'_>, keys: &[String]) -> Option<usize> {
    match value {
        DeValue::Table(table) => in_table(table, keys),
        DeValue::Array(items) => {
            let (first, rest) = keys.split_first()?;
            let item = items.get(first.parse::<usize>().ok()?)?;
            in_value(item.get_ref(), rest).or(Some(item.span().start))
        }
        _ => None,
    }
}
