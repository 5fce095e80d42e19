//! The texts below `sql/`, put together of the parts that several of them share. What comes out never changes; the values of a
//! call are its arguments.

use super::sql::literal;
use crate::text::fill;
use std::sync::LazyLock;

/// A part: without the comment that stands above it in its file.
fn part(text: &str) -> String {
    text.lines().skip_while(|line| line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

/// A text with the parts that stand in many.
fn whole(text: &str, own: &[(&str, &str)]) -> String {
    let (marked, owned) = (part(include_str!("sql/marked.sql")), part(include_str!("sql/owned.sql")));
    let (may_see, server_owned) = (part(include_str!("sql/may_see.sql")), part(include_str!("sql/server_owned.sql")));
    let jobs = part(include_str!("sql/jobs.sql"));
    let mut values: Vec<(&str, &str)> = vec![
        ("marked", &marked),
        ("owned", &owned),
        ("may_see", &may_see),
        ("server_owned", &server_owned),
        ("jobs", &jobs),
    ];
    values.extend_from_slice(own);
    fill(text, &values)
}

fn find_login() -> String {
    whole(&part(include_str!("sql/find_login.sql")), &[])
}

fn find_user() -> String {
    whole(&part(include_str!("sql/find_user.sql")), &[])
}

fn login_enabled() -> String {
    part(include_str!("sql/login_enabled.sql"))
}

fn user_enabled() -> String {
    part(include_str!("sql/user_enabled.sql"))
}

/// A text that is run in every database, and what keeps its answers.
fn each(keep: &str) -> String {
    fill(&part(include_str!("sql/each_database.sql")), &[("keep", keep)])
}

/// The users that a log-in has, into a table `@users`.
fn all_users(text: &str, own: &[(&str, &str)]) -> String {
    let inner = literal(&whole(&part(include_str!("sql/users_inner.sql")), &[]));
    let each = each("INSERT @users ");
    let mut values = vec![("inner", inner.as_str()), ("each", each.as_str())];
    values.extend_from_slice(own);
    whole(text, &values)
}

/// What is handed over by hand in one database: `@sid`, `@heir`.
fn manual_inner() -> String {
    let granted = part(include_str!("sql/granted_database.sql"));
    // Its variable is declared already.
    let granted = granted.replace("DECLARE @statement nvarchar(max);\n", "");
    whole(&part(include_str!("sql/manual_inner.sql")), &[("granted", &granted)])
}

macro_rules! texts {
    ($($(#[$about:meta])* $name:ident = $made:expr;)*) => {
        $($(#[$about])* pub(crate) static $name: LazyLock<String> = LazyLock::new(|| $made);)*

        /// All of them, for tests.
        #[cfg(test)]
        fn all() -> Vec<(&'static str, &'static str)> {
            vec![$((stringify!($name), $name.as_str())),*]
        }
    };
}

texts! {
    /// What a launch reads of the server: `@account`, `@role`.
    SERVER = whole(include_str!("sql/server.sql"), &[]);
    /// The sessions of a log-in: `@sid`.
    SESSIONS = whole(include_str!("sql/sessions.sql"), &[]);
    /// The sessions of a user of a contained database: `@sid`, `@mark`.
    USER_SESSIONS = whole(include_str!("sql/user_sessions.sql"), &[]);
    /// An account that is a log-in: `@sid`, `@name`, `@mark`, `@job`.
    LOOK_LOGIN = all_users(include_str!("sql/look_login.sql"), &[("enabled", &login_enabled())]);
    /// An account that is a user: `@sid`, `@name`, `@mark`.
    USER_LOOK = whole(include_str!("sql/user_look.sql"), &[("enabled", &user_enabled())]);
    /// A membership in a role of the server: `@member`, `@role`.
    LOOK_SERVER_ROLE = whole(
        include_str!("sql/look_server_role.sql"),
        &[("what", "server role"), ("members", "sys.server_principals"), ("enabled", &login_enabled())],
    );
    /// A membership in a role of a database, of a log-in: `@member`, `@role`.
    LOOK_DATABASE_ROLE = whole(
        include_str!("sql/look_database_role.sql"),
        &[("what", "database role"), ("members", "sys.server_principals"), ("enabled", &login_enabled())],
    );
    /// The same of a user of a contained database.
    LOOK_USER_ROLE = whole(
        include_str!("sql/look_database_role.sql"),
        &[("what", "user role"), ("members", "sys.database_principals"), ("enabled", &user_enabled())],
    );
    /// No more log-in: `@sid`, `@name`, `@mark`.
    DISABLE = whole(include_str!("sql/disable.sql"), &[("find", &find_login())]);
    /// The same of a user.
    USER_DISABLE = whole(include_str!("sql/user_disable.sql"), &[("find", &find_user())]);
    /// The removal: `@sid`, `@name`, `@mark`, `@job`.
    REMOVE = whole(
        include_str!("sql/remove.sql"),
        &[
            ("find", &find_login()),
            ("inner", &literal(&part(include_str!("sql/drop_inner.sql")))),
            ("each", &each("")),
        ],
    );
    /// The removal of a user: `@sid`, `@name`, `@mark`.
    USER_REMOVE = whole(include_str!("sql/user_remove.sql"), &[("find", &find_user())]);
    /// What an account has: `@sid`, `@name`, `@mark`.
    BELONGINGS = all_users(include_str!("sql/belongings.sql"), &[("find", &find_login())]);
    /// What a user owns in a database: `@sid`, `@heir`.
    OWNED = whole(include_str!("sql/owned_here.sql"), &[]);
    /// The search for accounts: `@prefix`, `@most`.
    SCAN = whole(include_str!("sql/scan.sql"), &[("enabled", &login_enabled())]);
    /// The same among users.
    USER_SCAN = whole(include_str!("sql/user_scan.sql"), &[("enabled", &user_enabled())]);
    /// Who holds what on the server: `@role`, `@most`.
    HOLDERS_SERVER = whole(include_str!("sql/holders_server.sql"), &[("enabled", &login_enabled())]);
    /// What a check asks of the server: `@heir`.
    CHECK = whole(include_str!("sql/check.sql"), &[("enabled", &login_enabled())]);
    /// What a check and a launch ask of a contained database.
    USER_CHECK = whole(include_str!("sql/user_check.sql"), &[]);
    /// What is handed over by hand: `@sid`, `@heir`.
    MANUAL_HAND_OVER = whole(
        include_str!("sql/manual_hand_over.sql"),
        &[("inner", &literal(&manual_inner())), ("each", &each(""))],
    );
    /// The same of a user.
    MANUAL_USER_HAND_OVER = whole(include_str!("sql/manual_user_hand_over.sql"), &[("inner", &manual_inner())]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_text_is_filled_and_its_first_line_says_what_it_is() {
        let mut first: Vec<&str> = Vec::new();
        for (name, text) in all() {
            assert!(!text.contains('{') && !text.contains('}'), "{name} has a place without a value:\n{text}");
            let line = text.lines().next().unwrap();
            assert!(line.starts_with("-- mayfly "), "{name}");
            assert!(!first.contains(&line), "two texts are called {line}");
            first.push(line);
        }
    }
}
