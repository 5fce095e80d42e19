set -eu
# Before anything else on a connection: who the administrative account is ($1, its uid), from where the host sees us come (what
# $2, as sshd's SSH_CONNECTION, begins with), and which host this is.
say_hello() {
    printf 'mayfly 1\n'
    printf 'uid %s\n' "$1"
    printf 'from %s\n' "${2%% *}"
    machine=
    if [ -r /etc/machine-id ]; then
        IFS= read -r machine < /etc/machine-id || :
    fi
    printf 'machine %s\n' "$machine"
}
