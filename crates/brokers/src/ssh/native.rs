//! The target's own id of a connection: the process of its sshd that serves it, by which the provider tells our sessions
//! from those opened past us.

use std::time::Duration;

use mayfly_dial::ssh::SshConnection;

/// Asks the process that sshd starts for its parent: prints `PID@START#AUDIT`, with the start in clock ticks since the host's
/// (proc(5), field 22 of `stat`, the 20th behind the name) and the kernel's audit session id. Whatever the account's shell
/// is, it only has to run `/bin/sh`.
const QUESTION: &str = r#"exec /bin/sh -c 'read -r l < /proc/$PPID/stat; s=${l##*) }; set -- $s; read -r a < /proc/self/sessionid; echo "$PPID@${20}#$a"'"#;

/// What the kernel says where it keeps no audit session.
const NO_AUDIT: &str = "4294967295";

/// How long and how talkative the answer may be: the account's own start-up files run before it.
const LIMIT: Duration = Duration::from_secs(2);
const ANSWER_MOST: usize = 16 * 1024;

/// Asks for the id. `None` where the account runs no commands, or its host has no `/proc`: what came before us is spared
/// there then, and nothing more is known. The answer is the account's word, and is believed for no more than this.
pub(super) async fn id(connection: &SshConnection) -> Option<String> {
    let ran = connection.run(QUESTION, b"", ANSWER_MOST, LIMIT).await.ok()?;
    read(std::str::from_utf8(&ran.stdout).ok()?)
}

/// Reads the last line of an answer.
fn read(answer: &str) -> Option<String> {
    let (pid, rest) = answer.lines().last()?.split_once('@')?;
    let (start, audit) = rest.split_once('#')?;
    let number = |text: &str| !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    match (number(pid), number(start), number(audit) && audit != NO_AUDIT) {
        (true, true, true) => Some(format!("{pid}@{start}#{audit}")),
        (true, true, false) => Some(format!("{pid}@{start}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_id_is_read_as_one() {
        assert_eq!(read("123@4567#8\n").as_deref(), Some("123@4567#8"));
        assert_eq!(read("Welcome!\n123@4567#4294967295").as_deref(), Some("123@4567"));
        assert_eq!(read("123@4567#\n").as_deref(), Some("123@4567"));
        for text in
            ["", "\n", "123@#", "@1#2", "1#2", "x@1#2", "1 2@3#4", "1@2 3#4", "$(id)@1#2", "1@2#3\nbye", "-1@2#3"]
        {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
