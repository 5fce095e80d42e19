//! What differs between MySQL and MariaDB, in one place. What does not differ is written once, elsewhere in this folder.

use super::sql::{account, literal, role};
use mayfly_protocol::mysql::auth::{NativeVerifier, Salt, authentication_string};

/// Which of the two is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// MySQL 8.4 and later.
    MySql,
    /// MariaDB 10.11 and later.
    MariaDb,
}

impl Dialect {
    /// The name of the provider, and of its targets in their identities.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
        }
    }

    /// Its name for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// The oldest version that is supported.
    pub(crate) const fn oldest(self) -> (u32, u32) {
        match self {
            Self::MySql => (8, 4),
            Self::MariaDb => (10, 11),
        }
    }

    /// How many characters the name of an account or role may have.
    pub(crate) const fn name_most(self) -> usize {
        match self {
            Self::MySql => 32,
            Self::MariaDb => 128,
        }
    }

    /// What is set first of all on each administrative connection.
    pub(crate) const fn setup(self) -> &'static str {
        match self {
            Self::MySql => include_str!("sql/setup_mysql.sql"),
            Self::MariaDb => include_str!("sql/setup_mariadb.sql"),
        }
    }

    /// What the server keeps of a password. It is computed here, so that the password reaches neither the server nor its logs.
    /// `None` for one that no client could send.
    pub(crate) fn verifier(self, password: &str, salt: &[u8; Salt::LEN]) -> Option<String> {
        match self {
            Self::MySql => {
                let salt = Salt::from_random(salt);
                authentication_string(password.as_bytes(), &salt).ok().map(|text| text.to_string())
            }
            Self::MariaDb => Some(NativeVerifier::from_password(password.as_bytes()).to_text().to_string()),
        }
    }

    /// How an account is identified, behind its name in `CREATE USER`. MariaDB has no comment or attribute of an account; a
    /// second way to log in carries the mark there: an account of the server's operating system of that name, over the Unix socket. No such
    /// name can exist, and the account cannot come over the socket, since its host part is an address.
    pub(crate) fn identified(self, verifier: &str, mark: &str) -> String {
        match self {
            Self::MySql => format!("IDENTIFIED WITH caching_sha2_password AS {}", literal(verifier)),
            Self::MariaDb => format!(
                "IDENTIFIED VIA mysql_native_password USING {} OR unix_socket USING {}",
                literal(verifier),
                literal(mark)
            ),
        }
    }

    /// A role as statements name it.
    pub(crate) fn role(self, name: &str) -> String {
        match self {
            // Where roles are accounts, they have a host part.
            Self::MySql => account(name, "%"),
            Self::MariaDb => role(name),
        }
    }

    /// The statements that make `role` active for each account at log-in, after the account was made with
    /// [`Dialect::default_role_at_creation`].
    pub(crate) fn default_role(self, name: &str, accounts: &[String]) -> Vec<String> {
        match self {
            Self::MySql => Vec::new(),
            Self::MariaDb => {
                let name = self.role(name);
                let grant = format!("GRANT {name} TO {}", accounts.join(", "));
                // It takes one account at a time.
                let defaults = accounts.iter().map(|account| format!("SET DEFAULT ROLE {name} FOR {account}"));
                std::iter::once(grant).chain(defaults).collect()
            }
        }
    }

    /// The same as a part of `CREATE USER`, where that can do it.
    pub(crate) fn default_role_at_creation(self, name: &str) -> String {
        match self {
            Self::MySql => format!(" DEFAULT ROLE {}", self.role(name)),
            Self::MariaDb => String::new(),
        }
    }

    /// The end of `CREATE USER` with the marks of the accounts that it makes, where an account has a place for one. It stands
    /// once for all of them, so it says whose each mark is.
    pub(crate) fn marks_at_creation(self, marks: &[(&str, &str)]) -> String {
        match self {
            Self::MySql => {
                let marks: serde_json::Map<String, serde_json::Value> =
                    marks.iter().map(|(name, mark)| ((*name).to_owned(), (*mark).into())).collect();
                format!(" ATTRIBUTE {}", literal(&serde_json::json!({ "mayfly": marks }).to_string()))
            }
            Self::MariaDb => String::new(),
        }
    }

    /// A query of accounts for which `condition` holds: user, host, whether it is locked (`Y`), its marks (see
    /// [`Dialect::marks`]), its verifier in hexadecimal digits, whether it is a role (`Y`), its default role on MariaDB.
    pub(crate) fn accounts(self, condition: &str) -> String {
        match self {
            Self::MySql => format!(
                "SELECT u.User, u.Host, u.account_locked, JSON_EXTRACT(u.User_attributes, '$.metadata.mayfly'), \
                 HEX(u.authentication_string), 'N', NULL FROM mysql.user u WHERE {condition};\n"
            ),
            Self::MariaDb => format!(
                "SELECT u.User, u.Host, IF(JSON_VALUE(u.Priv, '$.account_locked') = 1, 'Y', 'N'), \
                 JSON_VALUE(u.Priv, '$.auth_or[1].authentication_string'), \
                 HEX(JSON_VALUE(u.Priv, '$.authentication_string')), \
                 IF(JSON_VALUE(u.Priv, '$.is_role') = 1, 'Y', 'N'), JSON_VALUE(u.Priv, '$.default_role') \
                 FROM mysql.global_priv u WHERE {condition};\n"
            ),
        }
    }

    /// The condition on `u` that an account carries this mark, or any mark when there is none.
    pub(crate) fn marked(self, mark: Option<&str>) -> String {
        let column = match self {
            Self::MySql => "u.User_attributes",
            Self::MariaDb => "u.Priv",
        };
        // An underscore stands for any character here; what is found is compared exactly afterwards.
        format!("{column} LIKE {}", literal(&format!("%{}%", mark.unwrap_or("mayfly ins_"))))
    }

    /// The marks in the column that [`Dialect::accounts`] reads, each with the name of the account that it was made for.
    pub(crate) fn marks(self, user: &str, text: &str) -> Vec<(String, String)> {
        match self {
            Self::MySql => match serde_json::from_str(text) {
                Ok(serde_json::Value::Object(marks)) => {
                    marks.into_iter().filter_map(|(name, mark)| Some((name, mark.as_str()?.to_owned()))).collect()
                }
                _ => Vec::new(),
            },
            Self::MariaDb => vec![(user.to_owned(), text.to_owned())],
        }
    }

    /// Whether the role is granted to the account, as a condition.
    pub(crate) fn has_edge(self, user: &str, host: &str, role: &str) -> String {
        let (user, host, role) = (literal(user), literal(host), literal(role));
        match self {
            Self::MySql => format!(
                "EXISTS (SELECT 1 FROM mysql.role_edges e WHERE e.TO_USER = {user} AND e.TO_HOST = {host} \
                 AND e.FROM_USER = {role} AND e.FROM_HOST = '%')"
            ),
            Self::MariaDb => format!(
                "EXISTS (SELECT 1 FROM mysql.roles_mapping e WHERE e.User = {user} AND e.Host = {host} AND e.Role = {role})"
            ),
        }
    }

    /// Whether the administrative account may grant the role by an edge of its own, as a condition.
    pub(crate) fn has_admin_edge(self, user: &str, host: &str, role: &str) -> String {
        let (user, host, role) = (literal(user), literal(host), literal(role));
        match self {
            Self::MySql => format!(
                "EXISTS (SELECT 1 FROM mysql.role_edges e WHERE e.TO_USER = {user} AND e.TO_HOST = {host} \
                 AND e.FROM_USER = {role} AND e.FROM_HOST = '%' AND e.WITH_ADMIN_OPTION = 'Y')"
            ),
            Self::MariaDb => format!(
                "EXISTS (SELECT 1 FROM mysql.roles_mapping e WHERE e.User = {user} AND e.Host = {host} \
                 AND e.Role = {role} AND e.Admin_option = 'Y')"
            ),
        }
    }

    /// Where the server tells its counters.
    pub(crate) const fn status(self) -> &'static str {
        match self {
            Self::MySql => "performance_schema.global_status",
            Self::MariaDb => "information_schema.GLOBAL_STATUS",
        }
    }

    /// The sessions that run, and for how many microseconds each has done what it does.
    pub(crate) const fn process_list(self) -> (&'static str, &'static str) {
        match self {
            Self::MySql => ("performance_schema.processlist", "TIME * 1000000"),
            Self::MariaDb => ("information_schema.PROCESSLIST", "CAST(TIME_MS * 1000 AS SIGNED)"),
        }
    }

    /// How exactly that is told: MySQL counts the seconds that have begun.
    pub(crate) const fn process_list_grain(self) -> i64 {
        match self {
            Self::MySql => 1_000_000,
            Self::MariaDb => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_statement_or_several() {
        let accounts = ["'a'@'h'".to_owned(), "'b'@'h'".to_owned()];
        assert!(Dialect::MySql.default_role("r", &accounts).is_empty());
        assert_eq!(Dialect::MySql.default_role_at_creation("r"), " DEFAULT ROLE 'r'@'%'");
        assert_eq!(
            Dialect::MariaDb.default_role("r", &accounts),
            ["GRANT `r` TO 'a'@'h', 'b'@'h'", "SET DEFAULT ROLE `r` FOR 'a'@'h'", "SET DEFAULT ROLE `r` FOR 'b'@'h'"]
        );
    }

    #[test]
    fn a_mark_is_found_where_it_was_put() {
        let written = Dialect::MySql.marks_at_creation(&[("a", "m1"), ("b", "m2")]);
        assert_eq!(written, r#" ATTRIBUTE '{"mayfly":{"a":"m1","b":"m2"}}'"#);
        let read = Dialect::MySql.marks("a", r#"{"a":"m1","b":"m2"}"#);
        assert_eq!(read, [("a".to_owned(), "m1".to_owned()), ("b".to_owned(), "m2".to_owned())]);
        for bad in ["", "null", "[]", "\"x\"", "{\"a\":1}"] {
            assert!(Dialect::MySql.marks("a", bad).is_empty(), "{bad}");
        }
        assert!(Dialect::MariaDb.identified("*AB", "mayfly ins_0 ses_0").ends_with("USING 'mayfly ins_0 ses_0'"));
    }

    #[test]
    fn verifiers_have_the_servers_form() {
        let salt = [7; 20];
        let verifier = Dialect::MySql.verifier("secret", &salt).unwrap();
        assert!(verifier.starts_with("$A$005$") && verifier.len() == 70, "{verifier}");
        assert_eq!(Dialect::MariaDb.verifier("s3cret", &salt).unwrap().len(), 41);
        assert_eq!(Dialect::MySql.verifier("a\0b", &salt), None);
    }
}
