//! What is printed for clients of SQL Server.

use super::kept::RESERVED;
use mayfly_wire::connect::ConnectAnswer;
use percent_encoding::utf8_percent_encode;

/// A connection URI without the secret, as Microsoft's driver for Go and its `sqlcmd` read it
/// (<https://github.com/microsoft/go-mssqldb#common-parameters>).
pub(super) fn uri(answer: &ConnectAnswer, ca_file: &str) -> String {
    let escaped = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let host = if answer.host.contains(':') { format!("[{}]", answer.host) } else { escaped(&answer.host) };
    let database = match answer.database.as_str() {
        "" => String::new(),
        name => format!("database={}&", escaped(name)),
    };
    let (user, ca) = (escaped(&answer.user), escaped(ca_file));
    format!("sqlserver://{user}@{host}:{}?{database}encrypt=true&certificate={ca}", answer.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_verifies_the_server_and_holds_no_secret() {
        let answer = ConnectAnswer {
            protocol: "mssql".to_owned(),
            user: "alice~orders".to_owned(),
            secret: "s3cret".to_owned(),
            expires_at: String::new(),
            host: "gw.example.com".to_owned(),
            port: 7433,
            database: "a&b".to_owned(),
            ca_pem: String::new(),
            known_hosts: None,
            notes: Vec::new(),
        };
        let expected =
            "sqlserver://alice~orders@gw.example.com:7433?database=a%26b&encrypt=true&certificate=%2Fh%2Fca.pem";
        assert_eq!(uri(&answer, "/h/ca.pem"), expected);
        let bare = ConnectAnswer { database: String::new(), ..answer };
        assert!(uri(&bare, "/c").ends_with(":7433?encrypt=true&certificate=%2Fc"));
    }
}
