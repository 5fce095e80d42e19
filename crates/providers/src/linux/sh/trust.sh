set -eu
# Whether sshd lets an account in by a certificate of a record's own authority.

# What sshd does for the account $1 when it comes from the address $2, as `sshd -T` prints it.
sshd_settings() {
    sshd -T -C "user=$1,host=$2,addr=$2" 2> /dev/null || sshd -T 2> /dev/null || :
}

# The values of the setting $2 (in lower case) in $1.
setting() {
    printf '%s\n' "$1" | sed -n "s/^$2 //p"
}

# Whether the list $1 with commas between has the word $2.
listed() {
    case ,$1, in
    *,"$2",*) return 0 ;;
    esac
    return 1
}

# Whether with the settings $1 a certificate by the authority whose public key is $2 (algorithm and base64) lets the account in
# that it names, without anything else that would have to be on the host.
trusts() {
    [ -n "$2" ] || return 1
    [ "$(setting "$1" pubkeyauthentication)" = yes ] || return 1
    [ "$(setting "$1" authorizedprincipalsfile)" = none ] || return 1
    [ "$(setting "$1" authorizedprincipalscommand)" = none ] || return 1
    case $(setting "$1" authenticationmethods) in
    '' | any | publickey) ;;
    *) return 1 ;;
    esac
    listed "$(setting "$1" casignaturealgorithms)" ssh-ed25519 || return 1
    # Named otherwise before OpenSSH 8.5.
    accepted=$(setting "$1" 'pubkeyaccepted[a-z]*')
    listed "$accepted" ssh-ed25519-cert-v01@openssh.com || return 1
    authorities=$(setting "$1" trustedusercakeys)
    [ -f "$authorities" ] || return 1
    asked=$2 awk '$1 " " $2 == ENVIRON["asked"] { found = 1 } END { exit !found }' "$authorities"
}
